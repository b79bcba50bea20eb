package workflows

import (
	"go.temporal.io/sdk/workflow"

	"agentfactory/internal/run"
)

// watched is the part of a workflow without a meta-agent that people see: its story, and what it waits for.
type watched struct {
	story     story
	impatient bool
}

func (w *watched) wait(ctx workflow.Context, p run.Phase, reason string) {
	w.story.wait(ctx, p, reason)
}
func (w *watched) goOn(ctx workflow.Context) { w.story.goOn(ctx) }
func (w *watched) hurry() *bool              { return &w.impatient }
func (w *watched) underway() bool            { return true }

// seen is the status as far as the story tells it.
func (w *watched) seen() run.Status {
	return run.Status{
		Phase: w.story.now, Action: w.story.action, WaitsFor: w.story.waitsFor, Next: []run.NextCall{}, Skills: []run.SavedSkill{},
		Events: append([]run.Event{}, w.story.events...),
	}
}

// sideBySide does a number of things, so many at once, in their order. The first that fails is the last that is begun.
func sideBySide(ctx workflow.Context, atOnce, count int, do func(ctx workflow.Context, i int) error) error {
	var failed error
	next := 0
	done := workflow.NewWaitGroup(ctx)
	for range min(atOnce, count) {
		done.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer done.Done()
			for next < count && failed == nil {
				i := next
				next++
				if err := do(ctx, i); err != nil && failed == nil {
					failed = err
				}
			}
		})
	}
	done.Wait(ctx)
	return failed
}
