package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/evaluation"
	"agentfactory/internal/objectstore"
	runs "agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// ownBucket starts an S3 server and configures it for the commands of a test.
func ownBucket(t *testing.T) *objectstore.Bucket {
	server, err := s3server.Start(t.Context(), s3server.Options{Dir: filepath.Join(t.TempDir(), "s3"), AccessKey: "test", SecretKey: "test-secret"})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	require.NoError(t, objectstore.EnsureBucket(t.Context(), server.Client(), "growing"))
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_S3": server.Endpoint, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test-secret",
	} {
		t.Setenv(name, value)
	}
	return objectstore.NewBucket(server.Client(), "growing")
}

// say runs a command on that bucket.
func say(t *testing.T, args ...string) (stdout, stderr string, code int) {
	env := map[string]string{"AGENTFACTORY_DATA": t.TempDir(), "AGENTFACTORY_S3_BUCKET": "growing"}
	var out, errs bytes.Buffer
	code = run(t.Context(), args, func(name string) string { return env[name] }, strings.NewReader(""), &out, &errs)
	return out.String(), errs.String(), code
}

func TestGrowthIsToldFromStoredRunsAndSkills(t *testing.T) {
	objects := ownBucket(t)
	now := time.Now().UTC()
	records := runs.NewRecords(objects)
	keep := func(r runs.Result) {
		_, err := records.CreateResult(t.Context(), r)
		require.NoError(t, err)
	}
	usage := runs.Usage{OrchestrationOutputTokens: 100, CostUSD: 0.5}
	keep(runs.Result{WorkflowID: "a", RunID: "1", Outcome: runs.Completed, Decision: &runs.Decision{Choice: runs.Reused}, Usage: usage, Turns: 2, FinishedAt: now})
	keep(runs.Result{WorkflowID: "care-2026-11-21T03:00:00Z", RunID: "1", Outcome: runs.Failed, Turns: 4, FinishedAt: now, Model: "scripted-demo"})
	keep(runs.Result{WorkflowID: "idle", RunID: "1", Outcome: runs.Completed, FinishedAt: now})
	keep(runs.Result{WorkflowID: "old", RunID: "1", Outcome: runs.Completed, Turns: 9, FinishedAt: now.AddDate(0, 0, -40)})
	for n := range 150 { // more than a page of other records before the result, and behind it
		for _, folder := range []string{"journal/000001", "turns"} {
			_, err := objects.Create(t.Context(), fmt.Sprintf("runs/a/1/%s/%06d.json", folder, n), []byte("{}"))
			require.NoError(t, err)
		}
	}
	saveCounter(t, skillstore.New(objects))

	out, complaint, code := say(t, "stats", "--json")
	require.Zero(t, code, complaint)
	var series evaluation.GrowthSeries
	require.NoError(t, json.Unmarshal([]byte(out), &series))
	last := series.Points[len(series.Points)-1]
	require.Equal(t, []int{2, 1, 1}, []int{last.Runs, last.Completed, last.Reusing}, "neither the old run nor the one that had nothing to do")
	require.Equal(t, []float64{50, 3, 0.25}, []float64{last.OrchestrationTokens, last.Turns, last.CostUSD})
	require.Equal(t, []int{1, 0, 1, 1}, []int{last.Skills, last.Retired, last.Versions, last.Solvable})
	require.Equal(t, []float64{3, 1, 1}, []float64{last.Lines, last.Functions, last.Tools})

	out, complaint, code = say(t, "stats", "--since", "12h")
	require.Zero(t, code)
	require.Contains(t, complaint, "scripted model: their numbers say nothing")
	require.Contains(t, out, now.Format(time.DateOnly))

	page := filepath.Join(t.TempDir(), "growth.html")
	_, _, code = say(t, "stats", "--html", page)
	require.Zero(t, code)
	written, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Contains(t, string(written), "Growth of the skill library")
	_, complaint, code = say(t, "stats", "--html", page)
	require.Equal(t, exitUsage, code)
	require.Contains(t, complaint, "the file exists already")
}

