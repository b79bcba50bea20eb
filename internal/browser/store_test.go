package browser

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/browser/browsertest"
	"agentfactory/internal/gateway"
)

func aState(value string) State {
	return State{Cookies: []playwright.OptionalCookie{{Name: "user", Value: value, Domain: playwright.String("127.0.0.1"), Path: playwright.String("/")}}}
}

func TestStoredLoginsAreSealedAndComeBackWhole(t *testing.T) {
	dir := t.TempDir()
	s := OpenSessions(dir, "")
	require.NoError(t, s.Save("shop", aState("very-secret")))
	require.NoError(t, s.Save("shop", aState("more-secret")))
	got, err := OpenSessions(dir, "").Load("shop")
	require.NoError(t, err)
	require.Equal(t, "more-secret", got.Cookies[0].Value)

	for _, name := range []string{"session.key", "sessions/shop.session"} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
		body, _ := os.ReadFile(filepath.Join(dir, name))
		require.NotContains(t, string(body), "secret")
	}
	list, err := s.List()
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "shop", list[0].Name)
	require.NoError(t, s.Delete("shop"))
	require.ErrorIs(t, s.Delete("shop"), ErrNoSession)
	_, err = s.Load("shop")
	require.ErrorContains(t, err, "starter browser login shop URL")
}

func TestALoginOpensWithItsOwnKeyAndNameAlone(t *testing.T) {
	dir := t.TempDir()
	key := func(c string) string { return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(c, 32))) }
	s := OpenSessions(dir, key("a"))
	require.NoError(t, s.Save("bank", aState("x")))
	require.NoFileExists(t, filepath.Join(dir, "session.key"))
	_, err := OpenSessions(dir, key("b")).Load("bank")
	require.ErrorIs(t, err, ErrSessionKey)
	_, err = OpenSessions(dir, "short").Load("bank")
	require.ErrorContains(t, err, "openssl rand -base64 32")
	require.NotContains(t, err.Error(), "short")

	sealed, err := os.ReadFile(s.path("bank"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.path("shop"), sealed, 0o600))
	_, err = s.Load("shop")
	require.ErrorIs(t, err, ErrSessionKey, "one login does not pass as another")
	sealed[40] ^= 1
	require.NoError(t, os.WriteFile(s.path("bank"), sealed, 0o600))
	_, err = s.Load("bank")
	require.ErrorIs(t, err, ErrSessionKey)
	require.NoError(t, os.WriteFile(s.path("bank"), sealed[:10], 0o600))
	_, err = s.Load("bank")
	require.ErrorIs(t, err, ErrSessionKey)
}

func TestNamesOfLoginsAreNoPaths(t *testing.T) {
	s := OpenSessions(t.TempDir(), "")
	for _, name := range []string{"", "../x", "a/b", ".x", "A", strings.Repeat("a", 65)} {
		require.ErrorIs(t, s.Save(name, State{}), ErrNoSession, name)
		_, err := s.Load(name)
		require.ErrorIs(t, err, ErrNoSession, name)
	}
}

func TestALoginIsUsedByRunsThatMayAndByNoOther(t *testing.T) {
	at := browsertest.Site(t)
	require.NoError(t, shared.config.Sessions.Save("shop", aState("ada")))
	_, err := newSubagent(t, shared).call(fields{"session": "shop", "actions": []fields{navigate(at.URL + "/private")}})
	refusedAs(t, err, gateway.Denied, "may not use the stored login")

	s := newSubagent(t, shared, func(r *Run) { r.Sessions = []string{"shop", "gone"} })
	reply, err := s.call(fields{"session": "shop", "actions": []fields{navigate(at.URL + "/private"), {"action": "text"}}})
	require.NoError(t, err)
	require.Equal(t, "Hello ada", *last(reply).Text)
	require.Equal(t, at.URL+"/login", s.do(navigate(at.URL+"/private")).URL, "the session without a name is another")
	_, err = s.call(fields{"session": "gone", "actions": []fields{navigate(at.URL)}})
	refusedAs(t, err, gateway.Unavailable, "no such browser session")

	_, err = s.call(fields{"session": "shop", "actions": []fields{navigate(at.URL + "/login"),
		{"action": "type", "label": "User", "value": "grace", "submit": true}, {"action": "wait", "text": "Hello grace"}}})
	require.NoError(t, err)
	s.end()
	kept, err := shared.config.Sessions.Load("shop")
	require.NoError(t, err)
	require.Equal(t, "grace", kept.Cookies[0].Value, "what the site set anew is kept")
}

