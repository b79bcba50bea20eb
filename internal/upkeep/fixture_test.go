package upkeep

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/internal/workspace"
	"agentfactory/skillstore"
)

// bucketful is a bucket with a library, and with one run that saved a skill into it.
type bucketful struct {
	t         testing.TB
	bucket    *objectstore.Bucket
	blobs     *objectstore.Blobs
	libraries *skillstore.Libraries
	records   *run.Records

	orphan, input, workspaceFile objectstore.Digest
	journal                      string
	result                       run.Result
}

func filled(t testing.TB) *bucketful {
	t.Helper()
	return fill(t, s3test.Bucket(t))
}

func fill(t testing.TB, bucket *objectstore.Bucket) *bucketful {
	t.Helper()
	blobs, err := objectstore.NewBlobs(bucket, "", 0)
	require.NoError(t, err)
	b := &bucketful{t: t, bucket: bucket, blobs: blobs, libraries: skillstore.NewLibraries(bucket), records: run.NewRecords(bucket)}
	b.run("install-1", "run-1")
	b.skill("word-count", "def main(query): return {'answer': '1', 'summary': ''}\n")
	b.orphan = b.blob("nobody refers to this")
	_, err = b.libraries.Snapshot(t.Context(), skillstore.SnapshotDraft{Name: "first", ID: "1", By: "me"})
	require.NoError(t, err)
	return b
}

func (b *bucketful) blob(text string) objectstore.Digest {
	b.t.Helper()
	d, err := b.blobs.Put(b.t.Context(), []byte(text))
	require.NoError(b.t, err)
	return d
}

func (b *bucketful) create(key, body string) {
	b.t.Helper()
	_, err := b.bucket.Create(b.t.Context(), key, []byte(body))
	require.NoError(b.t, err)
}

// run writes the records of a run: two turns, a step, a call and the result.
func (b *bucketful) run(workflowID, runID string) {
	b.t.Helper()
	ctx := b.t.Context()
	b.input, b.workspaceFile = b.blob("word,count\n"), b.blob("a file of "+workflowID)
	file := func(path string, d objectstore.Digest) workspace.Manifest {
		return workspace.Manifest{{Path: path, Digest: d, Size: 1}}
	}
	step := run.StepKey(workflowID, runID, 0)
	_, err := b.records.CreateStep(ctx, step, &run.Step{OK: true, Changed: true, Workspace: &run.Workspace{Files: file("out.txt", b.workspaceFile), Inputs: file("in.csv", b.input)}})
	require.NoError(b.t, err)
	opening := run.TurnKey(workflowID, runID, 0)
	_, err = b.records.CreateTurn(ctx, opening, &run.Turn{Opening: &run.Opening{Task: "count", InitialWorkspace: step}})
	require.NoError(b.t, err)
	last := run.TurnKey(workflowID, runID, 1)
	_, err = b.records.CreateTurn(ctx, last, &run.Turn{Number: 1, Parent: opening})
	require.NoError(b.t, err)
	b.journal = run.JournalPrefix(workflowID, runID, 3)
	b.create(b.journal+"/000001.json", `{"n":1,"kind":"tool","request":{"key":"blobs/sha256/ab/none"},"reply":{},"files":[{"path":"page.html","digest":"`+string(b.blob("a page"))+`"}]}`)
	b.result = run.Result{WorkflowID: workflowID, RunID: runID, Outcome: run.Completed, Transcript: last, Workspace: step, FinishedAt: time.Now()}
	_, err = b.records.CreateResult(ctx, b.result)
	require.NoError(b.t, err)
}

// skill saves a skill with a case that the run left, and records that it was used.
func (b *bucketful) skill(name, code string) {
	b.t.Helper()
	ctx, live := b.t.Context(), b.libraries.Live()
	m, err := live.AddVersion(ctx, skillstore.Draft{Name: name, Description: "Counts words", EntryFile: "subagent.py", Files: map[string][]byte{"subagent.py": []byte(code)}})
	require.NoError(b.t, err)
	_, err = live.Promote(ctx, skillstore.Promotion{Name: name, Version: m.Version, PromotionID: "p-1"})
	require.NoError(b.t, err)
	answer := "1 word"
	require.NoError(b.t, live.AddCase(ctx, name, skill.Case{
		Query: "count", Journal: b.journal, Inputs: []skill.File{{Path: "in.csv", Digest: string(b.input), Size: 11}},
		Output: &skill.Output{Answer: string(b.blob(answer)), Size: int64(len(answer))},
	}))
	_, err = live.RecordUse(ctx, skill.Use{Name: name, Version: m.Version, WorkflowID: "install-1", RunID: "run-1", Step: "1", Task: "t", Outcome: skill.UseSuccess})
	require.NoError(b.t, err)
}

// stored are the keys of the bucket, with the ETags of what lies there.
func (b *bucketful) stored() map[string]string {
	b.t.Helper()
	found := map[string]string{}
	require.NoError(b.t, walk(b.t.Context(), b.bucket, "", func(o objectstore.Info) error {
		found[o.Key] = o.ETag
		return nil
	}))
	return found
}

func (b *bucketful) has(key string) bool {
	_, there := b.stored()[key]
	return there
}

// lose removes every version of an object.
func (b *bucketful) lose(key string) {
	b.t.Helper()
	require.NoError(b.t, b.bucket.Versions(b.t.Context(), key, func(versions []objectstore.Stored) error {
		for _, v := range versions {
			if err := b.bucket.Remove(b.t.Context(), v); err != nil {
				return err
			}
		}
		return nil
	}))
	require.False(b.t, b.has(key))
}

// spoil changes what lies at a key.
func (b *bucketful) spoil(key string, change func(string) string) {
	b.t.Helper()
	obj, err := b.bucket.Get(b.t.Context(), key)
	require.NoError(b.t, err)
	changed := change(string(obj.Body))
	require.NotEqual(b.t, string(obj.Body), changed)
	_, err = b.bucket.Replace(b.t.Context(), key, []byte(changed), obj.ETag)
	require.NoError(b.t, err)
}

func replacing(old, by string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, by, 1) }
}

// check returns what Check finds, through libraries that remember nothing.
func (b *bucketful) check(o Inspection) []Finding {
	b.t.Helper()
	var found []Finding
	o.Found = func(f Finding) { found = append(found, f) }
	sum, err := Check(b.t.Context(), b.bucket, skillstore.NewLibraries(b.bucket), o)
	require.NoError(b.t, err)
	require.Len(b.t, found, sum.Findings)
	return found
}

func nothingHeld(context.Context) (Held, error) { return Held{}, nil }
