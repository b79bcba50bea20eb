package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
	runs "agentfactory/internal/run"
)

func TestTranscriptsReadLikeAStory(t *testing.T) {
	turns := []*runs.Turn{
		{Opening: &runs.Opening{}, Added: []llm.Message{
			{Role: llm.RoleSystem, Content: "You are the meta-agent."},
			{Role: llm.RoleUser, Content: "Task:\nCount words.\n"},
		}},
		{Number: 1, Seconds: 1.25, Usage: llm.Usage{OutputTokens: 1234, InputTokens: 3000}, Reply: llm.Message{
			Role: llm.RoleAssistant, Content: "I write one.", ToolCalls: []llm.ToolCall{
				{Name: "create_subagent", Arguments: `{"skill_name":"count","code":"def main(q):\n    return {}\n","skills":["shell_command"],"query":"a \u001b[31mb"}`},
				{Name: "run_subagent", Arguments: `{"cut`},
			}}},
		{Number: 2, Seconds: 0.5, Added: []llm.Message{
			{Role: llm.RoleTool, Content: strings.Repeat("line\n", 30)},
			{Role: llm.RoleTool, Content: "not valid JSON"},
		}, Reply: llm.Message{Role: llm.RoleAssistant, Refusal: "no"}},
	}
	for _, c := range []struct {
		golden string
		full   bool
	}{{"testdata/transcript.txt", false}, {"testdata/transcript-full.txt", true}} {
		var out bytes.Buffer
		for _, turn := range turns {
			turnPrinter{w: &out, full: c.full}.print(turn)
		}
		if os.Getenv("UPDATE_GOLDEN") != "" {
			require.NoError(t, os.WriteFile(c.golden, out.Bytes(), 0o644))
		}
		want, err := os.ReadFile(c.golden)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(string(want), out.String()))
	}
}
