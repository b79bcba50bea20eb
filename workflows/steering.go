package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/run"
)

// steerable registers the updates through which people steer a run. A validator refuses
// what makes no sense at this moment; what it lets pass takes effect at once, and the
// handlers never wait, so that a run can end or continue as new at any time.
func (a *agent) steerable(ctx workflow.Context) error {
	return errors.Join(
		handle(ctx, ApproveUpdate, `release or reject what the query status shows under approval: {"approval_id", "decision": "approve" or "reject", "note", "by"}`,
			a.checkApprove, a.approve),
		handle(ctx, InstructUpdate, `say something to the model with its next turn: {"message", "by"}`,
			a.checkInstruct, a.instruct),
		handle(ctx, BudgetUpdate, `set limits, absolute values; 0 lifts one: {"turns", "cost_usd", "wall_seconds", ..., "by"}`,
			a.checkBudget, a.setBudget),
		handle(ctx, PauseUpdate, `stop before the next action: {"reason", "by"}`,
			a.checkPause, a.pause),
		handle(ctx, ResumeUpdate, `go on, or try again what the run waits for: {"steps": actions until it pauses again, "by"}`,
			a.checkResume, a.resume),
		handle(ctx, AmendUpdate, `replace the arguments of a call that the query status shows under next: {"call_id", "arguments", "by"}`,
			a.checkAmend, a.amend),
	)
}

// handle registers one update. Its argument is taken as raw JSON so that unknown fields
// are refused; none at all is an empty object. The description is what Temporal's tools show.
func handle[T any](ctx workflow.Context, name, description string, check func(T) error, do func(workflow.Context, T) string) error {
	read := func(raw json.RawMessage) (T, error) {
		var v T
		if len(raw) == 0 {
			raw = json.RawMessage("{}")
		}
		return v, strict(raw, &v)
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, name,
		func(ctx workflow.Context, raw json.RawMessage) (Reply, error) {
			v, err := read(raw)
			if err != nil {
				return Reply{}, err
			}
			return Reply{Text: do(ctx, v)}, nil
		},
		workflow.UpdateHandlerOptions{Description: description, Validator: func(raw json.RawMessage) error {
			v, err := read(raw)
			if err == nil {
				err = check(v)
			}
			if err != nil {
				return refused(name, err)
			}
			return nil
		}})
}

// UpdateRefused is the error type of an update that a validator refused.
const UpdateRefused = "UpdateRefused"

// refused is one error without a cause: Temporal's tools print each cause once more.
func refused(update string, err error) error {
	return temporal.NewNonRetryableApplicationError(update+": "+err.Error(), UpdateRefused, nil)
}

var errClosing = errors.New("the run has done its work and is ending; nothing can be changed any more")

func (a *agent) checkApprove(d Approve) error {
	switch {
	case d.Decision != DecideApprove && d.Decision != DecideReject:
		return fmt.Errorf("decision is %q: give %q or %q", d.Decision, DecideApprove, DecideReject)
	case len(d.Note) > MaxMessage:
		return fmt.Errorf("note has %d bytes; at most %d are taken", len(d.Note), MaxMessage)
	case a.approval == nil:
		return errors.New("nothing waits for an approval now; the query status shows when something does")
	case d.ApprovalID != a.approval.ApprovalID:
		return fmt.Errorf("approval_id %q is not what waits now: look at it again (query status) and approve %s", d.ApprovalID, a.approval.ApprovalID)
	case a.decision != nil:
		return errors.New("a decision about it has been made already")
	}
	return nil
}

func (a *agent) approve(_ workflow.Context, d Approve) string {
	a.decision = &d
	if d.Decision == DecideReject && a.approval.Kind == ApprovePolicy {
		return "refused: the call is not made, and the run goes on without it"
	}
	if d.Decision == DecideReject {
		return "rejected: the run ends, nothing more is saved"
	}
	return "approved: the run goes on"
}

