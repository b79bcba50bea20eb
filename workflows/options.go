package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Activities retry for about two minutes (1+2+4+8+16+30+30+30 s); after that the
// workflow itself waits, where a person sees it.
var retries = &temporal.RetryPolicy{
	InitialInterval:    time.Second,
	BackoffCoefficient: 2,
	MaximumInterval:    30 * time.Second,
	MaximumAttempts:    8,
}

// deadWorker is how long a worker may be silent before its activity is given to another.
const deadWorker = 10 * time.Second

// A reply of many thousand tokens from a slow local model takes minutes; a stalled one
// is noticed by the client between chunks, long before this.
var modelCall = workflow.ActivityOptions{
	TaskQueue: TaskQueue, StartToCloseTimeout: 30 * time.Minute, HeartbeatTimeout: deadWorker, RetryPolicy: retries,
}

// Small reads and writes of S3; large input files make the minutes.
var recordKeeping = workflow.ActivityOptions{
	TaskQueue: TaskQueue, StartToCloseTimeout: 5 * time.Minute, HeartbeatTimeout: deadWorker, RetryPolicy: retries,
}

// A save that has begun is seen through, so that the result names what was saved.
var saving = workflow.ActivityOptions{
	TaskQueue: TaskQueue, StartToCloseTimeout: 5 * time.Minute, HeartbeatTimeout: deadWorker, RetryPolicy: retries,
	WaitForCancellation: true,
}

// The sandbox's own limits end a subagent much earlier; this bounds fetching and
// putting its workspace as well. A cancelled run waits until the subagent is gone.
var sandboxRun = workflow.ActivityOptions{
	TaskQueue: SandboxTaskQueue, StartToCloseTimeout: time.Hour, HeartbeatTimeout: deadWorker, RetryPolicy: retries,
	WaitForCancellation: true,
}

// waitBetween is the durable backoff of a run that waits for a service: 10 s at first,
// five minutes at most.
func waitBetween(attempt int) time.Duration {
	return min(10*time.Second<<min(attempt, 10), 5*time.Minute)
}

func withSummary(ctx workflow.Context, o workflow.ActivityOptions, summary string) workflow.Context {
	o.Summary = clip(summary, maxActivitySummary)
	return workflow.WithActivityOptions(ctx, o)
}

// maxActivitySummary is half of what Temporal takes (400 bytes), as runes may have several bytes.
const maxActivitySummary = 100

func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
