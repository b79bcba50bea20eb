package export_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/export"
	"agentfactory/internal/llm/scripted"
)

const (
	hostRequirements = "testdata/hosts/requirements.txt"
	hostInstall      = 5 * time.Minute // of 80 packages, over a slow line
)

// hosts is the directory of executables of an environment that has the agent hosts. It is made once and kept in the user's
// cache. Without an index the test is skipped, or fails if AGENTFACTORY_TEST_REQUIRE is "all".
func hosts(t testing.TB) string {
	t.Helper()
	wanted, err := os.ReadFile(hostRequirements)
	require.NoError(t, err)
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	dir := filepath.Join(cache, "agentfactory", "test-hosts", digest(append(wanted, python(t)...))[:16])
	require.NoError(t, os.MkdirAll(dir, 0o755))
	lock := flock.New(filepath.Join(dir, "lock"))
	require.NoError(t, lock.Lock())
	defer lock.Unlock()

	bin, done := filepath.Join(dir, "venv", "bin"), filepath.Join(dir, "complete")
	if _, err := os.Stat(done); err == nil {
		return bin
	}
	if err := install(t.Context(), python(t), filepath.Join(dir, "venv")); err != nil {
		if os.Getenv("AGENTFACTORY_TEST_REQUIRE") == "all" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	require.NoError(t, os.WriteFile(done, nil, 0o644))
	return bin
}

func install(ctx context.Context, python, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, hostInstall)
	defer cancel()
	for _, command := range [][]string{
		{python, "-m", "venv", "--clear", dir},
		{filepath.Join(dir, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv==0.13.8"},
		{filepath.Join(dir, "bin", "uv"), "pip", "install", "--quiet", "--no-build", "--python", filepath.Join(dir, "bin", "python"), "-r", hostRequirements},
	} {
		if out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("install the agent hosts: %w: %.2000s", err, out)
		}
	}
	return nil
}

// withModel starts a scripted model and returns the variables by which programs find it.
func withModel(t testing.TB, script string) []string {
	t.Helper()
	parsed, err := scripted.Parse([]byte(script))
	require.NoError(t, err)
	server, err := scripted.NewServer(parsed, scripted.Options{APIKey: "sk-host"})
	require.NoError(t, err)
	running, err := scripted.Start("127.0.0.1:0", server)
	require.NoError(t, err)
	t.Cleanup(func() { running.Close() })
	return []string{"OPENAI_BASE_URL=" + running.URL, "OPENAI_API_KEY=sk-host", "LANGSMITH_TRACING=false", "NO_PROXY=127.0.0.1"}
}

// asHost runs a program of a host and returns the lines that it prints.
func asHost(t testing.TB, env []string, command ...string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	require.NoError(t, cmd.Run(), said.String()[max(0, said.Len()-1000):])
	return strings.Split(strings.TrimSpace(out.String()), "\n")
}

// toolAgent is a model that calls the tool with what it is asked and says what it got.
const toolAgent = `
conversations:
  - when: {user: "/count: (.*)/"}
    turns:
      - calls: [{name: word-count, arguments: {query: "{{.Match 1}}"}}]
      - text: "I was told: {{.LastMessage}}"
`

func TestALangChainAgentCallsTheTool(t *testing.T) {
	bin := filepath.Join(hosts(t), "python")
	env := append(withModel(t, toolAgent), "PYTHONPATH="+unpacked(t, made(t, "python", export.Options{Cases: true}, wordCount(t))))
	require.Equal(t, []string{"I was told: 3 words", "success {'answer': '3 words', 'summary': 'counted in english'}"},
		asHost(t, env, bin, "testdata/hosts/langchain_agent.py", "word_count_skill", "count: one two three"))
	got := asHost(t, env, bin, "testdata/hosts/langchain_agent.py", "word_count_skill", "count: fail")
	require.Equal(t, []string{`I was told: failed: ValueError: told to fail: \ ''' """`, "error None"}, got)
}

func TestAnAutoGenAgentCallsTheTool(t *testing.T) {
	bin := filepath.Join(hosts(t), "python")
	env := append(withModel(t, toolAgent), "PYTHONPATH="+unpacked(t, made(t, "python", export.Options{Cases: true}, wordCount(t))))
	require.Equal(t, []string{"I was told: 3 words", "False"},
		asHost(t, env, bin, "testdata/hosts/autogen_agent.py", "word_count_skill", "count: one two three"))
	got := asHost(t, env, bin, "testdata/hosts/autogen_agent.py", "word_count_skill", "count: fail")
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
	bin := filepath.Join(hosts(t), "python")
	dir := t.TempDir()
	require.NoError(t, os.Rename(unpacked(t, made(t, "agent-skills", export.Options{Cases: true}, wordCount(t))), filepath.Join(dir, "skills")))
	require.Equal(t, []string{"I was told: 3 words"}, asHost(t, withModel(t, deepAgent), bin, "testdata/hosts/deep_agent.py", dir, "count: one two three"))
}

// wordCountAsTool is what a client is shown and told.
var wordCountAsTool = []string{
	"word-count | Counts the words of a text or of a text file. Use it when the number of words matters. | A text, or the name of a text file.",
	`{"answer": "3 words", "summary": "counted in english"} False`,
	`True Error executing tool word-count: failed: ValueError: told to fail: \ ''' """`,
}

func TestAnMCPClientCallsTheTools(t *testing.T) {
	bin := filepath.Join(hosts(t), "python")
	calendar := stored(t, "calendar", "Says which day a date is.", map[string]string{"subagent.py": "def main(query):\n    return {'answer': query, 'summary': ''}\n"})
	all := append([]string{"calendar | Says which day a date is. | A text, or the name of a text file."}, wordCountAsTool...)
	wheel := []string{"PYTHONPATH=" + unpacked(t, made(t, "python", export.Options{Cases: true}, wordCount(t)))}
	set := filepath.Join(unpacked(t, made(t, "mcp", export.Options{Cases: true, Name: "all"}, calendar, wordCount(t))), "all", "server.py")

	for _, mode := range []string{"auto", "legacy"} { // legacy: as clients of the SDK's first version speak
		require.Equal(t, wordCountAsTool, asHost(t, wheel, bin, "testdata/hosts/mcp_client.py", mode, bin, "-m", "word_count_skill.mcp"))
	}
	require.Equal(t, all, asHost(t, nil, bin, "testdata/hosts/mcp_client.py", "auto", bin, set))
	url := serve(t, nil, bin, set)
	require.Equal(t, all, asHost(t, nil, bin, "testdata/hosts/mcp_client.py", "auto", url))
}

// serve starts a server over HTTP and returns its URL.
func serve(t testing.TB, env []string, python string, command ...string) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
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
	}, time.Minute, 50*time.Millisecond)
	return "http://" + address + "/mcp"
}

// TestUVRunsScripts lets uv install what the header of each program declares.
func TestUVRunsScripts(t *testing.T) {
	bin := hosts(t)
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
	require.Equal(t, wordCountAsTool, asHost(t, nil, filepath.Join(bin, "python"), "testdata/hosts/mcp_client.py", "auto",
		filepath.Join(bin, "uv"), "run", "--quiet", "--python", python(t), "--script", server))
}