func (a *agent) checkInstruct(m Instruct) error {
	pending := len(m.Message)
	for _, waiting := range a.messages {
		pending += len(waiting)
	}
	switch {
	case strings.TrimSpace(m.Message) == "":
		return errors.New("message is empty: say what the model is to do")
	case len(m.Message) > MaxMessage:
		return fmt.Errorf("message has %d bytes; at most %d are taken", len(m.Message), MaxMessage)
	case !utf8.ValidString(m.Message):
		return errors.New("message is not valid UTF-8 text")
	case pending > MaxMessages:
		return fmt.Errorf("the model has not read the messages before this one yet; at most %d bytes wait for its next turn", MaxMessages)
	case a.closing || a.learning != "" || a.accepted != nil && !a.recallable():
		return errClosing
	}
	return nil
}

// recallable tells that an accepted finish can still be sent back to work: nothing of it is released or saved.
func (a *agent) recallable() bool {
	saved := func(s *save) bool { return s.Saved }
	return a.accepted.Released == "" && a.accepted.next(saved) == nil
}

func (a *agent) instruct(ctx workflow.Context, m Instruct) string {
	a.messages = append(a.messages, m.Message)
	a.tell(ctx, fmt.Sprintf("instruction%s: %s", by(m.By), m.Message))
	return fmt.Sprintf("the model reads it with turn %d", a.number+1)
}

func (a *agent) checkBudget(s SetBudget) error {
	switch {
	case s.Turns != nil && *s.Turns < 1:
		return fmt.Errorf("turns is %d: give 1 to %d", *s.Turns, run.MaxTurns)
	case s.CostUSD != nil && *s.CostUSD > 0 && !a.priced:
		return errors.New("cost_usd: no price is known for the models of this run, so nothing could be counted")
	case a.turn == "":
		return errors.New("the run is not open yet; try again in a moment")
	case a.closing || a.learning != "":
		return errClosing
	}
	return s.applied(a.budget).Check()
}

