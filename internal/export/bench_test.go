package export_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/export"
)

// BenchmarkMake is what each format costs for a small skill with 20 cases.
func BenchmarkMake(b *testing.B) {
	skills := []export.Skill{withCases(wordCount(b), 20)}
	for _, f := range export.Formats() {
		b.Run(f.Name, func(b *testing.B) {
			for b.Loop() {
				a, err := f.Make(skills, export.Options{Cases: true})
				require.NoError(b, err)
				b.SetBytes(int64(len(a.Data)))
			}
		})
	}
}

// BenchmarkVerify is what the comparison of an archive costs.
func BenchmarkVerify(b *testing.B) {
	a := made(b, "agent-skills", export.Options{Cases: true}, withCases(wordCount(b), 20))
	b.SetBytes(int64(len(a.Data)))
	for b.Loop() {
		r, err := export.VerifyBytes(a.Data)
		require.NoError(b, err)
		require.True(b, r.OK())
	}
}
