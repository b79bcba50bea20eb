package metaskill

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
)

func TestMethodsAreFoundByTheNameInTheirRecords(t *testing.T) {
	for name, method := range map[string]*Method{"": AgentFactory, "react": ReAct, "textual": Textual} {
		got, err := MethodNamed(name)
		require.NoError(t, err)
		require.Same(t, method, got)
	}
	_, err := MethodNamed("tree-of-thoughts")
	require.ErrorIs(t, err, ErrUnknownMethod)
	require.ErrorContains(t, err, "upgrade this one")
}

// Provider caches and the records of runs rely on the digests: each method has its own.
func TestMethodsDifferInPromptAndSchemas(t *testing.T) {
	prompts, schemas := map[string]bool{}, map[string]bool{}
	for _, m := range []*Method{AgentFactory, ReAct, Textual} {
		prompts[m.PromptDigest()], schemas[m.SchemaDigest()] = true, true
		n := llm.CountRequest(llm.Request{Model: "gpt-5", Tools: m.Tools(), Messages: []llm.Message{{Role: "system", Content: m.SystemPrompt}}})
		t.Logf("%q: %v, system prompt and tools %d tokens", m.Name, m.Names(), n)
		require.Less(t, n, 3000)
	}
	require.Len(t, prompts, 3)
	require.Len(t, schemas, 3)
	require.Equal(t, ReAct.Names(), Textual.Names()[:3], "the textual method appends a tool")
}

// What is compared is the method: where a rule applies to both, both are told it in the same words.
func TestReActIsToldTheSameOfSandboxToolsAndPackages(t *testing.T) {
	shared := 0
	for line := range strings.SplitSeq(SystemPrompt, "\n") {
		if len(line) > 40 && strings.Contains(ReActPrompt, line) {
			shared++
		}
	}
	require.GreaterOrEqual(t, shared, 4, "tools, packages, the check of the result, the last advice")
	require.True(t, strings.HasPrefix(Textual.SystemPrompt, ReActPrompt))
}

func TestWhatTheOtherMethodsParse(t *testing.T) {
	for name, c := range map[string]struct {
		method          *Method
		tool, arguments string
		want            any
		complaint       string // part of the error
	}{
		"a program":                     {ReAct, RunCode, `{"code":"x","skills":["web_search"]}`, Code{Code: "x", Skills: []string{"web_search"}}, ""},
		"no program":                    {ReAct, RunCode, `{"query":"x"}`, nil, "code"},
		"an answer":                     {ReAct, Finish, `{"answer":"x"}`, Final{Answer: "x"}, ""},
		"the document of a tool":        {ReAct, GetSkillDescription, `{"skill_name":"web_search"}`, Describe{SkillName: "web_search"}, ""},
		"a tool of the meta-agent":      {ReAct, CreateSubagent, `{}`, nil, "the tools are run_code, get_skill_description, finish"},
		"a lesson where there are none": {ReAct, SaveLesson, `{}`, nil, "there is no tool"},
		"a lesson":                      {Textual, SaveLesson, `{"title":"a","when_to_use":"b","what_worked":"c"}`, Lesson{Title: "a", WhenToUse: "b", WhatWorked: "c"}, ""},
		"half a lesson":                 {Textual, SaveLesson, `{"title":"a"}`, nil, "when_to_use"},
		"a program for the meta-agent":  {AgentFactory, RunCode, `{"code":"x"}`, nil, "there is no tool"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.method.Parse(c.tool, c.arguments)
			if c.complaint != "" {
				require.ErrorContains(t, err, c.complaint)
				return
			}
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(c.want, got))
		})
	}
}

func TestTheHintOfAProgramIsItsFirstLine(t *testing.T) {
	hint, runs := Hint(RunCode, `{"code":"\n# Count the words.\nprint(1)"}`)
	require.Equal(t, "# Count the words.", hint)
	require.True(t, runs)
}

func TestTheFirstMessageHoldsFewLessonsWhateverTheyHold(t *testing.T) {
	long := Lesson{Title: strings.Repeat("t", 5000), WhenToUse: strings.Repeat("u\n", 5000), WhatWorked: strings.Repeat("w ", 5000), WhatFailed: strings.Repeat("f", 5000)}
	text := TaskMessage("Count.", nil, []string{"web_search"}, []Lesson{long, long, long, long, long, long, long, long})
	require.Less(t, len(text), MaxLessons*(3*maxLessonField+2*maxLessonTitle)+500)
	require.Equal(t, MaxLessons, strings.Count(text, "when to use:"))
	require.Contains(t, text, "Tool skills a program may be given:\n- web_search")
	require.NotContains(t, TaskMessage("Count.", nil, nil, nil), "Lessons")
	require.NotContains(t, TaskMessage("Count.", nil, nil, []Lesson{{Title: "a", WhenToUse: "b", WhatWorked: "c"}}), "what failed", "an empty part is left out")
}

func FuzzParseOfOtherMethods(f *testing.F) {
	for _, name := range Textual.Names() {
		f.Add(name, `{"code":"print(1)","answer":"x","title":"t"}`)
	}
	f.Fuzz(func(t *testing.T, name, arguments string) {
		args, err := Textual.Parse(name, arguments)
		if (args == nil) == (err == nil) {
			t.Fatalf("Parse(%q, %q) = %v, %v", name, arguments, args, err)
		}
		if hint, _ := Hint(name, arguments); len([]rune(hint)) > maxHint {
			t.Fatalf("hint of %d characters", len(hint))
		}
	})
}
