package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/run"
)

// maxEvents is how many story lines a status shows; the transcript has them all.
const maxEvents = 40

// story is what people see of a run while it goes on.
type story struct {
	now      run.Phase
	before   run.Phase // what a wait interrupted
	action   string
	waitsFor string
	outcome  run.Outcome
	seq      int
	events   []run.Event
}

func (s *story) phase(ctx workflow.Context, p run.Phase, action string) {
	s.now, s.action, s.waitsFor = p, action, ""
	s.show(ctx)
}

func (s *story) wait(ctx workflow.Context, p run.Phase, reason string) {
	if s.waitsFor == "" {
		s.before = s.now
		s.tell(ctx, strings.ReplaceAll(string(p), "_", " ")+": "+reason)
	}
	s.now, s.waitsFor = p, reason
	s.show(ctx)
}

func (s *story) resume(ctx workflow.Context) {
	s.now = s.before
	s.show(ctx)
}

func (s *story) tell(ctx workflow.Context, line string) {
	s.seq++
	s.events = append(s.events, run.Event{Seq: s.seq, At: workflow.Now(ctx), Text: clip(line, 300)})
	if len(s.events) > maxEvents {
		s.events = s.events[len(s.events)-maxEvents:]
	}
	s.show(ctx)
}

// show writes the story where the Temporal UI displays it.
func (s *story) show(ctx workflow.Context) {
	lines := []string{fmt.Sprintf("**%s** %s\n", s.now, s.action)}
	if s.waitsFor != "" {
		lines = append(lines, fmt.Sprintf("waits: %s\n", s.waitsFor))
	}
	for _, e := range s.events {
		lines = append(lines, fmt.Sprintf("- %s %s", e.At.UTC().Format("15:04:05"), e.Text))
	}
	workflow.SetCurrentDetails(ctx, strings.Join(lines, "\n"))
}

func (a *agent) status() (run.Status, error) {
	s := &a.story
	skills := append([]run.SavedSkill{}, a.skills...)
	return run.Status{
		Phase: s.now, Turn: a.number, Action: s.action, WaitsFor: s.waitsFor, Model: a.model,
		Budget: a.budget, Usage: a.usage, Skills: skills, Outcome: s.outcome, Events: append([]run.Event{}, s.events...),
	}, nil
}

func thoughtLine(number int, t activities.ThinkResult) string {
	names := make([]string, len(t.Calls))
	for i, c := range t.Calls {
		names[i] = callName(c)
	}
	said := strings.Join(names, ", ")
	if said == "" {
		said = "no call: " + clip(t.Text+t.Refusal, 80)
	}
	return fmt.Sprintf("turn %d (%d tokens): %s", number, t.Usage.OrchestrationOutputTokens, said)
}

func callLine(c activities.Call, res activities.CallResult) string {
	mark := "ok"
	if !res.OK {
		mark = "not ok"
	}
	return fmt.Sprintf("  %s %s: %s", c.Name, mark, res.Summary)
}

func callName(c activities.Call) string {
	if c.Hint == "" || c.Name == metaskill.Finish {
		return c.Name
	}
	return c.Name + " " + c.Hint
}
