package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	runs "agentfactory/internal/run"
	"agentfactory/workflows"
)

// taskOptions are the flags of the commands that start a run with a task.
type taskOptions struct {
	workflowType string
	method       string // replaces workflowType; "" leaves it

	files  []string
	model  string
	budget runs.Budget
	time   time.Duration
	noSave bool
	paused bool
	ask    string
	id     string
	detach bool
}

func (a *app) installCommand() startable {
	return a.taskCommand(workflows.InstallType, &cobra.Command{
		Use:   "install TASK",
		Short: "Solve a task, and say less about the library than solve does",
		Long: `Solve a task that is given in plain words, as "starter solve" does; saved skills that may
fit are only named to the meta-agent, not offered with their interfaces. Use it to build
new subagents for a task.

` + aboutTasks,
		Example: `  starter install "Plot the monthly totals of sales.csv" --file sales.csv
  starter install "Which of these contracts end in 2027?" --file a.txt --file b.txt --max-turns 20
  starter install "Transcribe talk.mp3" --file talk.mp3 --budget-cost 0.50 --detach`,
	})
}

// aboutTasks is what both commands that take a task say.
const aboutTasks = `Progress goes to stderr, the answer to stdout. Ctrl-C detaches: the run goes on, and
"starter runs watch ID" comes back to it. Long material belongs into files, not into
the task; TASK - reads the task from stdin.

With --json the result is one document: workflow_id, run_id, outcome, answer, turns,
usage, skills, decision, files. "starter --help" lists the exit codes.`

// taskCommand is a command that starts a run of a workflow type with a task.
func (a *app) taskCommand(workflowType string, cmd *cobra.Command) startable {
	o := &taskOptions{workflowType: workflowType}
	cmd.Args = exactly("a TASK in plain words, or - to read it from stdin")
	o.register(cmd.Flags())
	cmd.Flags().BoolVar(&o.noSave, "no-save", false, "save no skills")
	if workflowType == workflows.SolveType {
		cmd.Flags().StringVar(&o.method, "method", "", "react or textual: solve it without skills, for comparison (default agentfactory)")
	}
	return a.followed(cmd, o, func(args []string) (startPlan, error) { return a.planTask(args[0], *o) })
}

// followed is a command that starts what it plans and, unless it is detached, shows how that goes.
func (a *app) followed(cmd *cobra.Command, o *taskOptions, plan func(args []string) (startPlan, error)) startable {
	s := startable{cmd, func(args []string) (startPlan, error) {
		if err := positiveFlags(cmd); err != nil {
			return startPlan{}, err
		}
		return plan(args)
	}}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := s.plan(args)
		if err != nil {
			return err
		}
		return a.startAndFollow(cmd.Context(), p, o.detach)
	}
	return s
}

// register adds the flags that every command has which starts a run.
func (o *taskOptions) register(f *pflag.FlagSet) {
	f.StringArrayVarP(&o.files, "file", "f", nil, "file to put into the workspace (repeat for more)")
	f.StringVar(&o.model, "model", "", "model of the meta-agent (default: the configured one)")
	registerBudget(f, &o.budget, &o.time)
	f.StringVar(&o.ask, "approval", "", "what you release first: finish (the answer and skills), save (skills) or promotion (new versions of skills) (default never)")
	f.BoolVar(&o.paused, "paused", false, "pause before the first turn, to step through the run (starter runs resume --steps 1)")
	f.StringVar(&o.id, "id", "", "workflow ID of the run (default: made from the task)")
	f.BoolVarP(&o.detach, "detach", "d", false, "start the run and return at once")
}

