package toolskill_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/metaskill"
	"agentfactory/internal/skill"
	"agentfactory/internal/skill/skillsref"
	"agentfactory/internal/toolskill"
)

func TestEveryToolSkillHasAValidDocument(t *testing.T) {
	for _, tool := range metaskill.ToolSkills {
		text, ok := toolskill.Document(tool.Name)
		require.True(t, ok, tool.Name)
		d, err := skill.Parse([]byte(text))
		require.NoError(t, err, tool.Name)
		require.Empty(t, d.Validate(strings.ReplaceAll(tool.Name, "_", "-")))
		require.Equal(t, tool.Name, d.Metadata["agentfactory-tool"])
		require.Contains(t, d.Body, "from tools import "+tool.Name)
		for _, section := range []string{"## What it returns", "## Examples", "## Errors"} {
			require.Contains(t, d.Body, section, tool.Name)
		}
	}
}

func TestTheReferenceValidatorAcceptsTheDocuments(t *testing.T) {
	dirs, err := filepath.Glob("skills/*")
	require.NoError(t, err)
	require.Len(t, dirs, 4)
	for i, complaints := range skillsref.Validate(t, dirs...) {
		require.Empty(t, complaints, dirs[i])
	}
}

func TestWhatIsNoToolSkillHasNoDocument(t *testing.T) {
	for _, name := range []string{"", "create_subagent", "../skills/web_search", "web_search/SKILL.md"} {
		_, ok := toolskill.Document(name)
		require.False(t, ok, name)
	}
}

var pythonBlock = regexp.MustCompile("(?s)```python\n(.*?)```")

func TestTheExamplesArePython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil && os.Getenv("AGENTFACTORY_TEST_REQUIRE") != "all" {
		t.Skip("python3 is missing")
	}
	require.NoError(t, err)
	for _, tool := range metaskill.ToolSkills {
		text, _ := toolskill.Document(tool.Name)
		blocks := pythonBlock.FindAllStringSubmatch(text, -1)
		require.NotEmpty(t, blocks, tool.Name)
		for _, block := range blocks {
			check := exec.Command(python, "-c", "import ast, sys; ast.parse(sys.stdin.read())")
			check.Stdin = strings.NewReader(block[1])
			output, err := check.CombinedOutput()
			require.NoError(t, err, "%s\n%s", block[1], output)
		}
	}
}
