package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	runs "agentfactory/internal/run"
)

func TestProgressPrintsEachEventOnce(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, func(string) string { return "" })
	start := time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)
	p.begin(start)
	events := []runs.Event{
		{Seq: 1, At: start.Add(400 * time.Millisecond), Text: "opened with model m"},
		{Seq: 2, At: start.Add(1500 * time.Millisecond), Text: "  run_subagent ok: \x1b[31m42"},
		{Seq: 9, At: start.Add(100 * time.Second), Text: "completed"},
	}
	p.show(runs.Status{Events: events[:1]})
	p.show(runs.Status{Events: events[:2]})
	p.note("call the model, attempt 2: refused")
	p.note("call the model, attempt 2: refused")
	p.show(runs.Status{Events: events, Phase: runs.Finished})
	p.close()
	lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
	require.Equal(t, "   0.4s  opened with model m", lines[0])
	require.Equal(t, "   1.5s    run_subagent ok: [31m42", lines[1])
	require.True(t, strings.HasSuffix(lines[2], "s  call the model, attempt 2: refused"), lines[2])
	require.Equal(t, []string{"         (6 lines left out)", " 100.0s  completed"}, lines[3:])
	require.NotContains(t, out.String(), "\x1b", "no control characters when piped")
}

func TestTheLiveLineIsDrawnBelowTheEvents(t *testing.T) {
	var out bytes.Buffer
	p := &progress{w: &out, live: true, noted: map[string]bool{}}
	p.setBelow("turn 1")
	p.line("an event")
	p.setBelow("")
	p.line("the end")
	p.close()
	require.Equal(t, "turn 1"+eraseLine+"an event\nturn 1"+eraseLine+"the end\n", out.String())
}

func TestNowLine(t *testing.T) {
	for name, c := range map[string]struct {
		status runs.Status
		want   string
	}{
		"what is being done": {
			runs.Status{Phase: runs.Thinking, Turn: 2, Action: "turn 3: ask the model", Usage: runs.Usage{OrchestrationOutputTokens: 1234}},
			"turn 3: ask the model · 1,234 tokens · 7 s"},
		"what is waited for": {
			runs.Status{Phase: runs.WaitingForModel, Turn: 2, Action: "turn 3: ask the model", WaitsFor: "connection refused; next try in 10s"},
			"turn 2 · waiting for model: connection refused; next try in 10s · 0 tokens · 7 s"},
		"the phase, when nothing is told": {runs.Status{Phase: runs.Starting}, "starting · 0 tokens · 7 s"},
		"nothing after the end":           {runs.Status{Phase: runs.Finished}, ""},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, nowLine(c.status, 7*time.Second)) })
	}
}
