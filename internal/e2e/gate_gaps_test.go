package e2e

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"agentfactory/activities"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/workflows"
)

// lose deletes an object, as a broken backup would.
func (s *stack) lose(key string) {
	s.t.Helper()
	_, err := s.s3.Client().DeleteObject(s.t.Context(), &awss3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	require.NoError(s.t, err)
}

// damage overwrites an object with what nobody wrote.
func (s *stack) damage(key string) {
	s.t.Helper()
	_, err := s.s3.Client().PutObject(s.t.Context(), &awss3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Body: bytes.NewReader([]byte(`{"name": "word-`))})
	require.NoError(s.t, err)
}

// gone is a case of which a file is lost, and others like it are whole.
func gone(i int) past {
	file := fmt.Sprintf("gone-%d.txt", i)
	return past{query: "words of " + file, answer: "2", files: map[string]string{file: fmt.Sprintf("text %d", i)}}
}

// A case whose files are lost says nothing. If too few say something, or one that a person insists on does not, the
// candidate is kept beside the current version, and the result says how it can be taken.
func TestCasesWhoseFilesAreLostLeaveTheDecisionToAPerson(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		whole, lost int
		keep        bool // a person insists on the first that is lost
		why         string
		promoted    bool
	}{
		"fewer than half of the cases tell":      {1, 2, false, "only 1 of 3 past cases could be told", false},
		"half of the cases tell":                 {2, 2, false, "breaks none of 4 past cases, of which 2 could be told", true},
		"a case that must be kept does not tell": {2, 1, true, "1 of 1 cases that must be kept could not be told", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, racing)
			s.keep("word-count", counter)
			lost := map[string]bool{}
			for i := range c.lost {
				p := gone(i)
				id := s.addCase("word-count", p)
				lost[id] = true
				for _, text := range p.files {
					s.lose(objectstore.BlobKey(objectstore.Digest(s.blob(text))))
				}
				if c.keep && i == 0 {
					_, err := s.skills.MarkCase(t.Context(), "word-count", id, skill.CaseMark{Keep: true, By: "ann", Why: "the accounts department asks this"})
					require.NoError(t, err)
				}
			}
			for i := range c.whole {
				s.addCase("word-count", past{query: fmt.Sprintf("words of w%d.txt", i), answer: "1", files: map[string]string{fmt.Sprintf("w%d.txt", i): "whole"}})
			}
			s.worker()
			res := s.ended(s.startAs(workflows.SolveType, "", count("lines")))
			require.Equal(t, run.Completed, res.Outcome, res.Reason)
			require.Equal(t, "1", res.Answer, "the task is solved, whatever becomes of the skill")
			require.Len(t, res.Skills, 1)
			require.Equal(t, c.promoted, res.Skills[0].Promoted)
			require.Contains(t, res.Skills[0].Note, c.why)
			report := s.reportOf("word-count", res.Skills[0].Gate)
			require.Len(t, report.Inconclusive, c.lost)
			for _, g := range report.Inconclusive {
				require.True(t, lost[g.Case])
				require.Equal(t, "a file of it is gone", g.Why)
			}
			if !c.promoted {
				require.Contains(t, res.Skills[0].Note, "a person can take it with `starter skills promote word-count 2")
				require.Equal(t, 1, s.head("word-count").Version)
				require.Equal(t, skill.GateInconclusive, report.Verdict)
			}
		})
	}
}

// A base that cannot be read any more is not replaced, and the run that wanted to replace it keeps its answer.
func TestACorruptBaseDoesNotCostARunItsAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		steps, versions int // that the run takes, and that there are then
		note            []string
	}{
		"before the candidate is stored": {5, 1, []string{"it cannot be stored: ", "its code stays in the workspace of the run"}},
		"before the gate":                {6, 2, []string{"the gate could not be carried out: ", "`starter skills promote word-count 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, racing)
			s.keep("word-count", counter, wordsOf)
			old := s.worker()
			input := count("lines")
			input.Paused = true
			r := s.startAs(workflows.SolveType, "", input)
			s.waitFor(r, phase(run.Paused))
			s.mustUpdate(r, workflows.ResumeUpdate, workflows.Resume{Steps: c.steps}) // two turns, their three calls, and so on
			s.waitFor(r, func(st run.Status) bool { return st.Phase == run.Paused && st.Turn == 2 })
			require.Len(t, s.versions("word-count"), c.versions)
			s.damage("skills/word-count/versions/0001/manifest.json")
			old.kill() // it had read the manifest
			s.worker()
			s.mustUpdate(r, workflows.ResumeUpdate, nil)
			res := s.ended(r)
			require.Equal(t, run.Completed, res.Outcome, res.Reason)
			require.Equal(t, "1", res.Answer)
			require.False(t, res.Skills[0].Promoted)
			for _, part := range append(c.note, "versions/0001/manifest.json") {
				require.Contains(t, res.Skills[0].Note, part)
			}
			require.Equal(t, int64(1), s.head("word-count").Generation)
		})
	}
}

// A skill that cannot be read stands in nobody's way who does not need it; whoever needs it is told what is wrong.
func TestACorruptSkillIsNamedAndStandsInNobodysWay(t *testing.T) {
	t.Parallel()
	s := newStack(t, replacing)
	s.keep("word-count", counter, wordsOf)
	s.damage("skills/word-count/versions/0001/manifest.json")
	s.worker()
	input := linesWith("word-count")
	no := false
	input.Save = &no
	res := s.ended(s.startAs(workflows.SolveType, "", input))
	require.Equal(t, run.Completed, res.Outcome, res.Reason)
	require.Equal(t, "2 lines", res.Answer)

	_, err := s.result(s.startAs(workflows.EvolveType, "", openings[workflows.EvolveType]("word-count")))
	requireFailedAs(t, err, activities.StorageCorrupt, "skills/word-count/versions/0001/manifest.json")
}
