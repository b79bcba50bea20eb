package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/run"
)

// Install solves a task: it builds the subagents that the task needs and saves what
// worked. Its input is an InstallInput; it is taken as raw JSON so that unknown fields
// are refused.
func Install(ctx workflow.Context, raw json.RawMessage) (run.Result, error) {
	return start(ctx, raw)
}

// Solve is the front door: the same loop, opened with the saved skills that fit. It runs
// what fits, repairs what falls short and builds the rest.
func Solve(ctx workflow.Context, raw json.RawMessage) (run.Result, error) {
	return start(ctx, raw)
}

// SelfEvolve repairs a saved skill: the same loop, opened with the skill, what it fell short of and what was tried before.
// Its input is an EvolveInput.
func SelfEvolve(ctx workflow.Context, raw json.RawMessage) (run.Result, error) {
	in, err := DecodeEvolve(raw)
	if err != nil {
		return run.Result{}, wrongInput(ctx, raw, err)
	}
	a := newAgent(in.InstallInput)
	a.evolve = &activities.EvolveArg{Skill: in.Skill, Query: in.Query}
	return a.begin(ctx)
}

func start(ctx workflow.Context, raw json.RawMessage) (run.Result, error) {
	in, err := DecodeInstall(raw)
	if err != nil {
		return run.Result{}, wrongInput(ctx, raw, err)
	}
	return newAgent(in).begin(ctx)
}

// begin makes the run visible and steerable, and runs it.
func (a *agent) begin(ctx workflow.Context) (run.Result, error) {
	a.method = methodOf(ctx)
	const shows = "what the run does, waits for, does next and has spent"
	if err := workflow.SetQueryHandlerWithOptions(ctx, StatusQuery, a.status, workflow.QueryHandlerOptions{Description: shows}); err != nil {
		return run.Result{}, err
	}
	if err := a.steerable(ctx); err != nil {
		return run.Result{}, err
	}
	return a.run(ctx)
}

// agent is the meta-agent loop of one run. What it keeps are references and counters;
// the transcript and the files are on S3. Between two actions all of it can be handed to
// a successor (Carry), so that a run may continue as new anywhere.
type agent struct {
	in        InstallInput
	method    string                // of metaskill; "" is the meta-agent
	evolve    *activities.EvolveArg // SelfEvolve: what to repair
	evolves   string                // SelfEvolve: the skill that is repaired
	model     string
	subagents string // model behind call_llm and judges
	policy    activities.Policy
	budget    run.Budget
	priced    bool // costs can be counted
	versioned bool // its workers belong to a deployment

	turn      string            // key of the last turn
	number    int               // its number
	calls     []activities.Call // that it asked for
	inFlight  int               // how many of them are being carried out
	amended   map[string]string // arguments that a person put in place of the model's, by call ID
	answers   []string          // keys of the steps that answer its calls, in their order
	begun     *Begun            // the call after them, if it is not carried out from its beginning
	workspace string            // key of the step that holds the files
	nextStep  int
	note      string    // said to the model with the next turn
	messages  []string  // of people, said with the next turn
	warned    bool      // finish gave its advice
	idle      int       // turns in a row that called nothing
	accepted  *accepted // the finish that was accepted
	gates     int       // begun so far
	nothing   string    // why there is nothing to do

	approval  *run.Approval // what waits for a person
	decision  *Approve      // about it
	paused    *Pause
	steps     int  // actions until it pauses again; 0: it does not
	impatient bool // somebody wants a waiting run to try again at once
	closing   bool // nothing can be changed any more

	usage    run.Usage
	offered  []run.Candidate // saved skills that may fit
	skills   []run.SavedSkill
	used     []string     // saved skills that were run
	lessons  []run.Lesson // of earlier tasks, with which the run began
	lesson   *run.Lesson  // that the run has left
	learning run.Outcome  // of the task, while a lesson is written of it
	story    story
	listed   listing
}

func newAgent(in InstallInput) *agent {
	a := &agent{in: in, nextStep: 1, amended: map[string]string{}}
	a.story.task = clip(oneLine.Replace(in.Task), maxShownTask)
	if in.Paused {
		a.paused = &Pause{Reason: "before the first turn, as asked for at the start"}
	}
	if c := in.Carry; c != nil {
		a.model, a.subagents, a.policy, a.evolves, a.gates = c.Model, c.Subagents, c.Policy, c.Evolves, c.Gates
		a.budget, a.priced, a.listed.possible, a.versioned = c.Budget, c.Priced, c.Listed, c.Versioned
		a.turn, a.number, a.calls, a.answers, a.begun, a.workspace, a.nextStep = c.Turn, c.Number, c.Calls, c.Answers, c.Begun, c.Workspace, c.NextStep
		a.note, a.messages, a.warned, a.idle, a.accepted = c.Note, c.Messages, c.Warned, c.Idle, c.Accepted
		a.lessons = c.Lessons
		a.usage, a.offered, a.skills, a.used, a.paused, a.steps = c.Usage, c.Offered, c.Skills, c.Used, c.Paused, c.Steps
		a.story.seq, a.story.events = c.Events, c.Recent
		if c.Amended != nil {
			a.amended = c.Amended
		}
	}
	return a
}

