package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
)

// Gate holds a version of a skill against the past cases of the version that is current, case by case and side by side. It
// moves no head. Runs start it as their child; people can start it alone. Its input is a GateInput.
func Gate(ctx workflow.Context, raw json.RawMessage) (GateResult, error) {
	in, err := DecodeGate(raw)
	if err != nil {
		return GateResult{}, invalidInput(err)
	}
	g := &gate{in: in, grant: defaultGrant}
	if in.Grant != nil {
		g.grant = *in.Grant
	}
	const shows = "which cases have been tried, and what the gate waits for"
	if err := workflow.SetQueryHandlerWithOptions(ctx, StatusQuery, g.status, workflow.QueryHandlerOptions{Description: shows}); err != nil {
		return GateResult{}, err
	}
	return g.run(ctx)
}

// defaultGrant is what a gate may spend that nobody gave a budget to.
var defaultGrant = activities.Allowance{SubagentTokens: run.DefaultBudget.SubagentTokens, CostUSD: -1, Seconds: run.DefaultBudget.WallSeconds}

// gate is one gate under way.
type gate struct {
	in       GateInput
	grant    activities.Allowance
	opened   activities.OpenGateResult
	trials   []activities.TrialInput
	results  []activities.TrialResult // in the order of trials
	tried    int
	usage    run.Usage
	lent     activities.Allowance // to the cases under way
	underWay int
	watched
}

func (g *gate) run(ctx workflow.Context) (GateResult, error) {
	begun := workflow.Now(ctx)
	if err := g.open(ctx); err != nil {
		return GateResult{}, err
	}
	if err := g.try(ctx); err != nil {
		return GateResult{}, err
	}
	verdict, err := g.close(ctx, workflow.Now(ctx).Sub(begun))
	if err != nil {
		return GateResult{}, err
	}
	g.story.phase(ctx, run.Finished, "")
	g.story.tell(ctx, fmt.Sprintf("%s: %s", verdict.Verdict, verdict.Why))
	return GateResult{GateVerdict: verdict, Base: g.opened.Base, Cases: len(g.trials), Told: g.told(), Usage: g.usage}, nil
}

func (g *gate) open(ctx workflow.Context) error {
	g.story.task = fmt.Sprintf("hold %s version %d against its past", g.in.Skill, g.in.Version)
	g.story.phase(ctx, run.Starting, "choose the cases")
	in := activities.OpenGateInput{Skill: g.in.Skill, Version: g.in.Version, Base: g.in.Base, New: g.in.New, Cases: DefaultGateCases, Model: g.in.Model, Library: g.in.Library}
	if g.in.Cases != nil {
		in.Cases = *g.in.Cases
	}
	err := perform(ctx, g, recordKeeping, "choose the cases", (*activities.Gates).OpenGate, in, &g.opened)
	if err != nil {
		return err
	}
	each := activities.TrialInput{Candidate: g.opened.Candidate, Base: g.opened.Base.VersionRef, Model: g.opened.Model, Library: g.in.Library}
	if g.in.New != nil {
		fresh := each
		fresh.New = g.in.New
		g.trials = append(g.trials, fresh)
	}
	for _, c := range g.opened.Cases {
		past := each
		past.Case, past.Keep = c.Case, c.Keep
		g.trials = append(g.trials, past)
	}
	g.results = make([]activities.TrialResult, len(g.trials))
	text := fmt.Sprintf("version %d against version %d of %s on %d cases", g.in.Version, g.opened.Base.Version, g.opened.Base.Name, len(g.trials))
	if g.opened.Sampled {
		text += ", a sample"
	}
	g.story.tell(ctx, text)
	return nil
}

// try works through the cases, several at once.
func (g *gate) try(ctx workflow.Context) error {
	return sideBySide(ctx, g.atOnce(), len(g.trials), g.tryCase)
}

