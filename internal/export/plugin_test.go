package export_test

import (
	"encoding/json"
	"os"
	"path"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/export"
)

// conform holds a file of JSON against a schema and returns it.
func conform(t testing.TB, data []byte, schemaFile string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(schemaFile)
	require.NoError(t, err)
	var schema jsonschema.Schema
	require.NoError(t, json.Unmarshal(text, &schema))
	resolved, err := schema.Resolve(nil)
	require.NoError(t, err)
	var value map[string]any
	require.NoError(t, json.Unmarshal(data, &value))
	require.NoError(t, resolved.Validate(value))
	return value
}

func TestThePluginConformsToThePublishedSchema(t *testing.T) {
	for _, skills := range [][]export.Skill{{wordCount(t)}, hell(t)} {
		a := made(t, "claude-plugin", export.Options{Cases: true, License: "MIT"}, skills...)
		plugin := conform(t, a.Tree[a.Name+"/.claude-plugin/plugin.json"].Data, "testdata/claude/plugin.schema.json")
		market := conform(t, a.Tree[a.Name+"/.claude-plugin/marketplace.json"].Data, "testdata/claude/marketplace.schema.json")
		entry := market["plugins"].([]any)[0].(map[string]any)
		require.Equal(t, plugin["name"], entry["name"])
		require.Equal(t, plugin["version"], entry["version"])
		require.Contains(t, a.Tree, path.Join(a.Name, entry["source"].(string), ".claude-plugin/plugin.json"), "the source is the plugin's directory")
		for _, s := range skills {
			require.Contains(t, a.Tree, path.Join(a.Name, "skills", s.Manifest.Name, "SKILL.md"))
		}
	}
}

func TestTheVersionOfASetTellsSetsApart(t *testing.T) {
	version := func(skills ...export.Skill) any {
		a := made(t, "claude-plugin", export.Options{Cases: true, Name: "mine"}, skills...)
		require.Equal(t, "mine", a.Name)
		var plugin map[string]any
		require.NoError(t, json.Unmarshal(a.Tree["mine/.claude-plugin/plugin.json"].Data, &plugin))
		return plugin["version"]
	}
	later := wordCount(t)
	later.Manifest.Version = 4
	require.Regexp(t, `^1\.3\.0\+[0-9a-f]{12}$`, version(wordCount(t)))
	require.Regexp(t, `^1\.4\.0\+[0-9a-f]{12}$`, version(later))
	require.NotEqual(t, version(wordCount(t)), version(stored(t, "calendar", "Another.", map[string]string{"subagent.py": "main = print\n"})))
}
