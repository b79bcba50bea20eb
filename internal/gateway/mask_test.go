package gateway

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/secret"
)

func FuzzMask(f *testing.F) {
	for _, seed := range []string{`{"a": "secret-key"}`, `{"secret-key": [1, {"b": "xsecret-key2y"}]}`, `{"a": "\u0073ecret-key"}`, `{"n": 1e400}`, `{"a": "secret-secret-keykey"}`} {
		f.Add([]byte(seed))
	}
	m := mask{secret.NewMask("secret-key", "secret-key2")}
	f.Fuzz(func(t *testing.T, body []byte) {
		masked, err := m.json(body)
		if err != nil {
			return
		}
		require.NotContains(t, string(masked), "secret-key")
		var object map[string]any
		d := json.NewDecoder(strings.NewReader(string(masked)))
		d.UseNumber()
		require.NoError(t, d.Decode(&object))
		again, err := m.json(masked)
		require.NoError(t, err)
		require.Equal(t, string(masked), string(again), "the form is canonical")
	})
}
