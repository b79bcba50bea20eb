package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"agentfactory/internal/config"
	"agentfactory/internal/embedded/s3server"
)

// The commands that this test binary understands besides running the tests.
const (
	stackCommand  = "stack"  // run a stack with a small worker
	brokenCommand = "broken" // say why and die
)

// idleVariable sets a stack's IdleAfter.
const idleVariable = "AGENTFACTORY_TEST_IDLE"

func TestMain(m *testing.M) {
	s3server.MaybeRun()
	if len(os.Args) > 1 && os.Args[1] == stackCommand {
		os.Exit(runStack())
	}
	if len(os.Args) > 1 && os.Args[1] == brokenCommand {
		fmt.Fprintln(os.Stderr, "starting")
		panic("the flux capacitor is empty")
	}
	os.Exit(m.Run())
}

func runStack() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c, err := config.Load(os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	idle, _ := time.ParseDuration(os.Getenv(idleVariable))
	err = Serve(ctx, ServeOptions{
		Config: c, IdleAfter: idle, StartWorker: startTestWorker,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// testWorker does as little as a worker can.
type testWorker struct {
	client client.Client
	worker worker.Worker

	mu    sync.Mutex
	model config.Model
}

const testQueue = "queue"

func startTestWorker(ctx context.Context, a Addresses) (Worker, error) {
	c, err := client.DialContext(ctx, client.Options{HostPort: a.Temporal, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	w := &testWorker{client: c, worker: worker.New(c, testQueue, worker.Options{})}
	w.worker.RegisterWorkflow(waitForGo)
	w.worker.RegisterWorkflow(whichModel)
	w.worker.RegisterActivityWithOptions(w.currentModel, activity.RegisterOptions{Name: "Model"})
	return w, w.worker.Start()
}

func (w *testWorker) SetModel(m config.Model) error {
	if m.Name == "unknown" {
		return fmt.Errorf("no such model: %s", m.Name)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.model = m
	return nil
}

func (w *testWorker) OpenRuns(ctx context.Context) (int64, error) {
	count, err := w.client.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: `ExecutionStatus = "Running"`})
	return count.GetCount(), err
}

func (w *testWorker) Stop() {
	w.worker.Stop()
	w.client.Close()
}

// currentModel is an activity.
func (w *testWorker) currentModel(context.Context) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprintf("%s at %s, key of %d bytes", w.model.Name, w.model.BaseURL, len(w.model.APIKey.Reveal())), nil
}

// waitForGo returns what the signal "go" carries.
func waitForGo(ctx workflow.Context) (string, error) {
	var what string
	workflow.GetSignalChannel(ctx, "go").Receive(ctx, &what)
	return what, nil
}

func whichModel(ctx workflow.Context) (model string, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	err = workflow.ExecuteActivity(ctx, "Model").Get(ctx, &model)
	return model, err
}
