package workflows

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/run"
)

func TestTheStoryReadsAsMarkdown(t *testing.T) {
	at := time.Date(2026, 11, 21, 9, 5, 0, 0, time.UTC)
	s := story{
		task: "plot it", now: run.WaitingForApproval, action: "finish", waitsFor: "finish-12: approve or reject",
		asked: &run.Approval{Answer: "first\nsecond", Skills: []string{"plot", "read-csv"}},
		events: []run.Event{
			{At: at, Text: "turn 1 (67 tokens): run_subagent plot.py"},
			{At: at.Add(time.Second), Text: "  run_subagent not ok: __init__ of <Plot> [x](http://example.com) `*`"},
		},
	}
	require.Equal(t, strings.TrimLeft(`
Task: plot it

**waiting for approval**: finish-12: approve or reject

The answer:

> first
> second

Skills to be saved: plot, read-csv

- 09:05:00 turn 1 (67 tokens): run_subagent plot.py
- 09:05:01 ↳ run_subagent not ok: \_\_init\_\_ of \<Plot> \[x\](http://example.com) `+"\\`\\*\\`", "\n"), s.details())
}
