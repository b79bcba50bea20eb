package main

import (
	"fmt"
	"io"
	"time"

	"agentfactory/internal/bench"
)

// printBench writes the report for people.
func printBench(w io.Writer, r bench.Report) error {
	printBenchHead(w, r)
	for _, part := range []struct {
		title string
		write func(io.Writer, bench.Report) error
	}{
		{"Times in ms, by the events of the workflow histories", benchTimes},
		{"Requests to S3 for each turn, by the workers' metrics: " + fmt.Sprintf("%.1f", r.S3.PerTurn), benchRequests},
		{"CPU seconds by /proc, without those of subagents", benchCPU},
		{"Memory of the workers in MiB, by /proc and their metrics", benchMemory},
	} {
		fmt.Fprintf(w, "\n%s\n", part.title)
		if err := part.write(w, r); err != nil {
			return err
		}
	}
	return nil
}

func printBenchHead(w io.Writer, r bench.Report) {
	l := r.Load
	fmt.Fprintf(w, "%s: %s, %s each, %d in flight, a scripted model that takes %s a turn\n", l.ID, l.Kind, plural(l.Turns, "turn"), l.Concurrency, l.Think)
	fmt.Fprintf(w, "%s; Temporal %s; S3 %s\n", plural(r.Setup.Workers, "worker"), r.Setup.Temporal, r.Setup.S3)
	fmt.Fprintf(w, "%s, load average %.1f before and %.1f after; %s\n", plural(r.Machine.Processors, "processor"), r.Machine.LoadBefore, r.Machine.LoadAfter, r.Version)
	if r.Interrupted {
		fmt.Fprintln(w, "\nINTERRUPTED: what had ended by then")
	}
	fmt.Fprintf(w, "\n%d runs begun, %d completed", r.Runs.Begun, r.Runs.Completed)
	for _, other := range []struct {
		n    int
		what string
	}{{r.Runs.Failed, "failed"}, {r.Runs.Cancelled, "cancelled"}, {r.Runs.Unknown, "whose end was not seen"}} {
		if other.n > 0 {
			fmt.Fprintf(w, ", %d %s", other.n, other.what)
		}
	}
	fmt.Fprintf(w, " in %s\n", (time.Duration(r.Seconds * float64(time.Second))).Round(100*time.Millisecond))
	for _, f := range r.Failures {
		fmt.Fprintf(w, "  %d × %s (%s …)\n", f.Runs, oneLine(f.Reason), f.First)
	}
	for _, t := range r.Troubles {
		fmt.Fprintf(w, "  not measured: %s\n", oneLine(t))
	}
	fmt.Fprintf(w, "%.1f runs a minute, %.2f turns a second\n", r.PerMinute, r.PerSecond)
	fmt.Fprintf(w, "history: %.0f events and %s a run, %s a turn (means)\n", r.History.Events.Mean, size(int64(r.History.Bytes.Mean)), size(int64(r.History.BytesPerTurn)))
}

func benchTimes(w io.Writer, r bench.Report) error {
	row := func(name string, d bench.Distribution) []string {
		return []string{name, count(d.N), milli(d.Mean), milli(d.P50), milli(d.P95), milli(d.P99), milli(d.Max)}
	}
	l := r.Latency
	rows := [][]string{
		row("turn", l.Turn), row("turn beside the model", l.BesideModel), row("run", l.Run),
		row("workflow task: waits", l.TaskWait), row("workflow task: works", l.Task),
	}
	for _, a := range l.Activities {
		rows = append(rows, row(a.Name+": waits", a.Wait), row(a.Name+": works", a.Work))
	}
	return table(w, []string{"", "N", "MEAN", "P50", "P95", "P99", "MAX"}, rows)
}

func milli(ms float64) string { return fmt.Sprintf("%.1f", ms) }

func benchRequests(w io.Writer, r bench.Report) error {
	var rows [][]string
	for _, q := range r.S3.By {
		rows = append(rows, []string{q.Operation, q.Kind, q.Outcome, fmt.Sprintf("%.2f", q.PerTurn), milli(q.Mean)})
	}
	return table(w, []string{"OPERATION", "OF", "OUTCOME", "A TURN", "MEAN MS"}, rows)
}

func benchCPU(w io.Writer, r bench.Report) error {
	var rows [][]string
	for _, c := range r.CPU {
		rows = append(rows, []string{c.Process, fmt.Sprintf("%.1f", c.Seconds), fmt.Sprintf("%.3f", c.PerTurn)})
	}
	return table(w, []string{"", "ALL", "A TURN"}, rows)
}

func benchMemory(w io.Writer, r bench.Report) error {
	var rows [][]string
	for _, m := range r.Memory {
		rows = append(rows,
			[]string{m.Worker, "begin", mib(m.First.Resident), mib(m.First.Private), mib(m.First.Heap), fmt.Sprint(m.First.Goroutines)},
			[]string{"", "end", mib(m.Last.Resident), mib(m.Last.Private), mib(m.Last.Heap), fmt.Sprint(m.Last.Goroutines)},
			[]string{"", "peak", mib(m.Peak)})
		if t := m.Trend; t != nil {
			rows = append(rows, []string{"", fmt.Sprintf("an hour, by the last %.0f min", t.Minutes), signedMiB(t.Resident), signedMiB(t.Private), signedMiB(t.Heap), fmt.Sprintf("%+.1f", t.Goroutines)})
		}
	}
	return table(w, []string{"", "", "RESIDENT", "PRIVATE", "GO HEAP", "GOROUTINES"}, rows)
}

const bytesPerMiB = 1 << 20

func mib(bytes int64) string { return fmt.Sprintf("%.1f", float64(bytes)/bytesPerMiB) }

func signedMiB(bytes float64) string { return fmt.Sprintf("%+.1f", bytes/bytesPerMiB) }
