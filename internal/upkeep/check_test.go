package upkeep

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

const headKey, manifestKey = "skills/word-count/head.json", "skills/word-count/versions/0001/manifest.json"

func TestSoundDataHasNoFindings(t *testing.T) {
	b := filled(t)
	require.NoError(t, b.libraries.Fork(t.Context(), "evaluations/e/libraries/react-1", "first"))
	fork, err := b.libraries.Open(t.Context(), "evaluations/e/libraries/react-1")
	require.NoError(t, err)
	require.NoError(t, fork.Retire(t.Context(), "word-count", skill.Tombstone{By: "me"}))
	require.Empty(t, b.check(Inspection{}))
	require.Empty(t, b.check(Inspection{Fast: true}))
}

func TestEveryDamageIsFound(t *testing.T) {
	code := objectstore.BlobKey(objectstore.DigestOf([]byte("def main(query): return {'answer': '1', 'summary': ''}\n")))
	caseKey := "skills/word-count/cases/" + skill.Case{Query: "count", Inputs: []skill.File{{Path: "in.csv", Digest: string(objectstore.DigestOf([]byte("word,count\n"))), Size: 11}}}.ContentID() + "/case.json"
	for name, c := range map[string]struct {
		damage  func(b *bucketful)
		key     string
		problem string
	}{
		"a file of a version is missing": {func(b *bucketful) { b.lose(code) }, manifestKey, "files[1].digest: the blob "},
		"a blob holds other bytes":       {func(b *bucketful) { b.spoil(code, func(string) string { return "other" }) }, code, "its bytes are not those that were stored"},
		"a head names no version":        {func(b *bucketful) { b.spoil(headKey, replacing(`"version": 1,`, `"version": 7,`)) }, headKey, "it points at version 7, whose manifest skills/word-count/versions/0007/manifest.json is missing"},
		"a head is cut off":              {func(b *bucketful) { b.spoil(headKey, func(s string) string { return s[:40] }) }, headKey, "no valid record"},
		"a head is of another version":   {func(b *bucketful) { b.spoil(headKey, replacing(`"version_digest": "`, `"version_digest": "f`)) }, headKey, "the head says f"},
		"a manifest was changed":         {func(b *bucketful) { b.spoil(manifestKey, replacing("Counts words", "Counts letters")) }, manifestKey, "does not match its digest"},
		"a case was changed":             {func(b *bucketful) { b.spoil(caseKey, replacing(`"count"`, `"sum"`)) }, caseKey, "the case does not match its ID"},
		"the input of a case is missing": {func(b *bucketful) { b.lose(objectstore.BlobKey(b.input)) }, caseKey, "inputs[0].digest: the blob"},
		"a record is newer":              {func(b *bucketful) { b.spoil(caseKey, replacing(`"format": 1`, `"format": 2`)) }, caseKey, "upgrade this program"},
		"a turn's parent is missing":     {func(b *bucketful) { b.lose(runFolder + "turns/000000.json") }, runFolder + "turns/000001.json", "parent: "},
		"a file of a step is missing":    {func(b *bucketful) { b.lose(objectstore.BlobKey(b.workspaceFile)) }, runFolder + "workspace/000000.json", "workspace.files[0].digest"},
		"a file of a call is missing":    {func(b *bucketful) { b.lose(objectstore.BlobKey(objectstore.DigestOf([]byte("a page")))) }, runFolder + "journal/000003/000001.json", "files[0].digest"},
		"a result's last turn is lost":   {func(b *bucketful) { b.lose(runFolder + "turns/000001.json") }, runFolder + "result.json", "transcript: "},
		"a snapshot froze what is lost":  {func(b *bucketful) { b.lose(caseKey) }, "snapshots/first.json", "is missing"},
		"a key is no digest":             {func(b *bucketful) { b.create("blobs/sha256/ab/x", "x") }, "blobs/sha256/ab/x", "not the digest of anything"},
		"a use was moved":                {func(b *bucketful) { b.create("uses/word-count/records/0123456789abcdef.json", `{"name":"word-count"}`) }, "uses/word-count/records/0123456789abcdef.json", "does not match its ID"},
		"a mark of no case":              {func(b *bucketful) { b.create("skills/word-count/cases/00/mark.json", `{"by":"me"}`) }, "skills/word-count/cases/00/mark.json", "the case that it marks is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			b := filled(t)
			c.damage(b)
			found := b.check(Inspection{})
			var told []string
			for _, f := range found {
				require.NotEmpty(t, f.Consequence)
				require.False(t, f.Repaired)
				if f.Key == c.key {
					told = append(told, f.Problem)
				}
			}
			require.Contains(t, strings.Join(told, "\n"), c.problem, found)
		})
	}
}

