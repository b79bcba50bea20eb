package config

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// environment is a getenv with a home directory of its own.
func environment(t *testing.T, vars map[string]string) func(string) string {
	t.Helper()
	home := t.TempDir()
	return func(name string) string {
		if value, ok := vars[name]; ok {
			return value
		}
		if name == "HOME" {
			return home
		}
		return ""
	}
}

func configFile(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(path, []byte(body), 0o600))
	return path
}

func TestNothingConfiguredMeansEmbeddedServersAndOpenAI(t *testing.T) {
	getenv := environment(t, nil)
	c, err := Load(getenv)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(getenv("HOME"), ".local/share/agentfactory"), c.Data)
	require.Equal(t, Model{Name: DefaultModel, SubagentModel: DefaultModel, TranscriptionModel: DefaultTranscriptionModel}, c.Model)
	require.Empty(t, c.S3.Bucket)
	require.False(t, c.Temporal.Configured)
	require.Equal(t, "confined", c.Sandbox.Min)
	require.ErrorIs(t, c.Model.Check(), ErrNoAPIKey)
}

func TestEnvironmentWinsOverFile(t *testing.T) {
	path := configFile(t, `
data: /from/file
model:
  base_url: http://localhost:11434/v1
  name: from-file
  subagent_name: small
  embedding_name: smaller
s3: {bucket: from-file}
sandbox: {min: namespaced}
prices:
  from-file: {input: 1.5, cached_input: 0.15, output: 6}
context_windows: {from-file: 32768}
limits:
  run: {turns: 7, wall_time: 90s}
  subagent: {memory: 512MiB, timeout: 30s}
`)
	c, err := Load(environment(t, map[string]string{
		"AGENTFACTORY_CONFIG":    path,
		"AGENTFACTORY_MODEL":     "from-environment",
		"AGENTFACTORY_S3_BUCKET": "from-environment",
		"TEMPORAL_PROFILE":       "prod",
	}))
	require.NoError(t, err)
	require.Equal(t, path, c.File)
	require.Equal(t, "/from/file", c.Data)
	require.Equal(t, Model{BaseURL: "http://localhost:11434/v1", Name: "from-environment", SubagentModel: "small", EmbeddingModel: "smaller"}, c.Model)
	require.Equal(t, "from-environment", c.S3.Bucket)
	require.True(t, c.Temporal.Configured)
	require.Equal(t, "namespaced", c.Sandbox.Min)
	require.Equal(t, Price{Input: 1.5, CachedInput: 0.15, Output: 6}, c.Prices["from-file"])
	require.Equal(t, 32768, c.ContextWindows["from-file"])
	require.Equal(t, RunLimits{Turns: 7, WallTime: Duration(90 * time.Second)}, c.Limits.Run)
	require.Equal(t, Bytes(512<<20), c.Limits.Subagent.Memory)
	require.Equal(t, Duration(30*time.Second), c.Limits.Subagent.Timeout)
	require.Equal(t, 256, c.Limits.Subagent.Processes, "what the file leaves out keeps its default")
	require.NoError(t, c.Model.Check(), "a local server needs no key")
}

func TestTheUsualConfigurationFileIsReadWhenItExists(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "agentfactory")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.yaml"), []byte("data: ~/factory\n"), 0o600))
	getenv := environment(t, map[string]string{"XDG_CONFIG_HOME": home})
	c, err := Load(getenv)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(getenv("HOME"), "factory"), c.Data)
}

func TestDataDirectoryFollowsTheXDGSpecification(t *testing.T) {
	for name, test := range map[string]struct {
		vars map[string]string
		want string
	}{
		"XDG_DATA_HOME is used":              {map[string]string{"XDG_DATA_HOME": "/xdg"}, "/xdg/agentfactory"},
		"a relative XDG_DATA_HOME is not":    {map[string]string{"XDG_DATA_HOME": "xdg", "HOME": "/home/ann"}, "/home/ann/.local/share/agentfactory"},
		"AGENTFACTORY_DATA wins":             {map[string]string{"XDG_DATA_HOME": "/xdg", "AGENTFACTORY_DATA": "/data"}, "/data"},
		"a path is cleaned":                  {map[string]string{"AGENTFACTORY_DATA": "/data/../other/"}, "/other"},
		"no home is needed when it is given": {map[string]string{"HOME": "", "AGENTFACTORY_DATA": "/data"}, "/data"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Load(environment(t, test.vars))
			require.NoError(t, err)
			require.Equal(t, test.want, c.Data)
		})
	}
}

func TestModelIsCheckedWhenARunStarts(t *testing.T) {
	for name, test := range map[string]struct {
		vars map[string]string
		want error
		text string
	}{
		"OpenAI with a key": {vars: map[string]string{"OPENAI_API_KEY": "sk-1"}},
		"OpenAI without a key": {want: ErrNoAPIKey,
			text: "no API key is configured: set OPENAI_API_KEY, or OPENAI_BASE_URL for another OpenAI-compatible server"},
		"OpenAI by its URL has the default model": {vars: map[string]string{"OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": "https://eu.api.openai.com/v1"}},
		"another server without a model": {vars: map[string]string{"OPENAI_BASE_URL": "http://user:pw@localhost:11434/v1"}, want: ErrNoModel,
			text: "no model is configured for http://localhost:11434/v1: set AGENTFACTORY_MODEL to one that it serves"},
		"a name that only looks like OpenAI": {vars: map[string]string{"OPENAI_BASE_URL": "https://api.openai.com.example.org"}, want: ErrNoModel,
			text: "no model is configured for https://api.openai.com.example.org: set AGENTFACTORY_MODEL to one that it serves"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Load(environment(t, test.vars))
			require.NoError(t, err)
			err = c.Model.Check()
			require.ErrorIs(t, err, test.want)
			if test.want != nil {
				require.EqualError(t, err, test.text)
			}
		})
	}
}

func TestWrongVariablesAreRefusedInOneLine(t *testing.T) {
	for name, test := range map[string]struct {
		vars map[string]string
		want string
	}{
		"base URL without a scheme": {map[string]string{"OPENAI_BASE_URL": "localhost:11434"},
			"OPENAI_BASE_URL (model.base_url) is not a URL: write it like http://localhost:11434/v1"},
		"the base URL of a tool without a scheme": {map[string]string{"SERPER_BASE_URL": "google.serper.dev"},
			"SERPER_BASE_URL (tools.search.base_url) is not a URL: write it like https://google.serper.dev"},
		"unknown sandbox level": {map[string]string{"AGENTFACTORY_SANDBOX_MIN": "strong"},
			`AGENTFACTORY_SANDBOX_MIN (sandbox.min) is "strong": choose one of confined, namespaced`},
		"missing configuration file": {map[string]string{"AGENTFACTORY_CONFIG": "/nowhere/config.yaml"},
			"read the configuration: open /nowhere/config.yaml: no such file or directory"},
		"a device as configuration file": {map[string]string{"AGENTFACTORY_CONFIG": "/dev/zero"},
			"read the configuration: /dev/zero is not a YAML file of at most 1 MiB"},
		"no home directory": {map[string]string{"HOME": ""},
			"find the data directory: neither XDG_DATA_HOME nor HOME is set: set AGENTFACTORY_DATA to an absolute path"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(environment(t, test.vars))
			require.EqualError(t, err, test.want)
		})
	}
}