// Some sites show a cookie that they were sent. One that is as long as a token is a credential, a short one a word.
func TestTheTokensOfALoginAreNotShown(t *testing.T) {
	at := browsertest.Site(t)
	first, second := "a-token-of-ada-0123456789", "a-token-of-grace-0123456789"
	require.NoError(t, shared.config.Sessions.Save("tokens", aState(first)))
	s := newSubagent(t, shared, func(r *Run) { r.Sessions, r.AllowEval = []string{"tokens"}, true })
	ask := func(actions ...fields) string {
		reply, err := s.call(fields{"session": "tokens", "actions": actions})
		require.NoError(t, err)
		all, err := json.Marshal(reply)
		require.NoError(t, err)
		return string(all)
	}
	whatever := []fields{{"action": "text"}, {"action": "snapshot"}, {"action": "find", "query": "hello"}, {"action": "eval", "script": "document.body.innerText"},
		{"action": "eval", "script": "alert(document.body.innerText)"}, {"action": "eval", "script": "location.hash = document.body.innerText"}, {"action": "click", "text": "nothing", "timeout_ms": 100}}
	said := ask(append([]fields{navigate(at.URL + "/private")}, whatever...)...)
	require.NotContains(t, said, first)
	require.Contains(t, said, `"text":"Hello [secret]"`)
	require.Equal(t, 8, strings.Count(said, "[secret]"), said)
	said = ask(append([]fields{navigate(at.URL + "/login"), {"action": "type", "label": "User", "value": second, "submit": true}, {"action": "wait", "text": "Hello"}}, whatever...)...)
	require.NotContains(t, said, second, "the site has set a new one")
	require.Contains(t, said, `"text":"Hello [secret]"`)
}

func TestALoginThatTheBrowserDoesNotTakeHarmsNoOtherRun(t *testing.T) {
	at := browsertest.Site(t)
	bystander := newSubagent(t, shared)
	bystander.do(navigate(at.URL))
	require.NoError(t, shared.config.Sessions.Save("broken", State{Cookies: []playwright.OptionalCookie{{Name: "x", Value: "cookie-secret"}}}))
	s := newSubagent(t, shared, func(r *Run) { r.Sessions = []string{"broken"} })
	_, err := s.call(fields{"session": "broken", "actions": []fields{navigate(at.URL)}})
	refusedAs(t, err, gateway.Unavailable, "open a browser context")
	require.NotContains(t, err.Error(), "cookie-secret")
	bystander.do(click("link", "Order"))
}

func TestALoginMadeByAPersonIsTaken(t *testing.T) {
	requireBrowser(t)
	at := browsertest.Site(t)
	finished := make(chan struct{})
	time.AfterFunc(2500*time.Millisecond, func() { close(finished) })
	state, err := login(t.Context(), shared.config.Places, at.URL+"/redirect?to=/auto", finished, launchOptions{headless: true, direct: true})
	require.NoError(t, err)
	require.Len(t, state.Cookies, 1)
	require.Equal(t, "auto", state.Cookies[0].Value)

	if os.Getenv("DISPLAY")+os.Getenv("WAYLAND_DISPLAY") == "" {
		_, err = Login(t.Context(), shared.config.Places, at.URL, finished)
		require.ErrorIs(t, err, ErrNoDisplay)
	}
}
