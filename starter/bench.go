package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"agentfactory/internal/bench"
	"agentfactory/internal/config"
	"agentfactory/internal/version"
)

// benchOptions are the flags of bench.
type benchOptions struct {
	load    bench.Load
	workers int
	program string
	sample  time.Duration
	out     string
}

func (a *app) benchCommand() *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Put a load of runs on workers, and measure what they make of it",
		Long: `Drive runs through worker processes and report throughput, the time of a turn and of its
parts, bytes of history, requests to S3, CPU and memory.

The model is SCRIPTED: it plays back prepared replies over HTTP, each after the time that
--think says. Everything else is real. The figures are of the machinery around a model and
say nothing about any model.

Without configuration the bench brings servers of its own, beside those of "starter dev",
and removes them and all that was stored when it ends. With TEMPORAL_ADDRESS or
AGENTFACTORY_S3_BUCKET set it uses those, with workers that it starts itself:
  - in a namespace in which no other worker is at work (TEMPORAL_NAMESPACE);
  - below the prefix bench-… of the bucket: the library in it is not touched.
What it leaves there is named at the end.

Kinds of tasks (--task-kind):
  install      build a subagent, run it in every turn but the last, save it as a skill
  solve-reuse  run a saved skill in every turn but the last
  mixed        every fourth run is install, the others solve-reuse

Eight skills are built first, which is not measured. Ctrl-C begins no more runs, cancels
those in flight, and reports what there is. docs/load.md explains the figures.`,
		Example: `  starter bench
  starter bench --runs 200 --concurrency 50 --think 500ms --workers 2
  starter bench --duration 1h --concurrency 2 --think 2s --out ./soak
  starter bench --json | jq .turns_per_second`,
		Args: exactly(),
	}
	f := cmd.Flags()
	f.IntVar(&o.load.Runs, "runs", 20, "runs that are measured")
	f.DurationVar(&o.load.Duration, "duration", 0, "begin runs for this time, instead of a number of them")
	f.IntVar(&o.load.Concurrency, "concurrency", 4, "runs in flight")
	f.IntVar(&o.load.Turns, "turns", 5, "turns of each run")
	f.DurationVar(&o.load.Think, "think", 0, "time that the model takes for each turn")
	f.StringVar((*string)(&o.load.Kind), "task-kind", string(bench.Reuse), "install, solve-reuse or mixed")
	f.IntVar(&o.workers, "workers", 1, "worker processes that are started")
	f.StringVar(&o.program, "worker-program", "", "the program worker (default: the one beside starter, else the one in PATH)")
	f.DurationVar(&o.sample, "sample", 5*time.Second, "time between two looks at the workers' memory")
	f.StringVarP(&o.out, "out", "o", "", "directory for report.json, report.txt and samples.csv; it is created")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.Flags().Changed("duration") {
			if cmd.Flags().Changed("runs") {
				return badInput("--runs and --duration exclude each other")
			}
			if o.load.Duration <= 0 {
				return badInput("--duration is %s: give more than 0", o.load.Duration)
			}
			o.load.Runs = 0
		}
		return a.bench(cmd.Context(), o)
	}
	return cmd
}

// maxBenchWorkers is more than one machine has a use for.
const maxBenchWorkers = 64

func (o benchOptions) check() error {
	switch {
	case o.workers < 1 || o.workers > maxBenchWorkers:
		return badInput("--workers is %d: give 1 to %d", o.workers, maxBenchWorkers)
	case o.sample < 100*time.Millisecond:
		return badInput("--sample is %s: give 100ms or more", o.sample)
	}
	return withCode(exitUsage, o.load.Check())
}

