package e2e

import (
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
	"agentfactory/workflows"
)

// counter is the skill that the runs of these tests repair: it counts the words of a text file.
const counter = `def main(query):
    text = open(query.split()[-1]).read()
    answer = len(text.split())
    # kinds
    return {"answer": str(answer), "summary": "counted"}
`

// wordsOf is what the skill was asked before.
var wordsOf = past{query: "words of a.txt", answer: "3", files: map[string]string{"a.txt": "one two three"}}

// linesWith is the task that the skill falls short of.
func linesWith(name string) workflows.InstallInput {
	return workflows.InstallInput{Task: "count the lines with " + name, Files: []run.InputFile{{Path: "b.txt", Text: "one two\nthree\n"}}}
}

// past is a case as an earlier run would have left it.
type past struct {
	query, answer string
	files         map[string]string
}

// keep puts a skill with its past into the library, as version 1.
func (s *stack) keep(name, code string, cases ...past) {
	s.t.Helper()
	version := s.addVersion(name, code)
	_, err := s.skills.Promote(s.t.Context(), skillstore.Promotion{Name: name, Version: version.Version, PromotionID: "kept-" + name})
	require.NoError(s.t, err)
	for _, c := range cases {
		s.addCase(name, c)
	}
}

func (s *stack) addVersion(name, code string) skill.Manifest {
	s.t.Helper()
	version, err := s.skills.AddVersion(s.t.Context(), skillstore.Draft{
		Name: name, Description: "Counts the words of the text file that query names.", EntryFile: "subagent.py",
		Files: map[string][]byte{"subagent.py": []byte(code)}, Lineage: skill.Lineage{Source: skill.SourceImport},
	})
	require.NoError(s.t, err)
	return version
}

// addCase stores a case and returns its ID.
func (s *stack) addCase(name string, p past) string {
	s.t.Helper()
	c := skill.Case{Query: p.query, Output: &skill.Output{Answer: s.blob(p.answer), Size: int64(len(p.answer))}}
	for path, text := range p.files {
		c.Inputs = append(c.Inputs, skill.File{Path: path, Digest: s.blob(text), Size: int64(len(text))})
	}
	require.NoError(s.t, s.skills.AddCase(s.t.Context(), name, c))
	return c.ContentID()
}

func (s *stack) blob(text string) string {
	s.t.Helper()
	blobs, err := objectstore.NewBlobs(s.objects, "", 0)
	require.NoError(s.t, err)
	digest, err := blobs.Put(s.t.Context(), []byte(text))
	require.NoError(s.t, err)
	return string(digest)
}

// startAs begins a run of any type; an empty ID is a random one.
func (s *stack) startAs(workflow, id string, input any) client.WorkflowRun {
	s.t.Helper()
	r, err := s.temporal.ExecuteWorkflow(s.t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: workflows.TaskQueue}, workflow, input)
	require.NoError(s.t, err)
	return r
}

// ended waits for the end of a run that does not fail.
func (s *stack) ended(r client.WorkflowRun) run.Result {
	s.t.Helper()
	res, err := s.result(r)
	require.NoError(s.t, err)
	return res
}

func (s *stack) head(name string) skill.Head {
	s.t.Helper()
	head, err := s.skills.Head(s.t.Context(), name)
	require.NoError(s.t, err)
	return head
}

func (s *stack) cases(name string) []skill.Case {
	s.t.Helper()
	cases, err := s.skills.Cases(s.t.Context(), name)
	require.NoError(s.t, err)
	return cases
}

func (s *stack) versions(name string) []skill.Manifest {
	s.t.Helper()
	versions, err := s.skills.Versions(s.t.Context(), name)
	require.NoError(s.t, err)
	return versions
}

func (s *stack) reports(name string) []skill.GateReport {
	s.t.Helper()
	reports, err := s.skills.GateReports(s.t.Context(), name)
	require.NoError(s.t, err)
	return reports
}

// reportOf is the report with this ID, which results of runs name.
func (s *stack) reportOf(name, id string) skill.GateReport {
	s.t.Helper()
	for _, r := range s.reports(name) {
		if r.ID == id {
			return r
		}
	}
	s.t.Fatalf("%s has no gate report %q", name, id)
	return skill.GateReport{}
}

// openings are the two ways into the repair of a counter.
var openings = map[string]func(name string) any{
	workflows.SolveType: func(name string) any { return linesWith(name) },
	workflows.EvolveType: func(name string) any {
		return workflows.EvolveInput{Skill: name, Query: "lines of b.txt", InstallInput: linesWith(name)}
	},
}
