package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"agentfactory/activities"
	"agentfactory/internal/export"
	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// deploy exports skills by the workflow, as other programs start it.
func (s *stack) deploy(in workflows.DeployInput) workflows.DeployResult {
	s.t.Helper()
	r, err := s.temporal.ExecuteWorkflow(s.t.Context(), client.StartWorkflowOptions{TaskQueue: workflows.TaskQueue}, workflows.DeployType, in)
	require.NoError(s.t, err)
	var res workflows.DeployResult
	require.NoError(s.t, r.Get(s.t.Context(), &res))
	return res
}

func (s *stack) artifact(a activities.Artifact) []byte {
	s.t.Helper()
	obj, err := s.objects.Get(s.t.Context(), a.Key)
	require.NoError(s.t, err)
	require.Len(s.t, obj.Body, int(a.Size))
	return obj.Body
}

// A skill that a run has saved is exported in every format; each is proved on the case of that run before it is published,
// and runs where nothing of this project is.
func TestASavedSkillIsDeployedInEveryFormatAndRunsAlone(t *testing.T) {
	t.Parallel()
	s := newStack(t, fitting)
	s.worker()
	s.solve(workflows.InstallInput{Task: "count the words in the file", Files: []run.InputFile{{Path: "first.txt", Text: "drei kleine Wörter"}}})

	refused := s.deploy(workflows.DeployInput{Skills: []string{"word-count", "no-such-skill"}})
	require.Empty(t, refused.Artifacts)
	require.Len(t, refused.Failed, 2)
	require.Contains(t, refused.Failed[0].Reason, "no skill of this name")
	require.Contains(t, refused.Failed[1].Reason, "it is provisional")

	var formats []string
	for _, f := range export.Formats() {
		formats = append(formats, f.Name)
	}
	in := workflows.DeployInput{Skills: []string{"word-count@1"}, Formats: formats, AllowProvisional: true}
	res := s.deploy(in)
	require.Empty(t, res.Failed)
	require.Len(t, res.Artifacts, len(formats))
	for _, a := range res.Artifacts {
		if a.Format == "prompt" {
			require.Equal(t, activities.ExportIsText, a.Proof.Outcome)
		} else {
			require.Equal(t, activities.ExportProof{Outcome: activities.ExportProved, Passed: 1, Told: 1, Cases: 1}, a.Proof, a.Format)
		}
		report, err := export.VerifyBytes(s.artifact(a))
		require.NoError(t, err, a.Format)
		require.Empty(t, report.Problems, a.Format)
		require.Equal(t, a.SHA256, report.SHA256)
	}
	require.Equal(t, keys(res.Artifacts), keys(s.deploy(in).Artifacts), "the same bytes again")

	dir := t.TempDir()
	unzip(t, s.artifact(res.Artifacts[slices.Index(formats, "agent-skills")]), dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "other.txt"), []byte("one two three four"), 0o600))
	cmd := exec.Command("python3", filepath.Join("word-count", "scripts", "word-count.py"), "other.txt")
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH")}
	out, err := cmd.Output()
	require.NoError(t, err)
	var said map[string]string
	require.NoError(t, json.Unmarshal(out, &said))
	require.Equal(t, map[string]string{"answer": "4", "summary": "counted other.txt"}, said)
}

func keys(artifacts []activities.Artifact) []string {
	var keys []string
	for _, a := range artifacts {
		keys = append(keys, a.Key)
	}
	return keys
}

func unzip(t *testing.T, data []byte, dir string) {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	require.NoError(t, os.CopyFS(dir, archive))
}

// What is checked before anything is packed keeps a skill with a key, or with a module that it does not declare, at home, and
// says where that stands. The other skills are exported nevertheless.
func TestASkillThatIsNotFitIsRefusedWithFileAndLine(t *testing.T) {
	t.Parallel()
	s := newStack(t, fitting)
	s.worker()
	s.solve(workflows.InstallInput{Task: "count the words in the file", Files: []run.InputFile{{Path: "first.txt", Text: "drei kleine Wörter"}}})
	for name, code := range map[string]string{
		"holds-a-key":  "KEY = \"AKIA\" + \"x\"\naws = \"AKIAIOSFODNN7EXAMPLQ\"\ndef main(query):\n    return {\"answer\": aws, \"summary\": KEY}\n",
		"undeclared":   "import json\nimport tabulate\ndef main(query):\n    return {\"answer\": tabulate.tabulate(json.loads(query)), \"summary\": \"\"}\n",
		"never-proved": "def main(query):\n    return {\"answer\": query, \"summary\": \"\"}\n",
	} {
		s.keep(name, code)
	}
	res := s.deploy(workflows.DeployInput{All: true, AllowProvisional: true})
	require.Len(t, res.Artifacts, 1)
	require.Equal(t, "word-count", res.Artifacts[0].Skills[0].Name)
	reasons := map[string]string{}
	for _, f := range res.Failed {
		reasons[f.Skill.Name] = f.Reason
	}
	require.Contains(t, reasons["holds-a-key"], "subagent.py:2: ")
	require.NotContains(t, reasons["holds-a-key"], "AKIAIOSFODNN7EXAMPLQ")
	require.Contains(t, reasons["undeclared"], "subagent.py:2: ")
	require.Contains(t, reasons["undeclared"], "tabulate")
	require.Contains(t, reasons["never-proved"], "no past case could tell whether it works: the skill has no stored cases")
}
