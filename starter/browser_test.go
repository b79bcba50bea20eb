package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/browser"
	"agentfactory/internal/config"
)

// cli runs a command of the starter in this process.
func cli(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, said bytes.Buffer
	getenv := func(name string) string { return env[name] }
	code = run(t.Context(), args, getenv, strings.NewReader(""), &out, &said)
	return code, out.String(), said.String()
}

func TestStoredLoginsAreListedAndDeletedAndNeverShown(t *testing.T) {
	env := map[string]string{"AGENTFACTORY_DATA": t.TempDir()}
	code, _, stderr := cli(t, env, "browser", "sessions", "list")
	require.Equal(t, exitCompleted, code, stderr)
	require.Contains(t, stderr, "starter browser login NAME URL")

	cfg, err := config.Load(func(name string) string { return env[name] })
	require.NoError(t, err)
	state := browser.State{Cookies: []playwright.OptionalCookie{{Name: "id", Value: "cookie-secret"}}}
	require.NoError(t, browserSessions(cfg).Save("shop", state))
	_, stdout, _ := cli(t, env, "browser", "sessions", "list", "--json")
	var listed struct {
		Sessions []browser.SessionInfo `json:"sessions"`
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &listed), stdout)
	require.Len(t, listed.Sessions, 1)
	require.Equal(t, "shop", listed.Sessions[0].Name)
	require.NotContains(t, stdout, "cookie-secret")

	code, _, _ = cli(t, env, "browser", "sessions", "delete", "shop")
	require.Equal(t, exitCompleted, code)
	code, _, stderr = cli(t, env, "browser", "sessions", "delete", "shop")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "no such browser session")
}

func TestALoginIsRefusedBeforeAnybodyTypesAPassword(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		says string
	}{
		"a name that is none": {nil, []string{"Shop/1", "https://shop.example"}, "is no name"},
		"a key that is none":  {map[string]string{"AGENTFACTORY_SESSION_KEY": "short"}, []string{"shop", "https://shop.example"}, "openssl rand -base64 32"},
		"no URL":              {nil, []string{"shop", "shop.example"}, "no absolute URL"},
		"a local file":        {nil, []string{"shop", "file:///etc/passwd"}, "only http and https"},
		"no screen":           {nil, []string{"shop", "https://shop.example"}, "there is no screen"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DISPLAY", "")
			t.Setenv("WAYLAND_DISPLAY", "")
			env := map[string]string{"AGENTFACTORY_DATA": t.TempDir()}
			for k, v := range c.env {
				env[k] = v
			}
			code, _, stderr := cli(t, env, append([]string{"browser", "login"}, c.args...)...)
			require.NotEqual(t, exitCompleted, code)
			require.Contains(t, stderr, c.says)
		})
	}
}
