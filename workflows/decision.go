package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"agentfactory/internal/run"
)

// typeOf is the workflow type as which the loop runs.
func typeOf(ctx workflow.Context) string { return workflow.GetInfo(ctx).WorkflowType.Name }

// libraryDecision is what the run made of the library, told by what it did.
func (a *agent) libraryDecision() run.Decision {
	var evolved, built []string
	changed := map[string]bool{}
	for _, s := range a.skills {
		if !s.Promoted {
			continue // what is only kept beside changes nothing
		}
		name := fmt.Sprintf("%s version %d", s.Name, s.Version)
		if s.Parent > 0 {
			evolved, changed[s.Name] = append(evolved, name), true
		} else {
			built = append(built, name)
		}
	}
	var reused []string
	for _, name := range a.used {
		if !changed[name] {
			reused = append(reused, name)
		}
	}
	d := run.Decision{Choice: run.Neither, Offered: append([]run.Candidate{}, a.offered...)}
	var said []string
	for _, part := range []struct {
		choice run.Choice
		names  []string
	}{{run.Reused, reused}, {run.Evolved, evolved}, {run.Built, built}} {
		if len(part.names) == 0 {
			continue
		}
		if d.Choice = part.choice; len(said) > 0 {
			d.Choice = run.Mixed
		}
		said = append(said, fmt.Sprintf("%s %s", part.choice, strings.Join(part.names, ", ")))
	}
	d.Reason = strings.Join(append(said, a.whyNotReused(reused, evolved)...), "; ")
	return d
}

// whyNotReused says what the library had to offer when nothing of it was run.
func (a *agent) whyNotReused(reused, evolved []string) []string {
	switch {
	case a.nothing != "":
		return []string{a.nothing}
	case len(reused)+len(evolved) > 0:
		return nil
	case len(a.offered) == 0:
		return []string{"no saved skill fitted"}
	}
	best := a.offered[0]
	return []string{fmt.Sprintf("the model took none of the %d saved skills that were offered, of which %s came nearest (score %.2f)", len(a.offered), best.Name, best.Score)}
}
