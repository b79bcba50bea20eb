package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
	"agentfactory/workflows"
)

// wordCounter counts words with a little work for each, as a skill does that reads a file.
const wordCounter = `
import json, hashlib

def main(query):
    words = open("text.txt").read().split()
    digest = hashlib.sha256(" ".join(words).encode()).hexdigest()
    return {"answer": json.dumps({"words": len(words), "query": query}), "summary": digest[:8]}
`

// gateable saves two versions of a skill that do the same, and so many cases that both pass.
func (s *stack) gateable(cases int) {
	s.t.Helper()
	ctx := s.t.Context()
	blobs, err := objectstore.NewBlobs(s.objects, s.t.TempDir(), 1<<30)
	require.NoError(s.t, err)
	text := []byte("one two three")
	input, err := blobs.Put(ctx, text)
	require.NoError(s.t, err)
	for v := 1; v <= 2; v++ {
		m, err := s.skills.AddVersion(ctx, skillstore.Draft{
			Name: "word-counter", Description: "Counts the words of text.txt.", EntryFile: "subagent.py",
			Files: map[string][]byte{"subagent.py": fmt.Appendf(nil, "%s# %d\n", wordCounter, v)}, Lineage: skill.Lineage{Source: skill.SourceRun},
		})
		require.NoError(s.t, err)
		if v == 1 {
			_, err = s.skills.Promote(ctx, skillstore.Promotion{Name: m.Name, Version: 1, PromotionID: "p"})
			require.NoError(s.t, err)
		}
	}
	for i := range cases {
		query := fmt.Sprintf("question %d", i)
		answer := fmt.Sprintf(`{"words": 3, "query": %q}`, query)
		digest, err := blobs.Put(ctx, []byte(answer))
		require.NoError(s.t, err)
		require.NoError(s.t, s.skills.AddCase(ctx, "word-counter", skill.Case{
			Query: query, Inputs: []skill.File{{Path: "text.txt", Digest: string(input), Size: int64(len(text))}},
			Output: &skill.Output{Answer: string(digest), Size: int64(len(answer))},
		}))
	}
}

func (s *stack) gate(in workflows.GateInput) workflows.GateResult {
	s.t.Helper()
	r, err := s.temporal.ExecuteWorkflow(s.t.Context(), startOptions, workflows.GateType, in)
	require.NoError(s.t, err)
	var res workflows.GateResult
	require.NoError(s.t, r.Get(s.t.Context(), &res))
	return res
}

// BenchmarkGate measures a gate of 50 cases, three runs each: one case at a time, and side by side.
func BenchmarkGate(b *testing.B) {
	s := newStack(b, longRun)
	s.worker()
	s.gateable(50)
	alone := 0.0
	for _, atOnce := range []int{1, 8} {
		b.Run(strings.ReplaceAll(fmt.Sprint(atOnce, " at once"), " ", "-"), func(b *testing.B) {
			for b.Loop() {
				begun := time.Now()
				res := s.gate(workflows.GateInput{Skill: "word-counter", Version: 2, AtOnce: atOnce})
				require.Equal(b, []any{skill.GatePassed, 50}, []any{res.Verdict, res.Cases}, res.Why)
				took := time.Since(begun).Seconds()
				b.ReportMetric(took, "s/gate")
				b.ReportMetric(took*1000/150, "ms/run")
				if atOnce == 1 {
					alone = took
				} else {
					b.ReportMetric(alone/took, "times-faster")
				}
			}
		})
	}
}
