package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
	"agentfactory/internal/llm/scripted"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/service"
)

func TestTheDemoTakesSourceFilesOfTheTreeItStandsIn(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, p := range []string{
		"main.go", "docs/README.md", "web/app.js", // taken
		".git/config.yaml", ".hidden.py", "vendor/x/x.go", "node_modules/y/y.js", "agentfactory-demo/report.md", "logo.png", "go.sum",
	} {
		write(t, p, "one\ntwo\n")
	}
	write(t, "generated.go", strings.Repeat("x", demoFileSize+1))
	require.NoError(t, os.Symlink("main.go", "link.go"))
	tree, err := collectTree(".", t.TempDir())
	require.NoError(t, err)
	require.Equal(t, []string{"tree/docs/README.md", "tree/main.go", "tree/web/app.js"}, paths(tree))
	require.False(t, tree.sample)
	require.False(t, tree.cut)
}

func TestTheDemoBringsATreeWhereThereIsNone(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "photo.jpg", "x")
	tree, err := collectTree(".", t.TempDir())
	require.NoError(t, err)
	require.True(t, tree.sample)
	require.Contains(t, paths(tree), "tree/station/readings.py")
}

func TestTheDemoTakesNoMoreThanItNeeds(t *testing.T) {
	t.Chdir(t.TempDir())
	for i := range demoFiles + 5 {
		write(t, filepath.Join("src", strings.Repeat("a", 1+i/100), strings.Repeat("b", 1+i%100)+".py"), "x")
	}
	tree, err := collectTree(".", t.TempDir())
	require.NoError(t, err)
	require.Len(t, tree.files, demoFiles)
	require.True(t, tree.cut)
}

func paths(t demoTree) []string {
	var paths []string
	for _, f := range t.files {
		paths = append(paths, f.path)
	}
	return paths
}

// The words of the tasks and the patterns of the script are written in two places.
func TestTheScriptAnswersTheDemosTasks(t *testing.T) {
	script, err := scripted.Parse(demoScript)
	require.NoError(t, err)
	server, err := scripted.NewServer(script, scripted.Options{})
	require.NoError(t, err)
	running, err := scripted.Start("127.0.0.1:0", server)
	require.NoError(t, err)
	defer running.Close()
	model, err := llm.New(llm.Endpoint{BaseURL: running.URL}, llm.Options{})
	require.NoError(t, err)
	tree := demoTree{name: tidy(`it's "odd" {{.Task}}`), files: inputFiles{{path: "tree/main.go"}, {path: "tree/a.md"}, {path: "tree/b.go"}}}
	offered := []metaskill.Suggestion{{Name: "word-count", Description: "Counts words."}, {Name: demoSkill, Description: "Reports."}}
	for name, c := range map[string]struct {
		task    int
		offered []metaskill.Suggestion
		call    string
		query   map[string]string
	}{
		"the first task builds the skill": {0, nil, metaskill.CreateSubagent,
			map[string]string{"root": "tree", "by": "language", "only": "", "title": "The source tree of it-s -odd- --.Task--", "report": "report.md", "chart": "chart.svg"}},
		"the second task finds it": {1, offered, metaskill.RunSubagent,
			map[string]string{"root": "tree", "by": "folder", "only": ".go", "title": "Go in it-s -odd- --.Task--", "report": "go-report.md", "chart": "go-chart.svg"}},
		"the third task finds it as well": {2, offered, metaskill.RunSubagent,
			map[string]string{"root": "tree", "by": "folder", "only": "", "title": "The folders of it-s -odd- --.Task--", "report": "folders.md", "chart": "folders.svg"}},
		"the first task reuses what an earlier demo left": {0, offered[1:], metaskill.RunSubagent, nil},
		"other skills are no use":                         {0, offered[:1], metaskill.CreateSubagent, nil},
	} {
		t.Run(name, func(t *testing.T) {
			first := metaskill.FirstMessage(demoTasks(tree)[c.task], paths(tree), []string{"shell_command"}, c.offered)
			reply, err := model.Complete(t.Context(), llm.Request{
				Model: service.ScriptedDemoModel, Tools: metaskill.AgentFactory.Tools(),
				Messages: []llm.Message{{Role: llm.RoleSystem, Content: metaskill.SystemPrompt}, {Role: llm.RoleUser, Content: first}},
			}, nil)
			require.NoError(t, err)
			require.Len(t, reply.Message.ToolCalls, 1)
			require.Equal(t, c.call, reply.Message.ToolCalls[0].Name)
			if c.query != nil {
				require.Equal(t, c.query, queryOf(t, reply.Message.ToolCalls[0]))
			}
		})
	}
}

func queryOf(t *testing.T, call llm.ToolCall) map[string]string {
	var arguments struct{ Query string }
	require.NoError(t, json.Unmarshal([]byte(call.Arguments), &arguments))
	var query map[string]string
	require.NoError(t, json.Unmarshal([]byte(arguments.Query), &query))
	return query
}
