package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMistakesInTheFileAreNamedWithTheirLine(t *testing.T) {
	for name, test := range map[string]struct{ body, want string }{
		"unknown setting":         {"data: /d\nmodle:\n  name: x\n", `:2: unknown setting "modle"`},
		"unknown nested setting":  {"model:\n  nmae: x\n", `:2: unknown setting "nmae": did you mean model.name?`},
		"unknown limit":           {"limits:\n  subagent:\n    time_out: 5s\n", `:3: unknown setting "time_out": did you mean limits.subagent.timeout?`},
		"nothing like it":         {"zebra: 1\n", `:1: unknown setting "zebra"`},
		"wrong type":              {"data: /d\nlimits:\n  run:\n    turns: many\n", ":4: "},
		"wrong size":              {"data: /d\nlimits:\n  subagent:\n    memory: lots\n", `:4: "lots" is no size: write it like 512MiB or 2GB`},
		"wrong duration":          {"limits:\n  subagent:\n    timeout: soon\n", `:3: "soon" is no duration: write it like 90s, 1h30m or 90d`},
		"duplicate key":           {"data: /a\ndata: /b\n", ":2: "},
		"broken YAML":             {"model: [\n", ":1: "},
		"two documents":           {"data: /a\n---\ndata: /b\n", ": there is more than one YAML document: keep one"},
		"negative limit":          {"limits: {run: {turns: -1}}\n", "limits.run.turns is -1: give a positive value, or leave it out for the default"},
		"negative subagent limit": {"limits: {subagent: {processes: -1}}\n", "limits.subagent.processes is negative: give a positive value, or leave it out for the default"},
		"negative price":          {"prices: {m: {input: -1}}\n", "prices.m holds -1: give USD per million tokens"},
		"price that is no number": {"prices: {m: {input: .nan}}\n", "prices.m holds NaN: give USD per million tokens"},
		"empty context window":    {"context_windows: {m: 0}\n", "context_windows.m is 0: give the number of tokens that fit"},
	} {
		t.Run(name, func(t *testing.T) {
			path := configFile(t, test.body)
			_, err := Load(environment(t, map[string]string{"AGENTFACTORY_CONFIG": path}))
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "\n")
			if strings.HasPrefix(test.want, ":") {
				require.ErrorContains(t, err, path+test.want)
			}
		})
	}
}

func TestWhatAFileLeavesEmptyKeepsItsDefault(t *testing.T) {
	getenv := environment(t, nil)
	want, err := Load(getenv)
	require.NoError(t, err)
	for _, body := range []string{
		"", "# data: /elsewhere\n", "---\n", "limits:\n", "limits:\n  subagent:\n", "limits: {subagent: {memory: 0}}\n", "sandbox:\n  min:\n",
	} {
		path := configFile(t, body)
		got, err := Load(func(name string) string {
			if name == "AGENTFACTORY_CONFIG" {
				return path
			}
			return getenv(name)
		})
		require.NoError(t, err, "%q", body)
		got.File = ""
		require.Equal(t, want, got, "%q", body)
	}
}

func TestPathsInTheFileAreRelativeToIt(t *testing.T) {
	path := configFile(t, "data: ../data\nsandbox: {python: venv/bin/python}\npolicy: {file: rules.yaml}\n")
	t.Chdir(filepath.Dir(path))
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	require.NoError(t, err)
	c, err := Load(environment(t, map[string]string{"AGENTFACTORY_CONFIG": "config.yaml"}))
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "config.yaml"), c.File)
	require.Equal(t, filepath.Join(filepath.Dir(dir), "data"), c.Data)
	require.Equal(t, filepath.Join(dir, "venv/bin/python"), c.Sandbox.Python)
	require.Equal(t, filepath.Join(dir, "rules.yaml"), c.Policy.File)

	require.NoError(t, os.WriteFile(path, []byte("sandbox: {python: python3.13}\n"), 0o600))
	getenv := environment(t, map[string]string{"AGENTFACTORY_CONFIG": "config.yaml"})
	c, err = Load(getenv)
	require.NoError(t, err)
	require.Equal(t, "python3.13", c.Sandbox.Python)
}

func TestAKeyThatOthersCanReadIsAWarning(t *testing.T) {
	path := configFile(t, "model: {api_key: sk-secret}\n")
	getenv := environment(t, map[string]string{"AGENTFACTORY_CONFIG": path})
	c, err := Load(getenv)
	require.NoError(t, err)
	require.Empty(t, c.Warnings)
	require.Equal(t, "sk-secret", c.Model.APIKey.Reveal())

	require.NoError(t, os.Chmod(path, 0o644))
	c, err = Load(getenv)
	require.NoError(t, err)
	require.Equal(t, []string{path + " holds a key and others may read it: chmod 600 it"}, c.Warnings)
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "data: /d\n", "model: {api_key: k}\nlimits: {subagent: {memory: 2GiB, timeout: 5m}}\n",
		"prices: {m: {input: 1}}\n", "modle: 1\n", "a: &a [*a]\n", "---\n---\n", "? {}\n", "data: !!binary x\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var c Config
		if err := c.parse([]byte(body)); err != nil {
			require.NotContains(t, describe("config.yaml", err).Error(), "\n")
		}
	})
}
