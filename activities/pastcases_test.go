package activities

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/pyruntime"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
)

func TestAnswersAreTheSameUpToWhiteSpaceAndTheLastDigits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"3 words", "3  words\n", true},
		{"total=1.0000001", "total=1.0000002", true},
		{"1e3 files", "1000 files", true},
		{"3 words", "4 words", false},
		{"3 words", "three words", false},
		{"a b", "a b c", false},
		{"x1y2", "x1y3", false},
		{"", "", true},
	} {
		require.Equal(t, c.same, sameAnswer(c.a, c.b), "%q and %q", c.a, c.b)
	}
}

func FuzzSameAnswer(f *testing.F) {
	f.Add("3 words", "3.0 words")
	f.Add("1e999", "-1e999")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !sameAnswer(a, a) {
			t.Fatalf("%q differs from itself", a)
		}
		if sameAnswer(a, b) != sameAnswer(b, a) {
			t.Fatalf("%q and %q depend on their order", a, b)
		}
	})
}

func TestARunIsJudgedByItsAnswerAndItsFiles(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "there.txt"), []byte("x"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "empty.txt"), nil, 0o600))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "out.txt")))
	for name, c := range map[string]struct {
		res   pyruntime.Result
		file  string
		kind  run.Verdict
		tells string
	}{
		"as before":                {pyruntime.Result{Answer: "3"}, "there.txt", run.Passes, ""},
		"another answer":           {pyruntime.Result{Answer: "4"}, "there.txt", run.Fails, `"3" then, and now "4"`},
		"a failure":                {pyruntime.Result{Failure: &pyruntime.Failure{Kind: "exception", Message: "KeyError: 'x'"}}, "there.txt", run.Fails, "KeyError"},
		"a file that is lost":      {pyruntime.Result{Answer: "3"}, "gone.txt", run.Fails, "gone.txt"},
		"a file without content":   {pyruntime.Result{Answer: "3"}, "empty.txt", run.Fails, "empty.txt"},
		"a link out of the folder": {pyruntime.Result{Answer: "3"}, "out.txt", run.Fails, "out.txt"},
	} {
		t.Run(name, func(t *testing.T) {
			v := judge(dir, "3", []skill.File{{Path: c.file, Size: 1}}, c.res)
			require.Equal(t, c.kind, v.kind)
			require.Contains(t, v.why, c.tells)
		})
	}
}
