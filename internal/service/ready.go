package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"agentfactory/internal/config"
	"agentfactory/internal/objectstore"
)

// Readiness is whether a worker can take on work, part by part.
type Readiness struct {
	Ready bool   `json:"ready"`
	Parts []Part `json:"parts"`
}

// Part is one thing that a worker needs, or that its operator should know of.
type Part struct {
	Name   string `json:"name"` // temporal, s3 or deployment; polling where it is that which is missing
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"` // what is wrong and what to do about it
}

// Needs are what Ready asks.
type Needs struct {
	Temporal Temporal
	Objects  objectstore.Store
	Worker   config.Worker
}

// partPatience is how long one part may take to answer: probes give up after a few seconds themselves.
const partPatience = 3 * time.Second

// Ready asks all parts at the same time. A deployment without a current version is told and does not make the worker unready:
// the version can only be made current once its workers are there.
func (n Needs) Ready(ctx context.Context) Readiness {
	ctx, cancel := context.WithTimeout(ctx, partPatience)
	defer cancel()
	asked := []struct {
		name string
		ask  func(context.Context) error
	}{
		{"temporal", func(ctx context.Context) error { return CheckNamespace(ctx, n.Temporal) }},
		{"s3", func(ctx context.Context) error { return Check(ctx, n.Objects) }},
	}
	r := Readiness{Ready: true, Parts: make([]Part, len(asked))}
	var answered sync.WaitGroup
	for i, part := range asked {
		answered.Go(func() {
			r.Parts[i] = Part{Name: part.name, OK: true}
			if err := part.ask(ctx); err != nil {
				r.Parts[i] = Part{Name: part.name, Detail: err.Error()}
			}
		})
	}
	if n.Worker.Deployment != "" {
		detail := Routing(ctx, n.Temporal, n.Worker)
		r.Parts = append(r.Parts, Part{Name: "deployment", OK: true, Detail: detail})
	}
	answered.Wait()
	for _, p := range r.Parts {
		r.Ready = r.Ready && p.OK
	}
	return r
}

// NamespaceRemedy follows the server's sentence about a namespace that is not there.
const NamespaceRemedy = "Check TEMPORAL_NAMESPACE or the profile; `worker setup` makes it"

// CheckNamespace reports whether the namespace is there and may be used.
func CheckNamespace(ctx context.Context, t Temporal) error {
	_, err := t.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: t.Namespace})
	if errors.As(err, new(*serviceerror.NamespaceNotFound)) {
		return fmt.Errorf("use Temporal's namespace %s: %w %s", t.Namespace, err, NamespaceRemedy)
	}
	if err != nil {
		return fmt.Errorf("use Temporal's namespace %s: %w", t.Namespace, err)
	}
	return nil
}

// Routing says what a versioned worker gets to do: new runs, or only those that are pinned to its version. "" is nothing
// worth saying: its version is the current one.
func Routing(ctx context.Context, t Temporal, w config.Worker) string {
	promote := fmt.Sprintf("temporal worker deployment set-current-version --namespace %s --deployment-name %s --build-id %s", t.Namespace, w.Deployment, w.BuildID)
	d, err := t.WorkerDeploymentClient().GetHandle(w.Deployment).Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	if err != nil {
		return fmt.Sprintf("cannot tell the current version of deployment %s: %v", w.Deployment, err)
	}
	routing := d.Info.RoutingConfig
	switch {
	case routing.CurrentVersion == nil:
		return fmt.Sprintf("deployment %s has no current version, so that no versioned worker is given new runs: %s", w.Deployment, promote)
	case routing.CurrentVersion.BuildID == w.BuildID:
		return ""
	case routing.RampingVersion != nil && routing.RampingVersion.BuildID == w.BuildID:
		return fmt.Sprintf("version %s is given %g %% of new runs; %s is current", w.BuildID, routing.RampingVersionPercentage, routing.CurrentVersion.BuildID)
	}
	return fmt.Sprintf("version %s is given only runs that are pinned to it; %s is current: %s", w.BuildID, routing.CurrentVersion.BuildID, promote)
}
