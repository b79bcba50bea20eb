package activities

import "log/slog"

// What the results of activities tell the worker's log: names and numbers, and nothing of what a run is about.

// LogAttrs names the turn by its record and counts the reply's tokens.
func (r ThinkResult) LogAttrs() []slog.Attr {
	return []slog.Attr{slog.String("turn", r.Turn), slog.Int64("tokens", r.Usage.OrchestrationOutputTokens), slog.Bool("replayed", r.Replayed)}
}

// LogAttrs names the step by its record and the saved skill that was run.
func (r CallResult) LogAttrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("step", r.Step), slog.Bool("ok", r.OK)}
	if r.Asked != nil {
		attrs = append(attrs, slog.String("asked_by_rule", r.Asked.Rule))
	}
	return withSkill(attrs, r.Skill, 0)
}

// LogAttrs names the version that was saved.
func (r SaveResult) LogAttrs() []slog.Attr {
	return withSkill([]slog.Attr{slog.Bool("promoted", r.Promoted)}, r.Name, r.Version)
}

// LogAttrs names the candidate that was held against a case.
func (r TrialResult) LogAttrs() []slog.Attr {
	return []slog.Attr{slog.String("trial", r.Trial)}
}

// withSkill adds a saved skill and its version, where there are such.
func withSkill(attrs []slog.Attr, name string, version int) []slog.Attr {
	if name != "" {
		attrs = append(attrs, slog.String("skill", name))
	}
	if version > 0 {
		attrs = append(attrs, slog.Int("version", version))
	}
	return attrs
}
