package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/config"
)

func TestSettingsTellWhereTheyComeFrom(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(file, []byte("model:\n  name: from-file\n  api_key: sk-from-file\nlimits:\n  run:\n    turns: 7\nprices:\n  m: {input: 1}\n"), 0o600))
	env := map[string]string{"AGENTFACTORY_CONFIG": file, "AGENTFACTORY_DATA": t.TempDir(), "AWS_ACCESS_KEY_ID": "half-secret", "AWS_SECRET_ACCESS_KEY": "very-secret",
		"JINA_BASE_URL": "https://ann:secret@reader.example"}
	getenv := func(name string) string { return env[name] }
	cfg, err := config.Load(getenv)
	require.NoError(t, err)
	byName := map[string]setting{}
	for _, s := range settingsOf(cfg, getenv) {
		byName[s.Env+s.Key] = s
		require.NotContains(t, s.Value, "secret")
		require.NotContains(t, s.Value, "sk-")
	}
	require.Equal(t, "environment", byName["AGENTFACTORY_CONFIG"].Source)
	require.Equal(t, "from-file", byName["AGENTFACTORY_MODELmodel.name"].Value)
	require.Equal(t, "set", byName["OPENAI_API_KEYmodel.api_key"].Value)
	require.Equal(t, "https://***@reader.example", byName["JINA_BASE_URLtools.reading.base_url"].Value)
	require.Equal(t, "7", byName["limits.run.turns"].Value)
	require.Equal(t, "1 of them", byName["prices"].Value)
	require.Equal(t, "default", byName["AGENTFACTORY_S3_BUCKETs3.bucket"].Source)
}