// The catalog forgets a skill without a head, so that nothing else would tell of it.
func TestASkillThatLostItsHeadIsFound(t *testing.T) {
	b := filled(t)
	b.lose(headKey)
	for _, f := range b.check(Inspection{Repair: true}) {
		require.NotEqual(t, headKey, f.Key, "a first save may be under way")
	}
	found := b.check(Inspection{now: time.Now().Add(2 * savedWithin)})
	require.Len(t, found, 1)
	require.Equal(t, headKey, found[0].Key)
	require.Contains(t, found[0].Problem, "it is missing")
}

func TestARecordOfANewerProgramIsToldOnceAndNotCalledSpoilt(t *testing.T) {
	b := filled(t)
	b.spoil(manifestKey, replacing(`"format": 1`, `"format": 2`))
	found := b.check(Inspection{})
	require.Len(t, found, 1)
	require.Equal(t, manifestKey, found[0].Key)
	require.Contains(t, found[0].Problem, "upgrade this program")
	require.Contains(t, found[0].Consequence, "this program cannot read it")
}

// More blobs than a listing has: the next page is asked for when the first blob could not be read.
func TestAnOutageInTheMiddleIsToldAsOneAndNotAsAnInterruption(t *testing.T) {
	bucket := s3test.Between(t, func(w http.ResponseWriter, r *http.Request) bool {
		down := r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/"+blobsRoot)
		if down {
			http.Error(w, "", http.StatusBadGateway)
		}
		return down
	})
	var stored errgroup.Group
	stored.SetLimit(parallel)
	for n := range page + 1 {
		stored.Go(func() error {
			_, err := bucket.Create(t.Context(), objectstore.BlobKey(objectstore.DigestOf(fmt.Append(nil, n))), fmt.Append(nil, n))
			return err
		})
	}
	require.NoError(t, stored.Wait())
	_, err := Check(t.Context(), bucket, skillstore.NewLibraries(bucket), Inspection{Found: func(Finding) {}})
	require.ErrorIs(t, err, objectstore.ErrUnavailable)
	require.NotErrorIs(t, err, context.Canceled)
}

func TestTheCatalogAloneIsRepaired(t *testing.T) {
	b := filled(t)
	var shard string
	for key := range b.stored() {
		if strings.HasPrefix(key, "catalog/v1/shards/") {
			shard = key
		}
	}
	b.spoil(shard, func(string) string { return "{" })
	found := b.check(Inspection{})
	require.NotEmpty(t, found)
	require.Equal(t, found[0].Consequence, outdated)
	before := b.stored()
	require.NotEmpty(t, b.check(Inspection{}))
	require.Equal(t, before, b.stored(), "without being told to, it repairs nothing")

	for _, f := range b.check(Inspection{Repair: true}) {
		require.True(t, f.Repaired)
	}
	require.Empty(t, b.check(Inspection{}))
	after := b.stored()
	for key, etag := range before {
		if key != shard && !strings.HasPrefix(key, "catalog/") {
			require.Equal(t, etag, after[key])
		}
	}
}

func FuzzReferences(f *testing.F) {
	f.Add([]byte(`{"files":[{"path":"a","digest":"x","size":1}],"parent":"runs/a/b/c.json","key":"blobs/sha256/ab/x","index":"y"}`))
	f.Add([]byte(`[[[{"answer":"x","size":1e9}]]]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		found, err := references(body)
		if err != nil {
			require.Empty(t, found)
		}
		for _, r := range found {
			require.True(t, r.blob != "" || r.key != "", r)
		}
	})
}

func TestRecordsFromBeforeFormatsWereWrittenAreSound(t *testing.T) {
	b := filled(t)
	old := 0
	for key := range b.stored() {
		if !strings.HasSuffix(key, "head.json") && !strings.HasPrefix(key, runFolder) || strings.Contains(key, "/journal/") {
			continue
		}
		b.spoil(key, func(s string) string {
			return strings.Replace(strings.Replace(s, `"format": 1,`, "", 1), `"format":1,`, "", 1)
		})
		old++
	}
	require.Greater(t, old, 3)
	heads, err := skillstore.New(b.bucket).Heads(t.Context(), "", 0)
	require.NoError(t, err)
	require.Len(t, heads, 1)
	result, err := run.NewRecords(b.bucket).Result(t.Context(), "install-1", "run-1")
	require.NoError(t, err)
	require.Equal(t, run.Completed, result.Outcome)
	for _, f := range b.check(Inspection{}) {
		require.Equal(t, catalogRoot, f.Key, "the catalog alone tells one head from another by its bytes")
	}
}
