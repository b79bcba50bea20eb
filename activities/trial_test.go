package activities

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
)

// Without a check an output has to be the recorded one: the answer, the text in the files, and binary files that are there.
func TestWithoutACheckARunIsJudgedByItsAnswerAndItsFiles(t *testing.T) {
	t.Parallel()
	blobs, err := objectstore.NewBlobs(s3test.Bucket(t), t.TempDir(), 1<<20)
	require.NoError(t, err)
	dir := t.TempDir()
	files := map[string]string{"report.md": "total:  3.0000001", "other.md": "total: 4", "chart.png": "\x89PNG\xff new", "empty.txt": ""}
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "out.txt")))
	for name, c := range map[string]struct {
		res    pyruntime.Result
		file   string
		then   string
		result skill.CaseResult
		tells  string
	}{
		"as before":                      {pyruntime.Result{Answer: "3"}, "other.md", "total: 4", skill.CasePassed, ""},
		"other white space and digits":   {pyruntime.Result{Answer: "3"}, "report.md", "total: 3.0000002\n", skill.CasePassed, ""},
		"another picture":                {pyruntime.Result{Answer: "3"}, "chart.png", "\x89PNG\xff old", skill.CasePassed, ""},
		"another answer":                 {pyruntime.Result{Answer: "4"}, "other.md", "total: 4", skill.CaseFailed, `"3", and now "4"`},
		"another text in a file":         {pyruntime.Result{Answer: "3"}, "other.md", "total: 5", skill.CaseFailed, "other.md says something else"},
		"a failure":                      {pyruntime.Result{Failure: &pyruntime.Failure{Kind: "exception", Message: "KeyError: 'x'"}}, "other.md", "", skill.CaseFailed, "KeyError"},
		"a file that is lost":            {pyruntime.Result{Answer: "3"}, "gone.txt", "x", skill.CaseFailed, "left the file gone.txt"},
		"a file without content":         {pyruntime.Result{Answer: "3"}, "empty.txt", "x", skill.CaseFailed, "left the file empty.txt"},
		"a link that leads out of there": {pyruntime.Result{Answer: "3"}, "out.txt", "x", skill.CaseFailed, "left the file out.txt"},
	} {
		t.Run(name, func(t *testing.T) {
			digest, err := blobs.Put(t.Context(), []byte(c.then))
			require.NoError(t, err)
			tr := &trial{s: &Subagents{Blobs: blobs}, past: skill.Case{Output: &skill.Output{Files: []skill.File{{Path: c.file, Digest: string(digest), Size: int64(len(c.then))}}}}}
			var r run.TrialRun
			require.NoError(t, tr.verdict(t.Context(), dir, nil, "3", c.res, &r))
			require.Equal(t, c.result, r.Result)
			require.Contains(t, r.Why, c.tells)
		})
	}
}
