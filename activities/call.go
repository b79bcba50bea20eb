package activities

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"agentfactory/internal/llm"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/internal/telemetry"
)

// call is one meta skill call while it is carried out; what becomes of it is in step.
type call struct {
	in      CallInput
	name    string
	args    any // one of metaskill's argument structs
	method  *metaskill.Method
	opening *run.Opening
	task    string         // in the user's words
	key     string         // of the step
	journal string         // key prefix of its gateway calls
	before  *run.Workspace // never changed
	step    *run.Step
}

// complaint is an error for the model: it becomes the observation of the call and
// never fails the run.
type complaint struct{ text string }

func (c complaint) Error() string { return c.text }

func complain(format string, args ...any) error { return complaint{fmt.Sprintf(format, args...)} }

// asks ends an attempt at a call until a person has decided.
type asks struct{ Asked }

func (a asks) Error() string { return "rule " + a.Rule + " asks a person first: " + a.Reason }

// caller carries out calls of the meta-agent; the structs whose methods are activities embed one.
type caller struct {
	records *run.Records
	blobs   *objectstore.Blobs
}

// carryOut does what every call has in common: find what an earlier attempt
// completed, read and check the arguments, run do, and write the step.
func (k caller) carryOut(ctx context.Context, in CallInput, do func(context.Context, *call) error) (CallResult, error) {
	defer beat(ctx)()
	exec := activity.GetInfo(ctx).WorkflowExecution
	key := run.StepKey(exec.ID, exec.RunID, in.Step)
	if done, err := k.records.Step(ctx, key); err == nil {
		return resultOf(key, done), nil
	} else if !notFound(err) {
		return CallResult{}, failure("look for the step", err)
	}
	started := time.Now()
	c := &call{in: in, key: key, journal: or(in.Journal, run.JournalPrefix(exec.ID, exec.RunID, in.Step)),
		step: &run.Step{Number: in.Step, Turn: in.Turn, At: started.UTC()}}
	err := k.prepare(ctx, c)
	if err == nil {
		err = do(ctx, c)
	}
	var said complaint
	var waits asks
	switch {
	case errors.As(err, &waits):
		return CallResult{Asked: &waits.Asked, Summary: "waits for a person"}, nil
	case errors.As(err, &said):
		c.step.OK, c.step.Observation = false, "Error: "+said.text
		c.step.Workspace, c.step.Changed = nil, false // a refused call changes nothing
		c.step.Summary = cut(said.text, maxSummary)
	case err != nil:
		return CallResult{}, failure(c.name, err)
	}
	return k.finishStep(ctx, c, started)
}

// prepare reads the call and the workspace; a mistake in the arguments is a complaint.
func (k caller) prepare(ctx context.Context, c *call) error {
	chain, err := k.records.Chain(ctx, c.in.Turn)
	if err != nil {
		return err
	}
	c.opening = chain[0].Opening
	if c.method, err = metaskill.MethodNamed(c.opening.Method); err != nil {
		return err
	}
	c.task = or(c.opening.Task, chain[0].Added[1].Content) // the first message shows more: saved skills, and code to be repaired
	asked := last(chain).Reply.ToolCalls
	i := slices.IndexFunc(asked, func(t llm.ToolCall) bool { return callID(t.ID) == c.in.CallID })
	if i < 0 {
		return temporal.NewNonRetryableApplicationError(fmt.Sprintf("%s asked for no call %q", c.in.Turn, c.in.CallID), TurnConflict, nil)
	}
	c.name, c.step.CallID = cut(asked[i].Name, maxName), asked[i].ID
	c.step.Tool = c.name
	before, err := k.records.Step(ctx, c.in.Workspace)
	if err != nil {
		return err
	}
	c.before = before.Workspace
	if c.in.Refuse != "" {
		return complaint{c.in.Refuse}
	}
	c.step.Amended = c.in.Amended
	c.args, err = c.method.Parse(asked[i].Name, or(c.in.Amended, asked[i].Arguments))
	if err != nil {
		return complaint{err.Error()}
	}
	telemetry.NameCall(ctx, c.name, c.in.CallID)
	return nil
}

// finishStep writes the step; an attempt that was overtaken by another adopts its step.
func (k caller) finishStep(ctx context.Context, c *call, started time.Time) (CallResult, error) {
	c.step.Seconds = time.Since(started).Seconds()
	c.step.Usage.WallSeconds = c.step.Seconds
	if c.step.Amended != "" {
		c.step.Observation = fmt.Sprintf("The user changed the arguments of this call before it was carried out, to %s\n%s",
			cut(c.step.Amended, maxAmended), c.step.Observation)
	}
	if err := k.capObservation(ctx, c.step); err != nil {
		return CallResult{}, failure("store the observation", err)
	}
	written, err := k.records.CreateStep(ctx, c.key, c.step)
	if err != nil {
		return CallResult{}, failure("write the step", err)
	}
	return resultOf(c.key, written), nil
}

const (
	maxObservation = 16 << 10 // bytes of one observation that the model reads
	maxAmended     = 8 << 10  // characters of amended arguments that the model reads
	maxSummary     = 120      // characters of the story's line
	maxShownAnswer = 500      // characters of the answer that a person is shown with an approval
)

// capObservation keeps head and tail of a long observation for the model and the
// whole text as a blob for people.
func (k caller) capObservation(ctx context.Context, s *run.Step) error {
	if len(s.Observation) <= maxObservation {
		return nil
	}
	digest, err := k.blobs.Put(ctx, []byte(s.Observation))
	if err != nil {
		return err
	}
	s.Full = objectstore.BlobKey(digest)
	const half = maxObservation / 2
	head, tail := s.Observation[:half], s.Observation[len(s.Observation)-half:]
	s.Observation = fmt.Sprintf("%s\n[%d bytes left out]\n%s", validUTF8(head), len(s.Observation)-maxObservation, validUTF8(tail))
	return nil
}

func resultOf(key string, s *run.Step) CallResult {
	res := CallResult{Step: key, OK: s.OK, Changed: s.Changed, Summary: cut(s.Summary, maxSummary), Usage: s.Usage, Skill: s.Skill, Lesson: s.Lesson}
	if s.Review != nil {
		res.Accepted, res.Advised = s.Review.Accepted, s.Review.Advised
	}
	if s.Plan != nil {
		for i, p := range s.Plan.Skills {
			res.Saves = append(res.Saves, p.Name)
			if skill := p.Replaces(); skill != "" {
				res.Replaces = append(res.Replaces, Replace{Index: i, Skill: skill, Parent: p.ParentVersion})
			}
		}
		res.Answer, res.Digest = cut(s.Plan.Answer, maxShownAnswer), s.Plan.Digest()
	}
	return res
}

// change returns a copy of the workspace for do to edit and makes it the step's.
func (c *call) change() *run.Workspace {
	if c.step.Workspace == nil {
		w := *c.before
		w.Subagents = maps.Clone(w.Subagents)
		c.step.Workspace, c.step.Changed = &w, true
	}
	return c.step.Workspace
}

// files is the workspace as the call has made it so far.
func (c *call) files() *run.Workspace {
	if c.step.Workspace != nil {
		return c.step.Workspace
	}
	return c.before
}

func (c *call) succeed(observation, summary string) {
	c.step.OK, c.step.Observation, c.step.Summary = true, observation, summary
}
