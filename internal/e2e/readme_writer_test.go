package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/workflows"
)

// readmeTask hands in a small Python project and asks for its README.md.
func readmeTask(name string, files map[string]string) workflows.InstallInput {
	in := workflows.InstallInput{Task: "Write a README.md for the Python project in the folder projects/" + name +
		": its name as the heading, and a list of its modules, each with what the first line of its docstring says."}
	for path, text := range files {
		in.Files = append(in.Files, run.InputFile{Path: "projects/" + name + "/" + path, Text: text})
	}
	return in
}

var (
	lantern = readmeTask("lantern", map[string]string{
		"pyproject.toml": "[project]\nname = \"lantern\"\n", "wick.py": "\"\"\"Trims the wick.\"\"\"\n",
	})
	beacon = readmeTask("beacon", map[string]string{
		"pyproject.toml": "[project]\nname = \"beacon\"\n", "lamp.py": "\"\"\"Lights the lamp.\"\"\"\n",
		"turn.py": "#!/usr/bin/env python3\n\"\"\"Turns the lamp.\"\"\"\n",
	})
	ember = readmeTask("ember", map[string]string{
		"pyproject.toml": "[project]\nname = 'ember'\n", "glow.py": "'''Keeps the coals glowing.'''\n", "ash.py": "GREY = 1\n",
	})
	candle = readmeTask("candle", map[string]string{"pyproject.toml": "[project]\nname='candle'\n", "wax.py": "# wax\n'Melts.'\n"})
)

// Three projects make three versions of one skill: the path of the first project stands in the code of the first, the
// second reads only what looks like the first two, the third parses. Each is held against the cases of those before it.
func TestAReadmeWriterGrowsByThreeTasks(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("testdata/readme_writer.yaml")
	require.NoError(t, err)
	s := newStack(t, string(script))
	s.checks = true
	s.worker()

	first := s.solve(lantern)
	require.Equal(t, run.Built, first.Decision.Choice, s.dump(first.Transcript))
	require.Regexp(t, "contains literals of this task: .*projects/lantern", s.dump(first.Transcript), "the review advised against it, and the model insisted")
	require.Len(t, s.checkedCases("readme-writer"), 1)

	second := s.solve(beacon)
	require.Equal(t, run.Evolved, second.Decision.Choice, s.dump(second.Transcript))
	require.Len(t, s.checkedCases("readme-writer"), 2)
	path := s.diff("readme-writer", 1, 2)
	require.Contains(t, path, "-    project = Path(\"projects/lantern\")\n+    project = Path(query)\n")

	third := s.solve(ember)
	require.Equal(t, run.Evolved, third.Decision.Choice, s.dump(third.Transcript))
	require.Equal(t, 2, third.Usage.Rounds)
	require.Len(t, s.checkedCases("readme-writer"), 3)
	parsing := s.diff("readme-writer", 2, 4)
	require.Contains(t, parsing, "+import tomllib\n")
	require.Contains(t, parsing, "+    return tomllib.loads(text)[\"project\"][\"name\"]\n")
	require.Contains(t, parsing, "ast.get_docstring(ast.parse(text))")
	require.NotContains(t, parsing, "projects/lantern")

	s.requireGrowth(first, second, third)
	fourth := s.solve(candle)
	require.Equal(t, run.Reused, fourth.Decision.Choice, s.dump(fourth.Transcript))
	require.Equal(t, 2, fourth.Turns)
	require.Equal(t, "README.md of candle lists 1 modules and describes 1", fourth.Answer)
}

// requireGrowth reads what the library tells of the three runs: versions with parents, gates with the cases that they
// tried, the candidate that was refused, and moves with who, when and why.
func (s *stack) requireGrowth(first, second, third run.Result) {
	s.t.Helper()
	ctx := s.t.Context()
	versions, err := s.skills.Versions(ctx, "readme-writer")
	require.NoError(s.t, err)
	require.Len(s.t, versions, 4)
	for i, want := range []struct {
		parent int
		run    string
	}{{0, first.WorkflowID}, {1, second.WorkflowID}, {2, third.WorkflowID}, {2, third.WorkflowID}} {
		require.Equal(s.t, want.parent, versions[i].Lineage.ParentVersion, "of version %d", i+1)
		require.Equal(s.t, want.run, versions[i].Lineage.WorkflowID, "made version %d", i+1)
	}

	reports, err := s.skills.GateReports(ctx, "readme-writer")
	require.NoError(s.t, err)
	require.Len(s.t, reports, 3)
	for i, want := range []struct {
		candidate, base, cases, broken int
		verdict                        skill.Verdict
		why                            string
	}{
		{2, 1, 2, 0, skill.GatePassed, "breaks none of 1 past cases, of which 1 could be told"},
		{3, 2, 3, 1, skill.GateFailed, "breaks 1 of 2 past cases"},
		{4, 2, 3, 0, skill.GatePassed, "breaks none of 2 past cases, of which 2 could be told"},
	} {
		r := reports[i]
		require.Equal(s.t, []int{want.candidate, want.base, want.cases, want.broken}, []int{r.Candidate.Version, r.Base.Version, r.Cases, len(r.Broken())})
		require.Equal(s.t, want.verdict, r.Verdict)
		require.Equal(s.t, want.why, r.Why)
	}
	told := s.dump(third.Transcript)
	require.Contains(s.t, told, "Not saved: readme-writer version 3 is rejected: breaks 1 of 2 past cases")
	require.Contains(s.t, told, "it does not tell what turn.py does", "the check of the case says what broke")

	head, err := s.skills.Head(ctx, "readme-writer")
	require.NoError(s.t, err)
	var promoted []int
	for _, m := range head.Moves {
		if m.What() != skill.MovePromote {
			continue
		}
		promoted = append(promoted, m.Version)
		require.False(s.t, m.At.IsZero())
		require.True(s.t, strings.HasPrefix(m.PromotionID, versions[m.Version-1].Lineage.WorkflowID+"/"), "the move names the run")
		require.True(s.t, m.Version == 1 || strings.HasPrefix(m.Why, "breaks none of "), m.Why)
	}
	require.Equal(s.t, []int{1, 2, 4}, promoted, "the candidate that broke a case was never current")
}

// checkedCases are the cases of a skill; each has a script that proved itself.
func (s *stack) checkedCases(name string) []skill.Case {
	s.t.Helper()
	cases, err := s.skills.Cases(s.t.Context(), name)
	require.NoError(s.t, err)
	for _, c := range cases {
		require.NotNil(s.t, c.Check, c.Query)
		require.Equal(s.t, skill.CheckScript, c.Check.Kind)
		require.Len(s.t, c.Check.Proof, 3)
	}
	return cases
}

// diff is what changed in the code of a skill between two versions, as `starter skills diff` prints it.
func (s *stack) diff(name string, from, to int) string {
	s.t.Helper()
	var code [2]string
	for i, version := range []int{from, to} {
		data, err := s.skills.File(s.t.Context(), name, version, "subagent.py")
		require.NoError(s.t, err)
		code[i] = string(data)
	}
	return udiff.Unified("before", "after", code[0], code[1])
}