// registerBudget adds the flags that bound what one run may spend.
func registerBudget(f *pflag.FlagSet, b *runs.Budget, worked *time.Duration) {
	f.IntVar(&b.Turns, "max-turns", 0, fmt.Sprintf("model calls of the meta-agent (default %d)", runs.DefaultBudget.Turns))
	f.Int64Var(&b.OrchestrationTokens, "budget-tokens", 0, "output tokens of the meta-agent (default: no limit)")
	f.Int64Var(&b.SubagentTokens, "budget-subagent-tokens", 0, fmt.Sprintf("output tokens of subagents' own model calls (default %d)", runs.DefaultBudget.SubagentTokens))
	f.Float64Var(&b.CostUSD, "budget-cost", 0, "cost in USD by the price table (default: no limit)")
	f.DurationVar(worked, "budget-time", 0, fmt.Sprintf("time at work, like 10m (default %s)", time.Duration(runs.DefaultBudget.WallSeconds)*time.Second))
	f.IntVar(&b.SubagentRuns, "budget-runs", 0, fmt.Sprintf("executions of subagents (default %d)", runs.DefaultBudget.SubagentRuns))
	f.IntVar(&b.SubagentsCreated, "budget-subagents", 0, fmt.Sprintf("subagents that may be created (default %d)", runs.DefaultBudget.SubagentsCreated))
	f.IntVar(&b.Rounds, "rounds", 0, fmt.Sprintf("repaired skills that are held against their past cases (default %d)", runs.DefaultBudget.Rounds))
}

// positiveFlags refuses a budget of nothing, which would read as "the default".
func positiveFlags(cmd *cobra.Command) error {
	for _, name := range []string{"max-turns", "budget-tokens", "budget-subagent-tokens", "budget-cost", "budget-time", "budget-runs", "budget-subagents", "rounds"} {
		flag := cmd.Flags().Lookup(name)
		if v := flag.Value.String(); flag.Changed && (v == "0" || v == "0s" || v[0] == '-' || v == "NaN") {
			return badInput("--%s is %s: give a positive number, or leave it out for the default", name, v)
		}
	}
	return nil
}

// planTask checks everything that can be checked before anything is started.
func (a *app) planTask(task string, o taskOptions) (startPlan, error) {
	if o.method != "" {
		o.workflowType = workflows.MethodTypes[o.method]
	}
	if o.workflowType == "" {
		return startPlan{}, badInput("--method is %q: give agentfactory, react or textual", o.method)
	}
	task, err := a.readTask(task)
	if err != nil {
		return startPlan{}, err
	}
	in := o.input(task)
	if err := in.CheckFor(o.workflowType); err != nil {
		return startPlan{}, withCode(exitUsage, err)
	}
	return o.planned(in.Task, func(files []runs.InputFile) any { in.Files = files; return in })
}

// planned is the run that the flags describe.
func (o taskOptions) planned(title string, input func([]runs.InputFile) any) (startPlan, error) {
	if err := checkID(o.id); err != nil {
		return startPlan{}, err
	}
	files, err := inputsOf(o.files)
	handed := func(ctx context.Context, c *connection, hand handing) (any, error) {
		inputs, err := hand(files, ctx, c.Blobs)
		return input(inputs), err
	}
	return startPlan{workflowType: o.workflowType, id: o.id, title: title, asksModel: true, model: o.model, input: handed}, err
}

// startAndFollow starts a run and, unless it is detached, shows how it goes.
func (a *app) startAndFollow(ctx context.Context, p startPlan, detach bool) error {
	c, err := a.openFor(ctx, p)
	if err != nil {
		return err
	}
	defer c.Close()
	in, err := p.input(ctx, c, inputFiles.hand)
	if err != nil {
		return err
	}
	id, err := c.start(ctx, p.workflowType, p.id, p.title, in)
	if err != nil {
		return err
	}
	if detach {
		return a.started(id)
	}
	a.say("run %s", id)
	return a.follow(ctx, c, id)
}

// started ends a command with --detach: the ID on stdout, for scripts.
func (a *app) started(id string) error {
	if a.json {
		return a.printJSON(unfinished(id))
	}
	fmt.Fprintln(a.stdout, id)
	a.say("started; watch it with\n  starter runs watch %s", id)
	return nil
}

// input is what the flags say.
func (o taskOptions) input(task string) workflows.InstallInput {
	o.budget.WallSeconds = int64((o.time + time.Second - 1) / time.Second)
	in := workflows.InstallInput{Task: task, Model: o.model, Budget: o.budget, Approval: o.ask, Paused: o.paused}
	if o.noSave {
		save := false
		in.Save = &save
	}
	return in
}

// maxStdin is far more than a task may have, so that the complaint can tell its size.
const maxStdin = 64 << 20

func (a *app) readTask(task string) (string, error) {
	if task != "-" {
		return task, nil
	}
	data, err := io.ReadAll(io.LimitReader(a.stdin, maxStdin))
	if err != nil {
		return "", fmt.Errorf("read the task from stdin: %w", err)
	}
	return string(data), nil
}