func saveCounter(t *testing.T, library *skillstore.S3) {
	code := "# counts\ndef main(query):\n\n    n = len(query)\n    return {'answer': str(n), 'summary': ''}\n"
	m, err := library.AddVersion(t.Context(), skillstore.Draft{
		Name: "counter", Description: "Counts letters.", EntryFile: "subagent.py", Tools: []string{"web_search"}, Files: map[string][]byte{"subagent.py": []byte(code)}, Lineage: skill.Lineage{Source: skill.SourceRun},
	})
	require.NoError(t, err)
	_, err = library.Promote(t.Context(), skillstore.Promotion{Name: "counter", Version: m.Version, PromotionID: "p"})
	require.NoError(t, err)
	for _, query := range []string{"one", "two"} {
		require.NoError(t, library.AddCase(t.Context(), "counter", skill.Case{Query: query, Lineage: skill.Lineage{WorkflowID: "a"}}))
	}
	ids, err := library.CaseIDs(t.Context(), "counter")
	require.NoError(t, err)
	_, err = library.MarkCase(t.Context(), "counter", ids[0], skill.CaseMark{Dropped: true, By: "ann", Why: "wrong"})
	require.NoError(t, err)
}

func TestAnEmptyStoreHasNoGrowth(t *testing.T) {
	ownBucket(t)
	out, complaint, code := say(t, "stats")
	require.Zero(t, code)
	require.Empty(t, out)
	require.Contains(t, complaint, "nothing has happened since then")
	for flag, want := range map[string]string{"--since=soon": "--since is \"soon\"", "--since=2999-01-01": "past date", "--by=year": "give day or week"} {
		_, complaint, code = say(t, "stats", flag)
		require.Equal(t, exitUsage, code)
		require.Contains(t, complaint, want)
	}
}

func TestASkillIsToldAsItStoodAtEachTime(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }
	s := skillStory{
		head: skill.Head{Name: "x", Moves: []skill.Move{
			{Version: 1, Kind: skill.MovePromote, At: day(2)}, {Version: 2, Kind: skill.MovePromote, At: day(5)}, {Version: 2, Kind: skill.MoveRetire, At: day(8)},
			{Version: 2, Kind: skill.MoveFreeze, At: day(9)},
		}},
		made: []time.Time{day(1), day(4)}, cases: []time.Time{day(2), day(6)},
		code: map[int]skillstore.CodeSize{1: {Lines: 10, Functions: 1}, 2: {Lines: 20, Functions: 3, Tools: 1}},
	}
	v1 := evaluation.SkillFact{Name: "x", At: day(3), Versions: 1, Cases: 1, Lines: 10, Functions: 1}
	v2 := evaluation.SkillFact{Name: "x", At: day(6), Versions: 2, Cases: 2, Lines: 20, Functions: 3, Tools: 1}
	gone := v2
	gone.At, gone.Retired = day(9), true
	facts := s.facts(day(3))
	require.Equal(t, v1, facts[0], "as it stood when the series begins")
	require.Contains(t, facts, v2)
	require.Equal(t, gone, facts[len(facts)-1], "a frozen skill is still retired")
	_, there := s.at(day(1))
	require.False(t, there, "a version that nobody promoted is no skill yet")
}

// BenchmarkStats reads the results of 2,000 runs, each with 20 other records, at the embedded S3 server.
func BenchmarkStats(b *testing.B) {
	ctx := context.Background()
	server, err := s3server.Start(ctx, s3server.Options{Dir: filepath.Join(b.TempDir(), "s3"), AccessKey: "test", SecretKey: "test-secret"})
	require.NoError(b, err)
	b.Cleanup(server.Stop)
	require.NoError(b, objectstore.EnsureBucket(ctx, server.Client(), "growing"))
	objects := objectstore.NewBucket(server.Client(), "growing")
	c := &connection{Objects: objects, Records: runs.NewRecords(objects)}
	const workflows = 2000
	for n := range workflows {
		id := fmt.Sprintf("run-%d", n)
		_, err := c.Records.CreateResult(ctx, runs.Result{WorkflowID: id, RunID: "1", Outcome: runs.Completed, Turns: 1, FinishedAt: time.Now()})
		require.NoError(b, err)
		for i := range 20 {
			_, err := objects.Create(ctx, fmt.Sprintf("runs/%s/1/turns/%06d.json", id, i), []byte("{}"))
			require.NoError(b, err)
		}
	}
	for b.Loop() {
		ended, err := c.endedSince(ctx, time.Now().Add(-time.Hour), func(string) {})
		require.NoError(b, err)
		require.Len(b, ended.facts, workflows)
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N)/workflows, "ms/run")
}
