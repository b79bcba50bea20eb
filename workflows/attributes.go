package workflows

import (
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"agentfactory/internal/run"
)

// The search attributes by which people list runs. AgentFactoryPhase is what a run waits
// for (a phase such as waiting_for_approval or paused), Working, or finished.
const (
	PhaseAttribute  = "AgentFactoryPhase"
	TokensAttribute = "AgentFactoryTokens"
)

var (
	phaseKey   = temporal.NewSearchAttributeKeyKeyword(PhaseAttribute)
	outcomeKey = temporal.NewSearchAttributeKeyKeyword("AgentFactoryOutcome")
	modelKey   = temporal.NewSearchAttributeKeyKeyword("AgentFactoryModel")
	skillsKey  = temporal.NewSearchAttributeKeyKeywordList("AgentFactorySkills") // used or saved
	changeKey  = temporal.NewSearchAttributeKeyKeyword("AgentFactoryChange")     // of an evaluation against the one before: better, worse, same, mixed
	tokensKey  = temporal.NewSearchAttributeKeyInt64(TokensAttribute)            // orchestration output tokens, brought up to date now and then
)

// Working is the AgentFactoryPhase of a run that waits for nothing. The phases between
// which a turn goes to and fro would cost an event each.
const Working run.Phase = "working"

// SearchAttributes are the names and types to register on a Temporal server.
func SearchAttributes() map[string]enumspb.IndexedValueType {
	types := map[string]enumspb.IndexedValueType{}
	for _, k := range []temporal.SearchAttributeKey{phaseKey, outcomeKey, modelKey, skillsKey, tokensKey, changeKey} {
		types[k.GetName()] = k.GetValueType()
	}
	return types
}

// listing is what the search attributes of a run say at the moment.
type listing struct {
	possible bool // the server knows the attributes
	phase    run.Phase
	outcome  run.Outcome
	model    string
	skills   []string
	tokens   int64
}

// maxListedSkills keeps the list of skills within what a search attribute may hold.
const maxListedSkills = 20

// list brings the search attributes up to date: those that changed, in one event.
func (a *agent) list(ctx workflow.Context) {
	if !a.listed.possible {
		return
	}
	now := listing{
		possible: true, phase: listedPhase(a.story.now), outcome: a.story.outcome, model: a.model,
		skills: a.touched(), tokens: a.usage.OrchestrationOutputTokens,
	}
	now.skills = now.skills[:min(len(now.skills), maxListedSkills)]
	var changes []temporal.SearchAttributeUpdate
	was := a.listed
	if now.phase != was.phase {
		changes = append(changes, phaseKey.ValueSet(string(now.phase)))
	}
	if now.outcome != was.outcome {
		changes = append(changes, outcomeKey.ValueSet(string(now.outcome)))
	}
	if now.model != was.model {
		changes = append(changes, modelKey.ValueSet(now.model))
	}
	if !slices.Equal(now.skills, was.skills) {
		changes = append(changes, skillsKey.ValueSet(now.skills))
	}
	if now.tokens != was.tokens {
		changes = append(changes, tokensKey.ValueSet(now.tokens))
	}
	if len(changes) == 0 {
		return
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, changes...); err != nil {
		workflow.GetLogger(ctx).Warn("the search attributes were not brought up to date", "error", err)
		return
	}
	a.listed = now
}

func listedPhase(p run.Phase) run.Phase {
	if p.Waiting() || p == run.Finished {
		return p
	}
	return Working
}

// listEvery is after how many turns the token count is brought up to date.
const listEvery = 10

func (a *agent) listNowAndThen(ctx workflow.Context) {
	if a.number%listEvery == 0 {
		a.list(ctx)
	}
}
