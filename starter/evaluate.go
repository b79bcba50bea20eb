package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"agentfactory/internal/evaluation/archive"
	"agentfactory/internal/evaluation/batches"
	runs "agentfactory/internal/run"
	"agentfactory/internal/service"
	"agentfactory/workflows"
)

// evaluateOptions are the flags of evaluate.
type evaluateOptions struct {
	in       workflows.EvaluateInput
	time     time.Duration
	scripted bool
	id       string
	out      string
	detach   bool
}

func (a *app) evaluateCommand() startable {
	o := &evaluateOptions{}
	cmd := &cobra.Command{
		Use:   "evaluate TASKS…",
		Short: "Give a batch of tasks to one or several methods, and report what each came to",
		Long: `Give the tasks of one or several files to one or several methods, grade what comes of
them, and report success, tokens, cost and reuse, side by side.

TASKS is a file with one JSON object per line (id, task, files, reference, check, category),
or the name of a batch that ships:
` + batchLines() + `
Several files are several batches, done one after the other.

Methods:
  agentfactory  what "starter solve" does: skills are searched, reused, repaired, saved
  react         writes and runs code for each task from scratch, saves nothing
  textual       as react, with a lesson in words saved after each task and found by later ones

Each method has a library of its own in each repeat; the live library is never written. It
begins empty, or with --library: "live" for a copy of the live one, a snapshot, or an
evaluation whose libraries are gone on with. The tasks are done in their order, so that
later ones find what earlier ones saved; with --from-scratch none finds anything.

Ctrl-C detaches: the evaluation goes on. Ended early, it goes on where it was with
"starter evaluations resume ID"; no task is done twice.`,
		Example: `  starter evaluate offline --scripted --method react,textual,agentfactory
  starter evaluate offline --method react,agentfactory --repeat 3 --out ./report
  starter evaluate monday.jsonl tuesday.jsonl --library live --total-cost 5
  starter evaluate tasks.jsonl --from-scratch --concurrency 16 --detach`,
		Args: between(1, "the TASKS: a file or the name of a batch"),
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.in.Methods, "method", []string{workflows.MethodAgentFactory}, "methods, separated by commas: "+strings.Join(workflows.Methods(), ", "))
	f.IntVar(&o.in.Repeat, "repeat", 1, "how often each method does all tasks")
	f.BoolVar(&o.in.FromScratch, "from-scratch", false, "give every task an empty library of its own, and do them side by side")
	f.StringVar(&o.in.Library, "library", "", "what each method begins with: live, a snapshot or the ID of an evaluation (default: nothing)")
	f.IntVar(&o.in.Concurrency, "concurrency", 4, "tasks that go on side by side")
	f.StringVar(&o.in.Model, "model", "", "model of all methods (default: the configured one)")
	f.BoolVar(&o.scripted, "scripted", false, "let the scripted model that ships do the offline batches; its numbers say nothing about any model")
	registerBudget(f, &o.in.Budget, &o.time)
	f.Float64Var(&o.in.Total.CostUSD, "total-cost", 0, "cost of the whole evaluation in USD, looked at before each task (default: no limit)")
	f.Int64Var(&o.in.Total.OrchestrationTokens, "total-tokens", 0, "output tokens of the whole evaluation (default: no limit)")
	f.StringVar(&o.in.Series, "series", "", "name of a series: its evaluations are held against the one before (default: those of the same tasks)")
	f.StringVar(&o.in.Against, "against", "", "ID of the evaluation to be held against")
	f.StringVar(&o.in.UI, "ui", "", "base URL of the Temporal UI, for the links of the report (default: the embedded one)")
	f.StringVarP(&o.out, "out", "o", "", "directory for the report; it is created")
	f.StringVar(&o.id, "id", "", "ID of the evaluation (default: made from the names of the tasks)")
	f.BoolVarP(&o.detach, "detach", "d", false, "start it and return at once")
	plan := func(args []string) (startPlan, error) {
		if err := positiveFlags(cmd); err != nil {
			return startPlan{}, err
		}
		return o.plan(args)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := plan(args)
		if err != nil {
			return err
		}
		return a.evaluate(cmd.Context(), *o, p)
	}
	return startable{cmd, plan}
}