// run is the story of a run: one action after the other until nothing is left to do, then close.
func (a *agent) run(ctx workflow.Context) (run.Result, error) {
	err := a.work(ctx)
	var ended endedError
	switch {
	case workflow.IsContinueAsNewError(err):
		return run.Result{}, err
	case errors.As(err, &ended):
		return a.conclude(ctx, ended.outcome, ended.reason)
	case err != nil:
		return a.abort(ctx, err)
	}
	return a.conclude(ctx, run.Completed, "")
}

// conclude ends a run that has neither failed nor been cancelled; the textual method leaves a lesson first.
func (a *agent) conclude(ctx workflow.Context, outcome run.Outcome, reason string) (run.Result, error) {
	if err := a.learn(ctx, outcome, reason); err != nil {
		return a.abort(ctx, err)
	}
	return a.close(ctx, outcome, reason)
}

// endedError ends a run that is not completed and has not failed.
type endedError struct {
	outcome run.Outcome
	reason  string
}

func (e endedError) Error() string { return e.reason }

func exhausted(reason string) error { return endedError{run.BudgetExhausted, reason} }

func (a *agent) work(ctx workflow.Context) error {
	for !a.done() {
		if err := a.ready(ctx); err != nil {
			return err
		}
		err := a.next(ctx)
		if errors.Is(err, errMoves) {
			return a.continueAsNew(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *agent) done() bool {
	return a.nothing != "" || a.accepted != nil && !a.mustAsk() && a.accepted.next((*save).pending) == nil
}

// next does whatever comes next; when it fails, nothing of the state has changed.
func (a *agent) next(ctx workflow.Context) error {
	switch {
	case a.turn == "":
		return a.open(ctx)
	case a.accepted == nil && len(a.answers) < len(a.calls):
		return a.act(ctx)
	case a.accepted == nil:
		return a.think(ctx)
	}
	return a.settle(ctx)
}

// ready holds the run before an action: while it is paused, and to continue as new when
// the history has grown long, which updates to a paused run do as well, and when a newer
// version is there for a run that waits for a person.
func (a *agent) ready(ctx workflow.Context) error {
	info := workflow.GetInfo(ctx)
	grown := func() bool { return info.GetContinueAsNewSuggested() && a.learning == "" } // a lesson is a few actions more, at most
	// People are asked whether the run is paused or not.
	asks := a.mustAsk() || a.begun != nil
	if a.paused != nil && a.turn != "" && !asks {
		a.wait(ctx, run.Paused, a.pauseReason())
		if err := awaitPerson(ctx, a.versioned, func() bool { return a.paused == nil || grown() || a.mayMove(ctx) }); err != nil {
			return err
		}
		a.goOn(ctx)
	}
	if a.turn != "" && (grown() || a.mayMove(ctx)) {
		return a.continueAsNew(ctx)
	}
	if a.steps > 0 && !asks {
		if a.steps--; a.steps == 0 {
			a.paused = &Pause{Reason: "after a step"}
		}
	}
	return nil
}

func (a *agent) continueAsNew(ctx workflow.Context) error {
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return err
	}
	in := a.in
	in.Files, in.Paused = nil, false // the files are in the workspace
	in.Carry = &Carry{
		Model: a.model, Subagents: a.subagents, Policy: a.policy, Evolves: a.evolves, Lessons: a.lessons, Gates: a.gates, Budget: a.budget, Priced: a.priced, Listed: a.listed.possible, Versioned: a.versioned,
		Turn: a.turn, Number: a.number, Calls: a.calls, Amended: a.amended, Answers: a.answers, Begun: a.begun, Workspace: a.workspace, NextStep: a.nextStep,
		Note: a.note, Messages: a.messages, Warned: a.warned, Idle: a.idle, Accepted: a.accepted,
		Usage: a.usage, Offered: a.offered, Skills: a.skills, Used: a.used, Paused: a.paused, Steps: a.steps, Events: a.story.seq, Recent: a.story.recent(),
	}
	if a.evolve != nil {
		return continuedAsNew(ctx, a.versioned, EvolveInput{Skill: a.evolve.Skill, Query: a.evolve.Query, InstallInput: in})
	}
	return continuedAsNew(ctx, a.versioned, in)
}

func (a *agent) open(ctx workflow.Context) error {
	a.phase(ctx, run.Starting, "open the run")
	var res activities.BeginResult
	in := activities.BeginInput{Task: a.in.Task, Files: a.in.Files, Model: a.in.Model, Budget: a.in.Budget, Offer: typeOf(ctx) == SolveType, Evolve: a.evolve, Method: a.method, Library: a.in.Library}
	err := perform(ctx, a, recordKeeping, "open the run", (*activities.Runs).Begin, in, &res)
	if err != nil {
		return err
	}
	a.turn, a.workspace, a.model, a.subagents, a.budget, a.priced, a.versioned = res.Turn, res.Step, res.Model, res.SubagentModel, res.Budget, res.Priced, res.Versioned
	a.offered, a.policy, a.calls, a.evolves, a.nothing = res.Offered, res.Policy, res.Calls, res.Evolves, res.Nothing
	a.usage, a.lessons = a.usage.Add(res.Usage), res.Lessons
	if a.in.Task == "" {
		a.story.task = clip(oneLine.Replace(res.Task), maxShownTask)
	}
	a.tell(ctx, "opened with model "+res.Model)
	if line := offerLine(res); line != "" {
		a.tell(ctx, line)
	}
	if len(res.Lessons) > 0 {
		a.tell(ctx, "lessons of earlier tasks: "+strings.Join(titles(res.Lessons), "; "))
	}
	for _, note := range res.Notes {
		a.tell(ctx, note)
	}
	if res.Unlisted != "" {
		a.tell(ctx, "cannot be found by search attributes: "+res.Unlisted)
	}
	a.listed.possible = res.Listed
	a.list(ctx)
	return nil
}

func (a *agent) think(ctx workflow.Context) error {
	if reason := a.budget.BeforeTurn(a.number, a.usage); reason != "" {
		return exhausted(reason)
	}
	said := len(a.messages)
	turn, err := a.takeTurn(ctx, a.said(), a.tokensLeft())
	if err != nil {
		return err
	}
	a.note, a.messages = "", a.messages[said:] // more may have come during the call
	return a.judge(turn)
}

// takeTurn makes one model call, with a note beside the observations and at most so many tokens in reply (0: the model's limit).
func (a *agent) takeTurn(ctx workflow.Context, note string, maxTokens int64) (activities.ThinkResult, error) {
	number := a.number + 1
	a.phase(ctx, run.Thinking, fmt.Sprintf("turn %d: ask the model", number))
	in := activities.ThinkInput{Number: number, Parent: a.turn, Steps: a.answers, Note: note, MaxOutputTokens: maxTokens}
	var turn activities.ThinkResult
	err := perform(ctx, a, modelCall, fmt.Sprintf("turn %d", number), (*activities.Model).Think, in, &turn)
	if err != nil {
		return turn, err
	}
	a.turn, a.number, a.calls, a.answers = turn.Turn, number, turn.Calls, nil
	clear(a.amended)
	a.usage = a.usage.Add(turn.Usage)
	a.tell(ctx, thoughtLine(number, turn))
	a.listNowAndThen(ctx)
	return turn, nil
}

// said is what the model is told beside the observations.
func (a *agent) said() string {
	parts := []string{}
	if a.note != "" {
		parts = append(parts, a.note)
	}
	for _, m := range a.messages {
		parts = append(parts, "The user says: "+m)
	}
	return strings.Join(parts, "\n\n")
}

// tokensLeft bounds the reply of the next turn; 0 is no limit.
func (a *agent) tokensLeft() int64 {
	if a.budget.OrchestrationTokens == 0 {
		return 0
	}
	return a.budget.OrchestrationTokens - a.usage.OrchestrationOutputTokens
}

// maxIdle is how many turns in a row may call nothing before the run fails.
const maxIdle = 3

// judge deals with replies that call nothing: a refusal ends the run, anything else
// is answered with what to do instead, a few times.
func (a *agent) judge(turn activities.ThinkResult) error {
	if turn.Refusal != "" {
		return temporal.NewNonRetryableApplicationError("the model refused: "+turn.Refusal, ModelRefused, nil)
	}
	if turn.Finish == "length" {
		a.note = "Your last reply was cut off at the output limit. Write less in one reply: smaller code, fewer calls."
	}
	if len(turn.Calls) > 0 {
		a.idle = 0
		return nil
	}
	a.idle++
	if a.idle >= maxIdle {
		return temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("the model called no tool in %d turns in a row; its last words: %q", a.idle, turn.Text), ModelIdle, nil)
	}
	if a.note == "" {
		a.note = "Nothing happened: only tool calls do something. Go on with a tool call, or end the task with finish."
	}
	return nil
}

// Error types of the loop itself, beside those of the activities.
const (
	ModelRefused = "ModelRefused" // the model refused the task
	ModelIdle    = "ModelIdle"    // the model stopped calling tools
)

// touched names the skills that the run used or saved.
func (a *agent) touched() []string {
	names := slices.Clone(a.used)
	for _, s := range a.skills {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
