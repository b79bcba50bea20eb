package workflows

import (
	"encoding/json"
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/run"
)

// RunSkillType is the workflow type that asks a saved skill, without a meta-agent; it takes RunSkillInput.
const RunSkillType = "RunSkill"

// RunSkillInput is the one argument of RunSkill. Skill is required.
type RunSkillInput struct {
	Skill   string          `json:"skill"`
	Version int             `json:"version,omitempty"` // default: the current one
	Query   string          `json:"query"`
	Files   []run.InputFile `json:"files,omitempty"` // put into its workspace
	Model   string          `json:"model,omitempty"` // behind call_llm; default: the configured one
	Budget  run.Budget      `json:"budget,omitzero"` // of it SubagentTokens, CostUSD and WallSeconds count; zeros mean the defaults
}

// Check refuses what cannot be run.
func (in RunSkillInput) Check() error {
	switch {
	case in.Skill == "":
		return errors.New("skill is empty: name the saved skill to be run")
	case in.Version < 0:
		return fmt.Errorf("version is %d: give a number from 1, or leave it out for the current one", in.Version)
	}
	return in.Budget.Check()
}

// RunSkill runs a saved skill in the sandbox and returns its answer. A skill that fails is a result, not a failed workflow.
func RunSkill(ctx workflow.Context, raw json.RawMessage) (activities.RunSkillResult, error) {
	var in RunSkillInput
	if err := strict(raw, &in); err != nil {
		return activities.RunSkillResult{}, invalidInput(err)
	}
	if err := in.Check(); err != nil {
		return activities.RunSkillResult{}, invalidInput(err)
	}
	r := &skillRun{}
	const shows = "what the run of the skill waits for"
	if err := workflow.SetQueryHandlerWithOptions(ctx, StatusQuery, r.status, workflow.QueryHandlerOptions{Description: shows}); err != nil {
		return activities.RunSkillResult{}, err
	}
	r.story.task = clip(in.Query, maxShownTask)
	r.story.phase(ctx, run.Acting, "run "+in.Skill)
	budget := in.Budget.Or(run.DefaultBudget)
	ask := activities.RunSkillInput{
		Skill: activities.VersionRef{Name: in.Skill, Version: in.Version}, Query: in.Query, Files: in.Files, Model: in.Model,
		Remaining: activities.Allowance{SubagentTokens: budget.SubagentTokens, CostUSD: limit(budget.CostUSD), Seconds: limit(budget.WallSeconds)},
	}
	var res activities.RunSkillResult
	if err := perform(ctx, r, sandboxRun, "run "+in.Skill, (*activities.Subagents).RunSkill, ask, &res); err != nil {
		return res, err
	}
	r.story.phase(ctx, run.Finished, "")
	return res, nil
}

// limit is a budget as an allowance: zero is no limit there.
func limit[T int64 | float64](budget T) T {
	if budget == 0 {
		return -1
	}
	return budget
}

// skillRun is a run of a skill under way.
type skillRun struct{ watched }

func (r *skillRun) status() (run.Status, error) { return r.seen(), nil }
