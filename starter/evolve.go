package main

import (
	"github.com/spf13/cobra"

	runs "agentfactory/internal/run"
	"agentfactory/workflows"
)

// evolveOptions are the flags of evolve.
type evolveOptions struct {
	taskOptions
	task  string
	query string
}

func (a *app) evolveCommand() startable {
	o := &evolveOptions{taskOptions: taskOptions{workflowType: workflows.EvolveType}}
	cmd := &cobra.Command{
		Use:   "evolve [SKILL]",
		Short: "Repair a saved skill, and replace it only by a version that passes its past cases",
		Long: `Repair a saved skill. It is run on what it fell short of, changed by the meta-agent, run
again, and held against the past cases of the version that is current. A version that
breaks none of them takes its place; one that does is kept with its report, and the next
round begins with what it broke. --rounds bounds the candidates.

Without --task, the task is the one that the skill fell short of last and that no version
has solved since ("starter skills failures" lists them). Without SKILL, the skill whose
failure has been open for longest is taken; with nothing to repair the run ends at once.

Progress goes to stderr, what was done to stdout. Ctrl-C detaches: the run goes on.`,
		Example: `  starter evolve
  starter evolve csv-summary
  starter evolve csv-summary --task "Summarise data.tsv, which has tabs" --file data.tsv
  starter evolve csv-summary --rounds 3 --approval promotion --detach`,
		Args: between(0, "the SKILL to repair"),
	}
	o.register(cmd.Flags())
	cmd.Flags().StringVar(&o.task, "task", "", "what the skill shall solve (default: what it fell short of)")
	cmd.Flags().StringVar(&o.query, "query", "", "what it is run with first (default: what it was asked then, or the meta-agent's choice)")
	return a.followed(cmd, &o.taskOptions, func(args []string) (startPlan, error) {
		skill := ""
		if len(args) > 0 {
			skill = args[0]
		}
		return planEvolve(skill, *o)
	})
}

// planEvolve checks everything that can be checked before anything is started.
func planEvolve(skill string, o evolveOptions) (startPlan, error) {
	in := workflows.EvolveInput{Skill: skill, Query: o.query, InstallInput: o.input(o.task)}
	if err := in.Check(); err != nil {
		return startPlan{}, withCode(exitUsage, err)
	}
	if len(o.files) > 0 && o.task == "" {
		return startPlan{}, badInput("--file is of no use without --task: the files of the task that the skill fell short of are taken")
	}
	title := "repair the skill with the oldest open failure"
	if skill != "" {
		title = "repair " + skill
	}
	return o.planned(title, func(files []runs.InputFile) any { in.Files = files; return in })
}
