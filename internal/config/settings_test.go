package config

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// keysOf lists the keys of config.yaml as the decoder knows them.
func keysOf(t reflect.Type, prefix string) []string {
	var keys []string
	for field := range t.Fields() {
		key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case key == "-":
		case field.Type.Kind() == reflect.Struct:
			keys = append(keys, keysOf(field.Type, prefix+key+".")...)
		default:
			keys = append(keys, prefix+key)
		}
	}
	return keys
}

func TestTheTableOfSettingsIsComplete(t *testing.T) {
	var listed []string
	for _, s := range Settings() {
		require.NotEmpty(t, s.Purpose, s)
		require.NotEmpty(t, s.Env+s.Key)
		if s.Key != "" {
			listed = append(listed, s.Key)
		}
	}
	require.ElementsMatch(t, keysOf(reflect.TypeFor[Config](), ""), listed)
}

func TestEveryVariableReachesTheFieldOfItsKey(t *testing.T) {
	for _, s := range Settings() {
		if s.field == nil || s.Env == "" {
			continue
		}
		value := map[string]string{"model.base_url": "http://x", "tools.search.base_url": "http://x", "tools.reading.base_url": "http://x", "sandbox.min": "namespaced", "data": "/x", "library.checks": "off", "library.promotions": "ask", "policy.file": "/x/policy.yaml"}[s.Key]
		if value == "" {
			value = "x"
		}
		fromEnv, err := Load(environment(t, map[string]string{s.Env: value}))
		require.NoError(t, err)

		lines, indent := strings.Split(s.Key, "."), ""
		var body strings.Builder
		for i, part := range lines {
			body.WriteString(indent + part + ":")
			if i == len(lines)-1 {
				body.WriteString(" " + value)
			}
			body.WriteString("\n")
			indent += "  "
		}
		fromFile, err := Load(environment(t, map[string]string{"AGENTFACTORY_CONFIG": configFile(t, body.String())}))
		require.NoError(t, err)
		require.Equal(t, *s.field(&fromEnv), *s.field(&fromFile), s.Env)
		require.Equal(t, value, *s.field(&fromEnv), s.Env)
	}
}
