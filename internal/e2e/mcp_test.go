package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/activities"
	"agentfactory/internal/export/hosttest"
	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// telling is a skill that counts words, of its query or of a file that the query names.
const telling = `"""The query is a text, or the name of a text file."""
import os

def main(query):
    if query == "fail":
        raise ValueError("told to fail")
    if os.path.exists(query):
        query = open(query).read()
    open("count.txt", "w").write(str(len(query.split())))
    return {"answer": "%d words" % len(query.split()), "summary": "counted"}
`

// A saved skill is asked without a meta-agent, by any program that starts a workflow.
func TestASavedSkillIsRunByItself(t *testing.T) {
	t.Parallel()
	s := newStack(t, fitting)
	s.worker()
	s.keep("word-count", telling)
	ask := func(in workflows.RunSkillInput) (res activities.RunSkillResult, err error) {
		r, err := s.temporal.ExecuteWorkflow(t.Context(), startOptions, workflows.RunSkillType, in)
		require.NoError(t, err)
		return res, r.Get(t.Context(), &res)
	}
	res, err := ask(workflows.RunSkillInput{Skill: "word-count", Query: "notes.txt", Files: []run.InputFile{{Path: "notes.txt", Text: "one two three"}}})
	require.NoError(t, err)
	require.Equal(t, "3 words", res.Answer)
	require.True(t, res.OK)
	require.Equal(t, 1, res.Skill.Version)
	require.Len(t, res.Files, 1)
	require.Equal(t, "count.txt", res.Files[0].Path)

	res, err = ask(workflows.RunSkillInput{Skill: "word-count", Query: "fail"})
	require.NoError(t, err, "a skill that fails is a result")
	require.Equal(t, "exception: ValueError: told to fail", res.Failure)

	for name, c := range map[string]struct {
		in   workflows.RunSkillInput
		says string
	}{
		"no skill":     {workflows.RunSkillInput{}, "skill is empty"},
		"an unknown":   {workflows.RunSkillInput{Skill: "none"}, `the library has no skill "none"`},
		"a version":    {workflows.RunSkillInput{Skill: "word-count", Version: 7}, "word-count has no version 7"},
		"a path":       {workflows.RunSkillInput{Skill: "word-count", Files: []run.InputFile{{Path: "../x"}}}, "files[0].path"},
		"a long query": {workflows.RunSkillInput{Skill: "word-count", Query: strings.Repeat("x", activities.MaxQuery+1)}, "query has 65537 bytes"},
	} {
		_, err := ask(c.in)
		require.ErrorContains(t, err, c.says, name)
	}
}

// The official client of the Model Context Protocol lists the library's skills and calls them, over stdio and HTTP.
func TestTheLibraryIsServedOverTheModelContextProtocol(t *testing.T) {
	t.Parallel()
	python := filepath.Join(hosttest.Environment(t), "python")
	starter, err := starterBinary()
	require.NoError(t, err)
	s := newStack(t, fitting)
	s.worker()
	s.keep("word-count", telling)
	env := workerEnv(s.address, s.modelURL, s.s3URL, t.TempDir(), publicTempDir(t))
	want := []string{
		"word-count | Counts the words of the text file that query names. | the whole sub-task in plain words",
		`{"answer": "3 words", "summary": "counted"} False`,
		"True exception: ValueError: told to fail",
	}
	client := hosttest.Program(t, "mcp_client.py")
	require.Equal(t, want, hosttest.Run(t, env, python, client, "auto", starter, "mcp", "--allow-provisional"))

	server := exec.CommandContext(t.Context(), starter, "mcp", "word-count", "--allow-provisional", "--http", "127.0.0.1:0")
	server.Env = env
	said, err := server.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, server.Start())
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	line, err := bufio.NewReader(said).ReadString('\n')
	require.NoError(t, err)
	url := strings.TrimSpace(strings.TrimPrefix(line, "serving "))
	require.Equal(t, want, hosttest.Run(t, nil, python, client, "auto", url))
}

// What a client of the protocol is not offered: skills that have not proved themselves, unless that is wanted.
func TestProvisionalSkillsAreNotServedUnasked(t *testing.T) {
	t.Parallel()
	starter, err := starterBinary()
	require.NoError(t, err)
	s := newStack(t, fitting)
	s.keep("word-count", telling)
	cmd := exec.CommandContext(t.Context(), starter, "mcp")
	cmd.Env = workerEnv(s.address, s.modelURL, s.s3URL, t.TempDir(), publicTempDir(t))
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = io.WriteString(in, `{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}}
{"jsonrpc": "2.0", "method": "notifications/initialized"}
{"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
`)
	require.NoError(t, err)
	var reply struct {
		ID     int
		Result struct{ Tools []any }
	}
	for answers := json.NewDecoder(out); reply.ID != 2; {
		require.NoError(t, answers.Decode(&reply))
	}
	require.Empty(t, reply.Result.Tools)
	require.NoError(t, in.Close()) // as a client leaves
	require.NoError(t, cmd.Wait())
}
