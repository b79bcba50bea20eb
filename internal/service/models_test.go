package service

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"agentfactory/activities"
	"agentfactory/internal/config"
	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/llm/scripted"
	"agentfactory/skillstore"
)

func models(t *testing.T, c config.Config) *Models {
	m, err := NewModels(c)
	require.NoError(t, err)
	return m
}

func TestAWorkerWithoutAModelSaysSoAndTakesOneLater(t *testing.T) {
	m := models(t, config.Config{Model: config.Model{Name: "gpt-5-mini"}})
	var app *temporal.ApplicationError
	_, err := m.Resolve("")
	require.ErrorAs(t, err, &app)
	require.Equal(t, activities.ModelNotConfigured, app.Type())
	require.Contains(t, app.Message(), "OPENAI_API_KEY")
	_, err = m.Completer("gpt-5-mini")
	require.ErrorAs(t, err, &app)
	require.Equal(t, activities.ModelNotConfigured, app.Type())

	require.NoError(t, m.Set(config.Model{Name: "gpt-5-mini", SubagentModel: "gpt-5-nano", APIKey: "sk-x"}))
	s, err := m.Resolve("")
	require.NoError(t, err)
	require.Equal(t, activities.ModelSettings{Model: "gpt-5-mini", SubagentModel: "gpt-5-nano", ContextWindow: 400_000, MaxOutputTokens: maxReply, Priced: true}, s)
	_, err = m.Completer("gpt-5-mini")
	require.NoError(t, err)
}

func TestWindowsAndPricesComeFromTheConfigurationFirst(t *testing.T) {
	m := models(t, config.Config{
		Model:          config.Model{BaseURL: "http://127.0.0.1:1/v1", Name: "local"},
		ContextWindows: map[string]int{"local": 8000},
	})
	s, err := m.Resolve("")
	require.NoError(t, err)
	require.Equal(t, 8000, s.ContextWindow)
	require.Equal(t, 2000, s.MaxOutputTokens, "a quarter of a small window")
	require.False(t, s.Priced)
	for model, window := range map[string]int{"openai/gpt-4o-mini": 128_000, "qwen3:32b": 32_768, "something-new": defaultWindow} {
		s, err := m.Resolve(model)
		require.NoError(t, err)
		require.Equal(t, window, s.ContextWindow, model)
	}
}

func TestOnlyTheDemoServesTheScriptedModel(t *testing.T) {
	m := models(t, config.Config{})
	_, err := m.Completer(ScriptedDemoModel)
	require.ErrorContains(t, err, "starter demo")
	s, err := m.Resolve(ScriptedDemoModel)
	require.NoError(t, err)
	require.Equal(t, ScriptedDemoModel, s.SubagentModel, "subagents of a scripted run are scripted, too")
}

func TestScratchOfDeadWorkersIsClearedAndThatOfLivingOnesKept(t *testing.T) {
	root := t.TempDir()
	dead, alive := filepath.Join(root, strconv.Itoa(1<<22+12345)), filepath.Join(root, strconv.Itoa(os.Getppid()))
	require.NoError(t, os.MkdirAll(filepath.Join(dead, "run-1"), 0o755))
	require.NoError(t, os.MkdirAll(alive, 0o755))
	own, err := scratchDir(root)
	require.NoError(t, err)
	require.DirExists(t, own)
	require.DirExists(t, alive)
	require.NoDirExists(t, dead)
}

func TestEmbeddingsComeFromTheConfiguredEndpoint(t *testing.T) {
	server, err := scripted.NewServer(&scripted.Script{}, scripted.Options{})
	require.NoError(t, err)
	running, err := scripted.Start("127.0.0.1:0", server)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, running.Close()) })

	m, err := NewModels(config.Config{})
	require.NoError(t, err)
	require.Empty(t, m.EmbeddingModel())
	_, _, err = m.Embed(t.Context(), "e", []string{"a"})
	require.ErrorContains(t, err, "no model endpoint")
	require.NoError(t, m.Set(config.Model{BaseURL: running.URL, Name: "scripted-x", EmbeddingModel: "e"}))
	require.Equal(t, "e", m.EmbeddingModel())
	vectors, _, err := m.Embed(t.Context(), "e", []string{"count words", "paint the sea"})
	require.NoError(t, err)
	require.Len(t, vectors, 2)

	skills := skillstore.New(s3test.Bucket(t), skillstore.WithEmbedder(m))
	for i := range 3 {
		saveSkill(t, skills, fmt.Sprint("word-count-", i))
	}
	require.Eventually(t, func() bool {
		found, err := skills.Search(t.Context(), "count words", 3)
		return err == nil && found.Kind == skillstore.LexicalAndVector && len(found.Hits) == 3
	}, 2*time.Minute, 50*time.Millisecond)
}

func saveSkill(t *testing.T, s skillstore.Store, name string) {
	t.Helper()
	m, err := s.AddVersion(t.Context(), skillstore.Draft{
		Name: name, Description: "Counts words.", EntryFile: "subagent.py", Files: map[string][]byte{"subagent.py": []byte("def main(query): pass\n")},
	})
	require.NoError(t, err)
	_, err = s.Promote(t.Context(), skillstore.Promotion{Name: name, Version: m.Version, PromotionID: "p"})
	require.NoError(t, err)
}
