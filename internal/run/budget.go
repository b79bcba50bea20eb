package run

import (
	"fmt"
	"strings"
	"time"
)

// Budget limits what a run may spend. In an input a zero means the default; in the
// budget of a run that has begun it means that this dimension is not limited.
type Budget struct {
	Turns               int     `json:"turns,omitempty"`                // model calls of the meta-agent
	OrchestrationTokens int64   `json:"orchestration_tokens,omitempty"` // output tokens of the meta-agent
	SubagentTokens      int64   `json:"subagent_tokens,omitempty"`      // output tokens of subagents' own model calls, and of checks
	CostUSD             float64 `json:"cost_usd,omitempty"`             // by the configured price table
	WallSeconds         int64   `json:"wall_seconds,omitempty"`         // time at work of model and subagents; waiting does not count
	SubagentRuns        int     `json:"subagent_runs,omitempty"`        // executions of subagents
	SubagentsCreated    int     `json:"subagents_created,omitempty"`    // create_subagent calls that made a new one
	Rounds              int     `json:"rounds,omitempty"`               // repaired skills that are held against their past cases
}

// DefaultBudget bounds a run that says nothing itself. Tokens and cost stay open:
// the turns bound them, and a sensible figure depends on the model.
var DefaultBudget = Budget{
	Turns:            60, // the original system's limit
	SubagentTokens:   200_000,
	WallSeconds:      3600,
	SubagentRuns:     100,
	SubagentsCreated: 20,
	Rounds:           5,
}

// MaxTurns is the most turns that one run may be given.
const MaxTurns = 1000

// Or fills what b leaves open from d.
func (b Budget) Or(d Budget) Budget {
	return Budget{
		Turns:               or(b.Turns, d.Turns),
		OrchestrationTokens: or(b.OrchestrationTokens, d.OrchestrationTokens),
		SubagentTokens:      or(b.SubagentTokens, d.SubagentTokens),
		CostUSD:             or(b.CostUSD, d.CostUSD),
		WallSeconds:         or(b.WallSeconds, d.WallSeconds),
		SubagentRuns:        or(b.SubagentRuns, d.SubagentRuns),
		SubagentsCreated:    or(b.SubagentsCreated, d.SubagentsCreated),
		Rounds:              or(b.Rounds, d.Rounds),
	}
}

// Check refuses what makes no sense; its error names the field.
func (b Budget) Check() error {
	for _, f := range []struct {
		name  string
		value float64
	}{
		{"turns", float64(b.Turns)}, {"orchestration_tokens", float64(b.OrchestrationTokens)},
		{"subagent_tokens", float64(b.SubagentTokens)}, {"cost_usd", b.CostUSD},
		{"wall_seconds", float64(b.WallSeconds)}, {"subagent_runs", float64(b.SubagentRuns)},
		{"subagents_created", float64(b.SubagentsCreated)}, {"rounds", float64(b.Rounds)},
	} {
		if f.value < 0 {
			return fmt.Errorf("budget.%s is %v: give a positive number, or leave it out for the default", f.name, f.value)
		}
	}
	if b.Turns > MaxTurns {
		return fmt.Errorf("budget.turns is %d: at most %d turns fit in one run", b.Turns, MaxTurns)
	}
	return nil
}

