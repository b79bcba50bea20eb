package activities

import (
	"context"
	"errors"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// recordUses keeps how the saved skills did that a completed run used, and lets their
// trust follow. What was used as it is and worked is a success; what had to be repaired to
// solve the task failed by its own fault; a failure that nobody repaired says nothing.
func (r *Runs) recordUses(ctx context.Context, res run.Result, w *run.Workspace, plan *run.Plan) error {
	chain, err := r.Records.Chain(ctx, res.Transcript)
	if err != nil {
		return err
	}
	task := string(objectstore.DigestOf([]byte(or(chain[0].Opening.Task, chain[0].Added[1].Content))))
	for _, file := range subagentFiles(w) {
		agent := w.Subagents[file]
		if agent.From == nil {
			continue
		}
		use := useOf(agent, w, plan)
		use.WorkflowID, use.RunID, use.Step, use.Task, use.At = res.WorkflowID, res.RunID, file, task, res.FinishedAt
		if _, err := r.Skills.RecordUse(ctx, use); errors.Is(err, skillstore.ErrUnknownVersion) {
			continue // its library was emptied under the run
		} else if err != nil {
			return err
		}
		if _, err := r.Skills.ReviewTrust(ctx, agent.SkillName, 0); err != nil {
			return err
		}
	}
	return nil
}

func useOf(agent run.Subagent, w *run.Workspace, plan *run.Plan) skill.Use {
	use := skill.Use{Name: agent.SkillName, Version: agent.From.Version, Outcome: skill.UseNotItsFault, Why: "it did not answer, and was not repaired"}
	for _, saved := range plan.Skills {
		if saved.Name == agent.SkillName && saved.ParentVersion == agent.From.Version {
			use.Outcome, use.Why = skill.UseFailure, "it had to be repaired to solve the task"
			return use
		}
	}
	if s := agent.LastSuccess; s != nil && containsFiles(w.Files, agent.From.Files) {
		use.Outcome, use.Why, use.Seconds, use.Tokens = skill.UseSuccess, "", s.Seconds, s.Tokens
	}
	return use
}
