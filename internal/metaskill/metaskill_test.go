package metaskill

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
)

// Input tokens are most of the bill, and these are sent with every call.
func TestPromptAndSchemasStayUnder3000Tokens(t *testing.T) {
	n := llm.CountRequest(llm.Request{Model: "gpt-5", Tools: AgentFactory.Tools(), Messages: []llm.Message{{Role: "system", Content: SystemPrompt}}})
	t.Logf("system prompt and tools: %d tokens", n)
	require.Less(t, n, 3000)
}

func TestToolsAreAlwaysTheSameBytes(t *testing.T) {
	again := make([]llm.Tool, 0, len(definitions))
	for _, d := range definitions {
		schema, err := d.schema()
		require.NoError(t, err)
		again = append(again, llm.Tool{Name: d.name, Description: d.description, Parameters: encode(compact(schema))})
	}
	require.Empty(t, cmp.Diff(AgentFactory.Tools(), again))
}

func TestEverySchemaDescribesAnObjectWithoutNulls(t *testing.T) {
	for _, tool := range AgentFactory.Tools() {
		var schema map[string]any
		require.NoError(t, json.Unmarshal(tool.Parameters, &schema))
		require.Equal(t, "object", schema["type"], tool.Name)
		require.NotContains(t, string(tool.Parameters), `"null"`, tool.Name)
	}
}

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		tool, arguments string
		want            any
		complaint       string // part of the error
	}{
		"a full call is read":            {CreateSubagent, `{"skill_name":"a","code":"x","skills":["web_search"],"query":"q"}`, Create{SkillName: "a", Code: "x", Skills: []string{"web_search"}, Query: "q"}, ""},
		"nested items are read":          {Finish, `{"answer":"42","subagents":[{"entry_file":"a.py","description":"d"}]}`, Final{Answer: "42", Subagents: []SavedItem{{EntryFile: "a.py", Description: "d"}}}, ""},
		"no arguments are an object":     {ListSavedSubagents, "", List{}, ""},
		"an extra property is ignored":   {RunSubagent, `{"filename":"a.py","query":"q","why":"because"}`, Run{Filename: "a.py", Query: "q"}, ""},
		"a missing property is named":    {RunSubagent, `{"filename":"a.py"}`, nil, "query"},
		"a wrong type is named":          {RunSubagent, `{"filename":"a.py","query":{"x":1}}`, nil, "query"},
		"cut JSON says so":               {RunSubagent, `{"filename":"a.py","query":"`, nil, "end too early"},
		"JSON of another kind":           {RunSubagent, `["a.py"]`, nil, "do not fit"},
		"text is no JSON":                {RunSubagent, `run it`, nil, "not valid JSON"},
		"a near tool name is suggested":  {"run_agent", `{}`, nil, "did you mean run_subagent?"},
		"an unknown tool lists the ones": {"delete_everything", `{}`, nil, "create_subagent, run_subagent"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := AgentFactory.Parse(c.tool, c.arguments)
			if c.complaint != "" {
				require.ErrorContains(t, err, c.complaint)
				require.NotContains(t, err.Error(), "\n")
				return
			}
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(c.want, got))
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range AgentFactory.Names() {
		f.Add(name, `{"skill_name":"a","code":"x","query":"q"}`)
		f.Add(name, `{"answer":1,"subagents":[{}]}`)
	}
	f.Fuzz(func(t *testing.T, name, arguments string) {
		args, err := AgentFactory.Parse(name, arguments)
		if (args == nil) == (err == nil) {
			t.Fatalf("Parse(%q, %q) = %v, %v", name, arguments, args, err)
		}
		hint, _ := Hint(name, arguments)
		if len([]rune(hint)) > maxHint {
			t.Fatalf("hint of %d characters", len(hint))
		}
	})
}

func TestNormalizeTools(t *testing.T) {
	got, err := NormalizeTools([]string{"google_search", "web_search", "execute_shell_command"})
	require.NoError(t, err)
	require.Equal(t, []string{"web_search", "shell_command"}, got)
	_, err = NormalizeTools([]string{"telepathy"})
	require.ErrorContains(t, err, "web_search, web_reading")
}

func TestFirstMessage(t *testing.T) {
	many := make([]string, 500)
	for i := range many {
		many[i] = "f.txt (1 bytes)"
	}
	text := FirstMessage(" Count words. ", many, []string{"shell_command"}, []Suggestion{{Name: "word-count", Description: "Counts\nwords."}})
	require.Contains(t, text, "Task:\nCount words.\n")
	require.Contains(t, text, "and 440 more")
	require.Contains(t, text, "- word-count: Counts words.")
	require.NotContains(t, text, "web_search", "tools that this installation lacks are not offered")
	require.Contains(t, FirstMessage("x", nil, nil, nil), "No saved skill")
	require.Less(t, strings.Count(text, "\n"), 80)
}