func (a *app) bench(ctx context.Context, o benchOptions) error {
	// The ID is a part of workflow IDs and of keys; two that begin in one second are told apart by their process.
	o.load.ID = fmt.Sprintf("bench-%s-%d", time.Now().UTC().Format("20060102-150405"), os.Getpid())
	if err := o.check(); err != nil {
		return err
	}
	program, err := workerProgram(o.program)
	if err != nil {
		return err
	}
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if cfg.Worker.Deployment != "" {
		return badInput("workers of a deployment (worker.deployment, AGENTFACTORY_WORKER_DEPLOYMENT) get no runs before their version is current: unset it for the bench")
	}
	if err := makeReportDir(o.out); err != nil {
		return err
	}
	r, err := a.measure(ctx, o, cfg, program)
	if err != nil {
		return err
	}
	if err := writeBench(o.out, r); err != nil {
		return err
	}
	if a.json {
		err = a.printJSON(r)
	} else {
		err = printBench(a.stdout, r)
	}
	return cmp.Or(err, benchEnd(r))
}

// measure brings up what is needed, lets the load run, and takes everything down again.
func (a *app) measure(ctx context.Context, o benchOptions, cfg config.Config, program string) (bench.Report, error) {
	a.say("The model is SCRIPTED: the figures say nothing about any model.")
	site, err := a.openBenchSite(ctx, cfg, o.load)
	if err != nil {
		return bench.Report{}, err
	}
	defer site.close(a)
	workers, err := site.startWorkers(ctx, program, o.workers)
	if err != nil {
		return bench.Report{}, err
	}
	defer workers.stop()
	a.say("%s; warming up: the skills that runs reuse are built…", plural(o.workers, "worker"))
	p := &benchProgress{app: a, load: o.load}
	m := bench.Measurement{
		Driver: &bench.Driver{Temporal: site.temporal, Load: o.load, Progress: p.show}, Processes: append(workers.processes(), site.processes()...),
		Every: o.sample, Version: version.String(), Reading: func() { a.say("reading the histories…") },
		Setup: bench.Setup{Workers: o.workers, Temporal: site.temporalName, S3: site.s3Name},
	}
	defer context.AfterFunc(ctx, func() { a.say("interrupted: the runs in flight are cancelled; Ctrl-C once more ends at once") })()
	r, err := m.Run(ctx)
	if ended := workers.ended(); ended != nil {
		if err != nil {
			return r, errors.Join(err, ended)
		}
		r.Troubles = append(r.Troubles, ended.Error())
	}
	return r, err
}

// benchProgress says now and then how far the load has come.
type benchProgress struct {
	app  *app
	load bench.Load
	said time.Duration
}

// sayEvery is how often somebody who waits is told.
const sayEvery = 5 * time.Second

func (p *benchProgress) show(now bench.Progress) {
	if now.Elapsed-p.said < sayEvery {
		return
	}
	p.said = now.Elapsed
	of := fmt.Sprintf("%d of %d runs", now.Ended, p.load.Runs)
	if p.load.Duration > 0 {
		of = fmt.Sprintf("%d runs in %s of %s", now.Ended, now.Elapsed.Round(time.Second), p.load.Duration)
	}
	line := fmt.Sprintf("%s ended, %d in flight, %.0f a minute", of, now.Begun-now.Ended, float64(now.Ended)/now.Elapsed.Minutes())
	if now.Failed > 0 {
		line += fmt.Sprintf(", %d did not complete", now.Failed)
	}
	p.app.say("%s", line)
}

// benchEnd is the error of a load that did not come to its end.
func benchEnd(r bench.Report) error {
	switch {
	case r.Interrupted:
		return ended(exitDetached)
	case r.Runs.Completed < r.Runs.Begun, len(r.Troubles) > 0:
		return ended(exitFailed)
	}
	return nil
}

// writeBench keeps the report in a directory; "" keeps none.
func writeBench(dir string, r bench.Report) error {
	if dir == "" {
		return nil
	}
	document, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "report.json"), append(document, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	for name, write := range map[string]func(*os.File) error{
		"report.txt":  func(f *os.File) error { return printBench(f, r) },
		"samples.csv": func(f *os.File) error { return bench.WriteSamples(f, r.Samples) },
	} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		if err := cmp.Or(write(f), f.Close()); err != nil {
			return fmt.Errorf("write the report: %s: %w", name, err)
		}
	}
	return nil
}
