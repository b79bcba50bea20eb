package activities

import (
	"context"
	"errors"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// recordUses keeps how the saved skills did that a run used, and lets their trust follow. What was used as it is and
// worked is a success, and a case that later versions are held against; what had to be repaired to solve the task failed
// by its own fault; a failure that nobody repaired says nothing about whose fault it was, and stays open to be looked into.
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
		use := useOf(agent, w, plan, res.Skills)
		use.WorkflowID, use.RunID, use.Step, use.Task, use.At = res.WorkflowID, res.RunID, file, task, res.FinishedAt
		if _, err := r.Skills.RecordUse(ctx, use); errors.Is(err, skillstore.ErrUnknownVersion) || errors.Is(err, skillstore.ErrCorrupt) {
			continue // its library was emptied or damaged under the run
		} else if err != nil {
			return err
		}
		if _, err := r.Skills.ReviewTrust(ctx, agent.SkillName, 0); err != nil {
			return err
		}
		if use.Outcome == skill.UseSuccess {
			if err := r.keepCase(ctx, agent, w, skill.Lineage{WorkflowID: res.WorkflowID, RunID: res.RunID, Model: res.Model}); err != nil {
				return err
			}
		}
	}
	return nil
}

func useOf(agent run.Subagent, w *run.Workspace, plan *run.Plan, saved []run.SavedSkill) skill.Use {
	use := skill.Use{Name: agent.SkillName, Version: agent.From.Version, Outcome: skill.UseNotItsFault, Why: "it did not answer, and was not repaired"}
	if a := agent.AsSaved; a != nil {
		use.Query = a.Query
		if !a.OK {
			use.Failed = a.Step
		}
	}
	for _, p := range plan.Skills {
		if p.Supersedes == agent.SkillName || p.Name == agent.SkillName && p.ParentVersion == agent.From.Version {
			use.Outcome, use.Why, use.RepairedBy = skill.UseFailure, "it had to be repaired to solve the task", repairedBy(p.Name, saved)
			if agent.AsSaved != nil {
				use.Failed = agent.AsSaved.Step
			}
			return use
		}
	}
	if s := agent.LastSuccess; s != nil && containsFiles(w.Files, agent.From.Files) {
		use.Outcome, use.Why, use.Seconds, use.Tokens, use.Failed = skill.UseSuccess, "", s.Seconds, s.Tokens, ""
	}
	return use
}

// repairedBy is the version that replaced the one that fell short; 0 if none was promoted.
func repairedBy(name string, saved []run.SavedSkill) int {
	for _, s := range saved {
		if s.Name == name && s.Promoted {
			return s.Version
		}
	}
	return 0
}

// reusedCases is how many cases a skill may have for successes of its reuse to be kept as further ones: they tell less and
// less, and each repaired version is held against them.
const reusedCases = 100

// keepCase keeps a success of a saved skill that was used as it is. What it was asked in the middle of a task, with files
// of other subagents, cannot be asked again.
func (r *Runs) keepCase(ctx context.Context, agent run.Subagent, w *run.Workspace, lineage skill.Lineage) error {
	s := agent.LastSuccess
	if !s.Alone || s.Output == nil {
		return nil
	}
	stored, err := r.Skills.CaseIDs(ctx, agent.SkillName)
	if err != nil || len(stored) >= reusedCases {
		return err
	}
	return r.Skills.AddCase(ctx, agent.SkillName, skill.Case{
		Query: s.Query, Journal: s.Journal, Inputs: filesOf(w.Inputs), Output: outputOf(s.Output), Lineage: lineage,
	})
}