// batchLines lists the batches that ship.
func batchLines() string {
	var b strings.Builder
	for _, batch := range batches.All() {
		fmt.Fprintf(&b, "  %-13s %s\n", batch.Name, batch.Description)
	}
	return b.String()
}

// plan is the evaluation that the flags describe. Every file that the tasks name is looked at before anything is started.
func (o *evaluateOptions) plan(args []string) (startPlan, error) {
	if o.scripted {
		if o.in.Model != "" {
			return startPlan{}, badInput("--scripted and --model exclude each other")
		}
		o.in.Model = service.ScriptedEvaluationModel
	}
	o.in.Budget.WallSeconds = int64((o.time + time.Second - 1) / time.Second)
	in := o.in
	in.Tasks = "looked at below"
	if err := in.Check(); err != nil {
		return startPlan{}, withCode(exitUsage, err)
	}
	if err := checkID(o.id); err != nil {
		return startPlan{}, err
	}
	tasks, err := readTasks(args)
	if err != nil {
		return startPlan{}, err
	}
	return startPlan{
		workflowType: workflows.EvaluateType, id: o.id, title: "evaluate " + strings.Join(args, " "), asksModel: !o.scripted, model: o.in.Model, embedded: o.scripted,
		input: func(ctx context.Context, c *connection, _ handing) (any, error) {
			in := o.in
			if c.Stack != nil && in.UI == "" {
				in.UI = c.Stack.Addresses().UI
			}
			in.Tasks, err = tasks.upload(ctx, c.Blobs)
			return in, err
		},
	}, nil
}

func (a *app) evaluate(ctx context.Context, o evaluateOptions, p startPlan) error {
	if err := makeReportDir(o.out); err != nil {
		return err
	}
	c, err := a.openFor(ctx, p)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.evaluationIsNew(ctx, o.id); err != nil {
		return err
	}
	in, err := p.input(ctx, c, inputFiles.upload)
	if err != nil {
		return err
	}
	if o.scripted {
		a.say("The model is SCRIPTED: it plays back prepared replies. The numbers are counted, and say nothing about any model.")
	}
	id, err := c.start(ctx, p.workflowType, p.id, p.title, in)
	if err != nil {
		return err
	}
	if o.detach {
		return a.leaveEvaluation(id, "started")
	}
	return a.followEvaluation(ctx, c, id, o.out)
}

// evaluationIsNew refuses the ID of an evaluation that exists: started again, it would be gone on with.
func (c *connection) evaluationIsNew(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	was, err := c.Evaluations.Record(ctx, id)
	switch {
	case errors.Is(err, archive.ErrUnknown):
		return nil
	case err != nil:
		return err
	}
	return badInput("--id: evaluation %s was begun %s: go on with it by `starter evaluations resume %s`, or choose another ID", id, ago(was.StartedAt), id)
}

// leaveEvaluation ends a command whose evaluation goes on.
func (a *app) leaveEvaluation(id, how string) error {
	if a.json {
		if err := a.printJSON(map[string]any{"evaluation": id}); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(a.stdout, id)
	}
	a.say("%s; look at it with\n  starter evaluations show %s\ncome back with\n  starter evaluations watch %s", how, id, id)
	if how == "started" {
		return nil
	}
	return ended(exitDetached)
}

// followEvaluation waits for the report, prints its gist and fetches it.
func (a *app) followEvaluation(ctx context.Context, c *connection, id, out string) error {
	a.say("evaluation %s", id)
	res, err := a.await(ctx, c, id, newProgress(a.stderr, a.getenv))
	if errors.Is(err, errDetached) {
		return a.leaveEvaluation(id, "detached: the evaluation goes on")
	}
	if err != nil {
		return err
	}
	if res.Outcome != runs.Completed {
		a.say("%s: %s; go on with it by\n  starter evaluations resume %s", res.Outcome, oneLine(res.Reason), id)
	}
	if err := a.showEvaluation(ctx, c, id, out); err != nil && !errors.Is(err, errNoEvaluation) {
		return err
	}
	return endOf(res.Outcome)
}