func (g *gate) tryCase(ctx workflow.Context, i int) error {
	in := g.trials[i]
	in.Remaining = g.lend()
	defer g.giveBack(in.Remaining)
	name := "case " + in.Case
	if in.New != nil {
		name = "the new case"
	}
	g.story.phase(ctx, run.Gating, fmt.Sprintf("%d of %d cases tried", g.tried, len(g.trials)))
	var lost *temporal.TimeoutError
	err := patiently(ctx, g, func(ctx workflow.Context) error {
		var acts *activities.Subagents
		err := workflow.ExecuteActivity(withSummary(ctx, sandboxRun, "try "+name), acts.TryCase, in).Get(ctx, &g.results[i])
		if errors.As(err, &lost) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if lost != nil {
		g.results[i].Outcome = skill.GateCase{Case: in.Case, New: in.New != nil, Keep: in.Keep, Base: skill.CaseUnknown, Candidate: skill.CaseUnknown, Why: "no worker survived it"}
	}
	g.tried++
	g.usage = g.usage.Add(g.results[i].Usage)
	g.story.tell(ctx, outcomeLine(name, g.results[i].Outcome))
	return nil
}

func outcomeLine(name string, o skill.GateCase) string {
	text := fmt.Sprintf("%s: %s, now %s", name, o.Base, o.Candidate)
	if o.Flaky {
		text += ", flaky"
	}
	if o.Candidate != skill.CasePassed {
		text = because(text, o.Why)
	}
	return text
}

// atOnce is how many cases are tried side by side.
func (g *gate) atOnce() int {
	if g.in.AtOnce > 0 {
		return g.in.AtOnce
	}
	return defaultAtOnce
}

// lend is the share of a case in what is left of the grant: what those under way have not spent yet is theirs.
func (g *gate) lend() activities.Allowance {
	share := g.grant
	free := min(g.atOnce()-g.underWay, len(g.trials)-g.tried-g.underWay)
	if share.SubagentTokens >= 0 {
		share.SubagentTokens = max(0, share.SubagentTokens-g.usage.SubagentOutputTokens-g.usage.CheckOutputTokens-g.lent.SubagentTokens) / int64(free)
		g.lent.SubagentTokens += share.SubagentTokens
	}
	if share.CostUSD >= 0 {
		share.CostUSD = max(0, share.CostUSD-g.usage.CostUSD-g.lent.CostUSD) / float64(free)
		g.lent.CostUSD += share.CostUSD
	}
	if share.Seconds >= 0 {
		share.Seconds = max(1, share.Seconds-int64(g.usage.WallSeconds))
	}
	g.underWay++
	return share
}

func (g *gate) giveBack(share activities.Allowance) {
	g.underWay--
	g.lent.SubagentTokens -= max(0, share.SubagentTokens)
	g.lent.CostUSD -= max(0, share.CostUSD)
}

func (g *gate) close(ctx workflow.Context, took time.Duration) (activities.GateVerdict, error) {
	in := activities.CloseGateInput{Gate: g.opened, Usage: g.usage, Seconds: took.Seconds(), Library: g.in.Library}
	for _, r := range g.results {
		in.Cases = append(in.Cases, r.Outcome)
	}
	var verdict activities.GateVerdict
	err := perform(ctx, g, recordKeeping, "keep the report", (*activities.Gates).CloseGate, in, &verdict)
	return verdict, err
}

// maxToldCases is how many of the cases that broke are told to whoever repairs the candidate.
const maxToldCases = 3

// told says what broke.
func (g *gate) told() string {
	var lines []string
	for _, r := range g.results {
		o := r.Outcome
		if o.Flaky || o.Candidate != skill.CaseFailed || o.Base != skill.CasePassed && !o.New {
			continue
		}
		if len(lines) == maxToldCases {
			lines = append(lines, "There are more.")
			break
		}
		lines = append(lines, fmt.Sprintf("- Its query was %q. %s", r.Query, o.Why))
	}
	return strings.Join(lines, "\n")
}

func (g *gate) status() (run.Status, error) {
	status := g.seen()
	status.Model, status.Usage = g.opened.Model, g.usage
	return status, nil
}

// runGate starts a gate as a child of the run and waits for it. A gate that cannot be carried out decides nothing.
func (a *agent) runGate(ctx workflow.Context, s *save) (GateResult, error) {
	a.gates++
	info := workflow.GetInfo(ctx)
	grant, cases := a.remaining(), a.policy.GateCases
	options := workflow.ChildWorkflowOptions{
		// The original run ID stays the same when the run is reset, so that its history can be replayed.
		WorkflowID:            fmt.Sprintf("%s-gate-%.8s-%d", clip(info.WorkflowExecution.ID, maxGatedID), info.OriginalRunID, a.gates),
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WaitForCancellation:   true,
		StaticSummary:         clip(fmt.Sprintf("%s version %d", s.Name, s.Candidate.Version), maxActivitySummary),
	}
	var res GateResult
	err := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), GateType, GateInput{
		Skill: s.Candidate.Name, Version: s.Candidate.Version, Base: &s.Candidate.Base, Grant: &grant, Cases: &cases, Model: a.subagents, Library: a.in.Library,
		New: &activities.PlanRef{Step: a.accepted.Step, Index: s.Index, Check: s.Check},
	}).Get(ctx, &res)
	if err == nil || temporal.IsCanceledError(err) {
		return res, err
	}
	return GateResult{Base: s.Candidate.Base, GateVerdict: activities.GateVerdict{Verdict: skill.GateInconclusive, Why: "the gate could not be carried out: " + reasonOf(err)}}, nil
}

// maxGatedID keeps the ID of a gate within what is a key segment as it stands, in characters.
const maxGatedID = 90