func (s SetBudget) applied(b run.Budget) run.Budget {
	set(&b.Turns, s.Turns)
	set(&b.OrchestrationTokens, s.OrchestrationTokens)
	set(&b.SubagentTokens, s.SubagentTokens)
	set(&b.CostUSD, s.CostUSD)
	set(&b.WallSeconds, s.WallSeconds)
	set(&b.SubagentRuns, s.SubagentRuns)
	set(&b.SubagentsCreated, s.SubagentsCreated)
	set(&b.Rounds, s.Rounds)
	return b
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

func (a *agent) setBudget(ctx workflow.Context, s SetBudget) string {
	a.budget = s.applied(a.budget)
	text := "budget" + by(s.By) + ": " + a.budget.String()
	a.tell(ctx, text)
	return text
}

func (a *agent) checkPause(p Pause) error {
	switch {
	case len(p.Reason) > MaxMessage:
		return fmt.Errorf("reason has %d bytes; at most %d are taken", len(p.Reason), MaxMessage)
	case a.closing:
		return errClosing
	case a.paused != nil:
		return errors.New("the run is paused already; resume lets it go on")
	}
	return nil
}

func (a *agent) pause(ctx workflow.Context, p Pause) string {
	p.By = clip(p.By, maxBy) // it goes along when the run continues as new
	a.paused, a.steps = &p, 0
	a.story.show(ctx)
	switch {
	case a.story.now == run.WaitingForApproval:
		return "pauses when it has been approved"
	case a.story.waitsFor != "":
		return "pauses when what it waits for is there again, after " + a.story.action
	}
	return "pauses after what it is doing now: " + a.story.action
}

func (a *agent) pauseReason() string {
	switch p := a.paused; {
	case p.By != "":
		return because("by "+p.By, p.Reason)
	case p.Reason != "":
		return p.Reason
	}
	return "until somebody resumes it"
}

func (a *agent) checkResume(r Resume) error {
	switch {
	case r.Steps < 0:
		return fmt.Errorf("steps is %d: give the number of actions after which the run pauses again, or leave it out", r.Steps)
	case a.closing:
		return errClosing
	case a.story.now == run.WaitingForApproval && a.paused == nil:
		return fmt.Errorf("the run is not paused, it waits for an approval: approve %s, or instruct it", a.approval.ApprovalID)
	case a.paused == nil && a.story.waitsFor == "":
		return errors.New("the run is not paused")
	}
	return nil
}

func (a *agent) resume(ctx workflow.Context, r Resume) string {
	if a.story.waitsFor != "" && a.story.now != run.Paused {
		a.impatient = true
	}
	a.paused, a.steps = nil, r.Steps
	a.story.show(ctx)
	switch {
	case r.Steps == 1:
		return "pauses again after 1 action"
	case r.Steps > 1:
		return fmt.Sprintf("pauses again after %d actions", r.Steps)
	}
	return "goes on" + by(r.By)
}

func (a *agent) checkAmend(m Amend) error {
	if a.paused == nil {
		return errors.New("the run is not paused; pause it first, so that the call is not carried out in the meantime")
	}
	waiting := a.waitingCalls()
	i := slices.IndexFunc(waiting, func(c run.NextCall) bool { return c.CallID == m.CallID })
	if i < 0 {
		return fmt.Errorf("call_id %q does not wait to be carried out; %s", m.CallID, describe(waiting))
	}
	total := len(m.Arguments)
	for _, c := range a.calls {
		if c.ID != m.CallID {
			total += len(a.amended[c.ID])
		}
	}
	if total > MaxArguments {
		return fmt.Errorf("arguments: the amended calls of this turn would have %d bytes together; at most %d are taken", total, MaxArguments)
	}
	return checkArguments(a.method, waiting[i].Tool, string(m.Arguments))
}

// checkArguments holds amended arguments against the tool's schema. The result
// depends on its input alone; the checker sees the runtime behind reflection.
//
//workflowcheck:ignore
func checkArguments(method, tool, arguments string) error {
	m, err := metaskill.MethodNamed(method)
	if err != nil {
		return err
	}
	if _, err := m.Parse(tool, arguments); err != nil {
		return fmt.Errorf("arguments: %w", err)
	}
	return nil
}

func describe(waiting []run.NextCall) string {
	if len(waiting) == 0 {
		return "no call of this turn does"
	}
	ids := make([]string, len(waiting))
	for i, c := range waiting {
		ids[i] = fmt.Sprintf("%s (%s)", c.CallID, c.Tool)
	}
	return "these do: " + strings.Join(ids, ", ")
}

func (a *agent) amend(ctx workflow.Context, m Amend) string {
	i := slices.IndexFunc(a.calls, func(c activities.Call) bool { return c.ID == m.CallID })
	c := &a.calls[i]
	a.amended[c.ID] = string(m.Arguments)
	c.Hint, c.Runs = hint(c.Name, string(m.Arguments))
	a.tell(ctx, fmt.Sprintf("amended%s: %s", by(m.By), callName(*c)))
	return "carried out with these arguments once the run goes on: " + callName(*c)
}

// hint tells what amended arguments are about; a function of its input, like checkArguments.
//
//workflowcheck:ignore
func hint(tool, arguments string) (text string, runs bool) { return metaskill.Hint(tool, arguments) }

// waitingCalls are the calls of the turn that nobody has begun to carry out.
func (a *agent) waitingCalls() []run.NextCall {
	next := []run.NextCall{}
	if a.accepted != nil {
		return next
	}
	for _, c := range a.calls[min(len(a.answers)+a.inFlight, len(a.calls)):] {
		_, amended := a.amended[c.ID]
		next = append(next, run.NextCall{CallID: c.ID, Tool: c.Name, Hint: c.Hint, Amended: amended})
	}
	return next
}
