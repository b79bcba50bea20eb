package main

import (
	"github.com/spf13/cobra"

	"agentfactory/workflows"
)

func (a *app) solveCommand() startable {
	return a.taskCommand(workflows.SolveType, &cobra.Command{
		Use:   "solve TASK",
		Short: "Solve a task: reuse saved skills that fit, repair or build the rest",
		Long: `Solve a task that is given in plain words. The library is searched first: saved skills
that fit are offered to the meta-agent with their interfaces and run; what falls short is
repaired, what is missing is built as small Python programs in a sandbox, and what worked
is saved. The result says what was reused, repaired and built, and why.

With --method react the model writes and runs programs and nothing is saved; with --method
textual it is given the lessons of earlier tasks, and leaves one: docs/evaluation-methods.md.

` + aboutTasks,
		Example: `  starter solve "Plot the monthly totals of sales.csv" --file sales.csv
  starter solve "Which of these contracts end in 2027?" --file a.txt --file b.txt --max-turns 20
  starter solve "Which of these contracts end in 2027?" --file a.txt --file b.txt --method react
  starter solve - --json < task.txt | jq -r .answer
  starter solve "Transcribe talk.mp3" --file talk.mp3 --approval finish --detach`,
	})
}
