package service

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"agentfactory/internal/config"
	"agentfactory/internal/telemetry/runtrace"
	"agentfactory/workflows"
)

// queues are the task queues that a worker serves, and how it leaves them.
type queues struct {
	workers []worker.Worker
	drains  time.Duration // from Stop to its return
	working context.Context
	handOn  context.CancelCauseFunc // ends the activities that are being carried out; others take them over
	failed  chan error
}

// The names of the task queues on the server.
var taskQueues = map[string]string{config.QueueMain: workflows.TaskQueue, config.QueueSandbox: workflows.SandboxTaskQueue}

const (
	// What the embedded worker has to finish things in: whoever stops it waits at a terminal.
	defaultDrain = 10 * time.Second
	// An activity that is handed over ends its processes and tells the server, which takes a few round trips.
	handingOver = 5 * time.Second
	// A cancellation comes back with a heartbeat: the SDK's default of up to 30 s between them would make people wait. It is
	// also how long one heartbeat may take, retries included; two of them fit into the heartbeat timeout.
	beatsReachServer = 4 * time.Second
	// A workflow that does not yield for so long is taken for deadlocked. After the SDK's one second a busy machine, which
	// let it wait for a processor, would have its workflow tasks fail.
	stuck = 5 * time.Second
)

func newQueues(w config.Worker) queues {
	ctx, cancel := context.WithCancelCause(context.Background())
	return queues{drains: cmp.Or(time.Duration(w.Drain), defaultDrain), working: ctx, handOn: cancel, failed: make(chan error, 2)}
}

// serve makes the worker of a queue; nil if this process leaves it to others.
func (q *queues) serve(p Parts, name string, o worker.Options) worker.Worker {
	if len(p.Worker.Queues) > 0 && !slices.Contains(p.Worker.Queues, name) {
		return nil
	}
	o.WorkerStopTimeout = q.drains
	o.BackgroundActivityContext = q.working
	o.MaxHeartbeatThrottleInterval, o.DefaultHeartbeatThrottleInterval = beatsReachServer, beatsReachServer
	o.DeadlockDetectionTimeout = stuck
	o.Interceptors = []interceptor.WorkerInterceptor{p.Temporal.Leases, runtrace.New(p.Telemetry, observer{p.Telemetry}), &eventLog{}}
	o.OnFatalError = q.fail
	if p.Worker.Deployment != "" {
		o.DeploymentOptions = worker.DeploymentOptions{
			UseVersioning: true,
			Version:       worker.WorkerDeploymentVersion{DeploymentName: p.Worker.Deployment, BuildID: p.Worker.BuildID},
			// A run ends on the code that it began with, or moves over where it continues as new.
			DefaultVersioningBehavior: workflow.VersioningBehaviorPinned,
		}
	}
	w := worker.New(p.Temporal.Client, taskQueues[name], o)
	q.workers = append(q.workers, w)
	return w
}

// mainOptions leave at zero what is left to the SDK.
func mainOptions(c config.MainQueue) worker.Options {
	return worker.Options{
		MaxConcurrentWorkflowTaskExecutionSize: c.WorkflowTasks, MaxConcurrentActivityExecutionSize: c.Activities,
		MaxConcurrentWorkflowTaskPollers: c.WorkflowPollers, MaxConcurrentActivityTaskPollers: c.ActivityPollers,
	}
}

func sandboxOptions(c config.SandboxQueue) worker.Options {
	return worker.Options{
		DisableWorkflowWorker:              true,
		MaxConcurrentActivityExecutionSize: cmp.Or(c.Activities, max(2, runtime.NumCPU())),
		MaxConcurrentActivityTaskPollers:   c.ActivityPollers,
	}
}

// fail keeps what ended the polling of a queue; the SDK says it once for each.
func (q *queues) fail(err error) {
	select {
	case q.failed <- err:
	default:
	}
}

// Failed tells when a queue is served no longer, which is for good: the namespace is gone, or the key has lost its rights.
func (q *queues) Failed() <-chan error { return q.failed }

// drain stops all queues at the same time. What is not finished shortly before the time is up is cut off, and its failure
// told to the server, so that it is tried again elsewhere at once and not only when its heartbeats are missed. A server that
// does not answer cannot hold it up: the SDK would wait for it several times over.
func (q *queues) drain() {
	defer q.handOn(worker.ErrWorkerShutdown)
	timeIsUp := time.After(q.drains)
	defer time.AfterFunc(q.drains-min(handingOver, q.drains/2), func() { q.handOn(worker.ErrWorkerShutdown) }).Stop()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		var all sync.WaitGroup
		for _, w := range q.workers {
			all.Go(w.Stop)
		}
		all.Wait()
	}()
	select {
	case <-stopped:
	case <-timeIsUp:
	}
}
