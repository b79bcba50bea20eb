// Package hosttest has real agent hosts for tests of what is exported: LangChain, AutoGen, deepagents and an MCP client, on a
// scripted model. Of this project it imports nothing but that model.
package hosttest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm/scripted"
)

//go:embed programs
var programs embed.FS

const (
	installTime = 10 * time.Minute // of 80 packages, over a slow line
	runTime     = 5 * time.Minute  // most of it is spent importing, on a busy machine
)

// Environment is the directory of executables of an environment that has the hosts, uv among them. It is made once and kept
// in the user's cache. Without an index the test is skipped, or fails if AGENTFACTORY_TEST_REQUIRE is "all".
func Environment(t testing.TB) string {
	t.Helper()
	wanted, err := programs.ReadFile("programs/requirements.txt")
	require.NoError(t, err)
	python, err := exec.LookPath("python3")
	require.NoError(t, err)
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	sum := sha256.Sum256(append(wanted, python...))
	dir := filepath.Join(cache, "agentfactory", "test-hosts", hex.EncodeToString(sum[:8]))
	require.NoError(t, os.MkdirAll(dir, 0o755))
	lock := flock.New(filepath.Join(dir, "lock"))
	require.NoError(t, lock.Lock())
	defer lock.Unlock()

	bin, done := filepath.Join(dir, "venv", "bin"), filepath.Join(dir, "complete")
	if _, err := os.Stat(done); err == nil {
		return bin
	}
	if err := install(t.Context(), python, filepath.Join(dir, "venv"), Program(t, "requirements.txt")); err != nil {
		if os.Getenv("AGENTFACTORY_TEST_REQUIRE") == "all" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	require.NoError(t, os.WriteFile(done, nil, 0o644))
	return bin
}

func install(ctx context.Context, python, dir, requirements string) error {
	ctx, cancel := context.WithTimeout(ctx, installTime)
	defer cancel()
	for _, command := range [][]string{
		{python, "-m", "venv", "--clear", dir},
		{filepath.Join(dir, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv==0.13.8"},
		{filepath.Join(dir, "bin", "uv"), "pip", "install", "--quiet", "--no-build", "--python", filepath.Join(dir, "bin", "python"), "-r", requirements},
	} {
		if out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("install the agent hosts: %w: %.2000s", err, out)
		}
	}
	return nil
}

// Program is the path of a program of this package: langchain_agent.py, autogen_agent.py, deep_agent.py or mcp_client.py.
func Program(t testing.TB, name string) string {
	t.Helper()
	data, err := programs.ReadFile("programs/" + name)
	require.NoError(t, err)
	at := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(at, data, 0o644))
	return at
}

// Model starts a scripted model and returns the variables by which programs find it.
func Model(t testing.TB, script string) []string {
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

// Run runs a program of a host, with variables besides those of the test, and returns the lines that it prints.
func Run(t testing.TB, env []string, command ...string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	require.NoError(t, cmd.Run(), said.String()[max(0, said.Len()-1000):])
	return strings.Split(strings.TrimSpace(out.String()), "\n")
}
