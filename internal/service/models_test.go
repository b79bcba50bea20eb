package service

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"agentfactory/activities"
	"agentfactory/internal/config"
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