// String lists the limits that there are.
func (b Budget) String() string {
	parts := []string{fmt.Sprintf("%d turns", b.Turns)}
	for _, f := range []struct {
		value float64
		text  string
	}{
		{float64(b.OrchestrationTokens), "%.0f orchestration tokens"}, {float64(b.SubagentTokens), "%.0f subagent tokens"}, {b.CostUSD, "%.4f USD"},
		{float64(b.WallSeconds), "%.0f s of work"}, {float64(b.SubagentRuns), "%.0f subagent runs"}, {float64(b.SubagentsCreated), "%.0f subagents created"},
		{float64(b.Rounds), "%.0f rounds"},
	} {
		if f.value > 0 {
			parts = append(parts, fmt.Sprintf(f.text, f.value))
		}
	}
	return strings.Join(parts, ", ")
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// Usage is what a run has spent so far.
type Usage struct {
	OrchestrationOutputTokens      int64   `json:"orchestration_output_tokens"`
	OrchestrationInputTokens       int64   `json:"orchestration_input_tokens"`
	OrchestrationCachedInputTokens int64   `json:"orchestration_cached_input_tokens"` // part of the input tokens
	SubagentOutputTokens           int64   `json:"subagent_output_tokens"`
	SubagentInputTokens            int64   `json:"subagent_input_tokens"`
	CostUSD                        float64 `json:"cost_usd"`
	Estimated                      bool    `json:"estimated,omitempty"` // a server sent no usage; a tokenizer counted
	SubagentRuns                   int     `json:"subagent_runs"`
	SubagentsCreated               int     `json:"subagents_created"`
	Rounds                         int     `json:"rounds,omitempty"`              // repaired skills that were held against their past cases
	CheckOutputTokens              int64   `json:"check_output_tokens,omitempty"` // of models that write checks or judge answers
	CheckInputTokens               int64   `json:"check_input_tokens,omitempty"`
	EmbeddingTokens                int64   `json:"embedding_tokens,omitempty"` // of searching the library
	WallSeconds                    float64 `json:"wall_seconds"`
}

// Add returns the sum of both.
func (u Usage) Add(v Usage) Usage {
	u.OrchestrationOutputTokens += v.OrchestrationOutputTokens
	u.OrchestrationInputTokens += v.OrchestrationInputTokens
	u.OrchestrationCachedInputTokens += v.OrchestrationCachedInputTokens
	u.SubagentOutputTokens += v.SubagentOutputTokens
	u.SubagentInputTokens += v.SubagentInputTokens
	u.CostUSD += v.CostUSD
	u.Estimated = u.Estimated || v.Estimated
	u.SubagentRuns += v.SubagentRuns
	u.SubagentsCreated += v.SubagentsCreated
	u.Rounds += v.Rounds
	u.CheckOutputTokens += v.CheckOutputTokens
	u.CheckInputTokens += v.CheckInputTokens
	u.EmbeddingTokens += v.EmbeddingTokens
	u.WallSeconds += v.WallSeconds
	return u
}

// BeforeTurn returns why no further model call may be made, or "".
func (b Budget) BeforeTurn(turnsDone int, u Usage) string {
	switch {
	case turnsDone >= b.Turns:
		return fmt.Sprintf("all %d turns are used", b.Turns)
	case b.OrchestrationTokens > 0 && u.OrchestrationOutputTokens >= b.OrchestrationTokens:
		return fmt.Sprintf("%d of %d orchestration tokens are used", u.OrchestrationOutputTokens, b.OrchestrationTokens)
	}
	return b.shared(u)
}

// BeforeSubagentRun returns why no further subagent may be run, or "".
func (b Budget) BeforeSubagentRun(u Usage) string {
	if b.SubagentRuns > 0 && u.SubagentRuns >= b.SubagentRuns {
		return fmt.Sprintf("all %d subagent runs are used", b.SubagentRuns)
	}
	return b.shared(u)
}

// BeforeCreate returns why no further subagent may be created, or "".
func (b Budget) BeforeCreate(u Usage) string {
	if b.SubagentsCreated > 0 && u.SubagentsCreated >= b.SubagentsCreated {
		return fmt.Sprintf("all %d subagents that may be created exist; repair one of them with modify_subagent", b.SubagentsCreated)
	}
	return ""
}

// BeforeCheck returns why no check may be written, or "".
func (b Budget) BeforeCheck(u Usage) string {
	if b.SubagentTokens > 0 && u.SubagentOutputTokens+u.CheckOutputTokens >= b.SubagentTokens {
		return fmt.Sprintf("all %d tokens of subagents and checks are used", b.SubagentTokens)
	}
	return b.shared(u)
}

// BeforeRound returns why no further repaired skill may be held against its past cases, or "".
func (b Budget) BeforeRound(u Usage) string {
	if b.Rounds > 0 && u.Rounds >= b.Rounds {
		return fmt.Sprintf("all %d rounds are used", b.Rounds)
	}
	return b.shared(u)
}

// shared checks the dimensions that everything draws on.
func (b Budget) shared(u Usage) string {
	switch {
	case b.CostUSD > 0 && u.CostUSD >= b.CostUSD:
		return fmt.Sprintf("%.4f of %.4f USD are spent", u.CostUSD, b.CostUSD)
	case b.WallSeconds > 0 && u.WallSeconds >= float64(b.WallSeconds):
		return fmt.Sprintf("%s of work are over", time.Duration(b.WallSeconds)*time.Second)
	}
	return ""
}
