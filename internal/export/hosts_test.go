package export_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/loopback"
	"agentfactory/internal/export"
	"agentfactory/internal/export/hosttest"
)

// toolAgent is a model that calls the tool with what it is asked and says what it got.
const toolAgent = `
conversations:
  - when: {user: "/count: (.*)/"}
    turns:
      - calls: [{name: word-count, arguments: {query: "{{.Match 1}}"}}]
      - text: "I was told: {{.LastMessage}}"
`

func TestALangChainAgentCallsTheTool(t *testing.T) {
	bin := filepath.Join(hosttest.Environment(t), "python")
	env := append(hosttest.Model(t, toolAgent), "PYTHONPATH="+unpacked(t, made(t, "python", export.Options{Cases: true}, wordCount(t))))
	require.Equal(t, []string{"I was told: 3 words", "success {'answer': '3 words', 'summary': 'counted in english'}"},
		hosttest.Run(t, env, bin, hosttest.Program(t, "langchain_agent.py"), "word_count_skill", "count: one two three"))
	got := hosttest.Run(t, env, bin, hosttest.Program(t, "langchain_agent.py"), "word_count_skill", "count: fail")
	require.Equal(t, []string{`I was told: failed: ValueError: told to fail: \ ''' """`, "error None"}, got)
}

func TestAnAutoGenAgentCallsTheTool(t *testing.T) {
	bin := filepath.Join(hosttest.Environment(t), "python")
	env := append(hosttest.Model(t, toolAgent), "PYTHONPATH="+unpacked(t, made(t, "python", export.Options{Cases: true}, wordCount(t))))
	require.Equal(t, []string{"I was told: 3 words", "False"},
		hosttest.Run(t, env, bin, hosttest.Program(t, "autogen_agent.py"), "word_count_skill", "count: one two three"))
	got := hosttest.Run(t, env, bin, hosttest.Program(t, "autogen_agent.py"), "word_count_skill", "count: fail")
	require.Equal(t, []string{`I was told: ValueError: told to fail: \ ''' """`, "True"}, got)
}

// deepAgent is a model that finds the skill in its instructions, reads its document and does what it says.
const deepAgent = `
conversations:
  - when: {system: Counts the words of a text or of a text file, user: "/count: (.*)/"}
    turns:
      - calls: [{name: read_file, arguments: {file_path: /skills/word-count/SKILL.md}}]
      - calls: [{name: execute, arguments: {command: "python3 skills/word-count/{{.Find \"python SKILL_DIR/(scripts/word-count.py)\"}} '{{.Match 1}}'"}}]
      - text: "I was told: {{.Find \"[0-9]+ words\"}}"
`

func TestADeepAgentLoadsTheDirectoryAndRunsTheSkill(t *testing.T) {
	bin := filepath.Join(hosttest.Environment(t), "python")
	dir := t.TempDir()
	require.NoError(t, os.Rename(unpacked(t, made(t, "agent-skills", export.Options{Cases: true}, wordCount(t))), filepath.Join(dir, "skills")))
	require.Equal(t, []string{"I was told: 3 words"}, hosttest.Run(t, hosttest.Model(t, deepAgent), bin, hosttest.Program(t, "deep_agent.py"), dir, "count: one two three"))
}

// wordCountAsTool is what a client is shown and told.
var wordCountAsTool = []string{
	"word-count | Counts the words of a text or of a text file. Use it when the number of words matters. | A text, or the name of a text file.",
	`{"answer": "3 words", "summary": "counted in english"} False`,
	`True Error executing tool word-count: failed: ValueError: told to fail: \ ''' """`,
}

func TestAnMCPClientCallsTheTools(t *testing.T) {
	bin := filepath.Join(hosttest.Environment(t), "python")
	calendar := stored(t, "calendar", "Says which day a date is.", map[string]string{"subagent.py": "def main(query):\n    return {'answer': query, 'summary': ''}\n"})
	all := append([]string{"calendar | Says which day a date is. | A text, or the name of a text file."}, wordCountAsTool...)
	wheel := []string{"PYTHONPATH=" + unpacked(t, made(t, "python", export.Options{Cases: true}, wordCount(t)))}
	set := filepath.Join(unpacked(t, made(t, "mcp", export.Options{Cases: true, Name: "all"}, calendar, wordCount(t))), "all", "server.py")

	for _, mode := range []string{"auto", "legacy"} { // legacy: as clients of the SDK's first version speak
		require.Equal(t, wordCountAsTool, hosttest.Run(t, wheel, bin, hosttest.Program(t, "mcp_client.py"), mode, bin, "-m", "word_count_skill.mcp"))
	}
	require.Equal(t, all, hosttest.Run(t, nil, bin, hosttest.Program(t, "mcp_client.py"), "auto", bin, set))
	url := serve(t, nil, bin, set)
	require.Equal(t, all, hosttest.Run(t, nil, bin, hosttest.Program(t, "mcp_client.py"), "auto", url))
}

// serve starts a server over HTTP and returns its URL.
func serve(t testing.TB, env []string, python string, command ...string) string {
	t.Helper()
	port, err := loopback.Port()
	require.NoError(t, err)
	address := loopback.Address(port)
	cmd := exec.CommandContext(t.Context(), python, append(command, "--http", address)...)
	cmd.Env = append(os.Environ(), env...)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, 2*time.Minute, 50*time.Millisecond)
	return "http://" + address + "/mcp"
}

// TestUVRunsScripts lets uv install what the header of each program declares.
func TestUVRunsScripts(t *testing.T) {
	bin := hosttest.Environment(t)
	s := stored(t, "roman", "Writes a number in Roman numerals.", map[string]string{
		"subagent.py": "# /// script\n# dependencies = [\"six==1.17.0\"]\n# ///\nimport six\ndef main(query):\n    return {'answer': six.__version__, 'summary': ''}\n",
	})
	for _, format := range []string{"agent-skills", "python-script"} {
		a := made(t, format, export.Options{Cases: true}, s)
		program := filepath.Join(unpacked(t, a), a.Programs["roman"])
		got := call(t, t.TempDir(), filepath.Join(bin, "uv"), "run", "--quiet", "--python", python(t), program, "x")
		require.Equal(t, "1.17.0", got.answer, got.stderr)
	}
	a := made(t, "agent-skills", export.Options{Cases: true}, s)
	got := call(t, t.TempDir(), python(t), "-S", filepath.Join(unpacked(t, a), a.Programs["roman"]), "x") // without packages
	require.Equal(t, 3, got.code)
	require.Contains(t, got.stderr, `the module six is missing: python -m pip install "six==1.17.0"`)

	server := filepath.Join(unpacked(t, made(t, "mcp", export.Options{Cases: true}, wordCount(t))), "word-count", "server.py")
	require.Equal(t, wordCountAsTool, hosttest.Run(t, nil, filepath.Join(bin, "python"), hosttest.Program(t, "mcp_client.py"), "auto",
		filepath.Join(bin, "uv"), "run", "--quiet", "--python", python(t), "--script", server))
}
