package browser

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/gateway"
	"agentfactory/internal/netguard"
)

// shared is the pool of the tests that do not harm it.
var shared *Pool

func TestMain(m *testing.M) {
	os.Setenv(canaryName, canary)
	dir, err := os.MkdirTemp("", "browser-test-*")
	if err != nil {
		panic(err)
	}
	shared = New(testConfig(dir))
	code := m.Run()
	shared.Close()
	os.RemoveAll(dir)
	os.Exit(code)
}

// canary stands for our keys: it is in the environment of this process and must be in no other.
const canaryName, canary = "OPENAI_API_KEY", "canary-5d41402abc4b2a76"

func testConfig(dir string) Config {
	return Config{
		Places: Places{
			Driver:     os.Getenv("AGENTFACTORY_TEST_PLAYWRIGHT"),
			Executable: os.Getenv("AGENTFACTORY_TEST_CHROMIUM"),
			StateDir:   dir,
		},
		Sessions: OpenSessions(dir, ""),
		Dial:     netguard.Dialer(func(a netip.Addr) bool { return netguard.Public(a) || a.String() == "127.0.0.1" }).DialContext,
	}
}

// requireBrowser skips a test where there is no browser, or fails it if AGENTFACTORY_TEST_REQUIRE is "all".
func requireBrowser(t testing.TB) {
	t.Helper()
	_, err := Find(t.Context(), shared.config.Places)
	if err == nil {
		return
	}
	require.ErrorIs(t, err, ErrNotInstalled)
	if os.Getenv("AGENTFACTORY_TEST_REQUIRE") == "all" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// subagent is one run that uses the browser.
type subagent struct {
	t    testing.TB
	tool gateway.Tool
	end  func()
	dir  string // its workspace
	llm  gateway.LLM
}

// newSubagent begins a run on a pool; set may change what it is allowed.
func newSubagent(t testing.TB, p *Pool, set ...func(*Run)) *subagent {
	t.Helper()
	requireBrowser(t)
	r := Run{Workspace: t.TempDir()}
	for _, s := range set {
		s(&r)
	}
	tool, end := p.ForRun(r)
	t.Cleanup(end)
	return &subagent{t: t, tool: tool, end: end, dir: r.Workspace}
}

// ownPool is a pool that a test may break.
func ownPool(t testing.TB, set ...func(*Config)) *Pool {
	t.Helper()
	requireBrowser(t)
	c := testConfig(shared.config.StateDir)
	for _, s := range set {
		s(&c)
	}
	p := New(c)
	t.Cleanup(p.Close)
	return p
}

// fields is a JSON object.
type fields = map[string]any

// with gives the run a model.
func (s *subagent) with(model gateway.LLM) *subagent {
	s.llm = model
	return s
}

func (s *subagent) call(request fields) (Reply, error) {
	body, err := json.Marshal(request)
	require.NoError(s.t, err)
	got, err := s.tool.Call(s.t.Context(), gateway.ToolRequest{Tool: "browser_automation", Body: body, LLM: s.llm})
	if err != nil {
		return Reply{}, err
	}
	var reply Reply
	require.NoError(s.t, json.Unmarshal(got.Body, &reply), string(got.Body))
	return reply, nil
}

// try carries out actions, which may fail.
func (s *subagent) try(actions ...fields) Reply {
	s.t.Helper()
	reply, err := s.call(fields{"actions": actions})
	require.NoError(s.t, err)
	return reply
}

// do carries out actions, which succeed.
func (s *subagent) do(actions ...fields) Reply {
	s.t.Helper()
	reply := s.try(actions...)
	if reply.Error != nil {
		s.t.Fatalf("action %d: %s: %s\n%s", reply.Error.Action, reply.Error.Code, reply.Error.Message, reply.Error.Snapshot)
	}
	require.Len(s.t, reply.Results, len(actions))
	return reply
}

// text is what the page shows.
func (s *subagent) text() string {
	s.t.Helper()
	reply := s.do(fields{"action": "text"})
	return *reply.Results[0].Text
}

func navigate(url string) fields { return fields{"action": "navigate", "url": url} }

func click(role, name string) fields { return fields{"action": "click", "role": role, "name": name} }

// last is what the last action came to.
func last(r Reply) Result { return r.Results[len(r.Results)-1] }

var refInLine = regexp.MustCompile(`\[ref=(\w+)\]`)

// ref is the ref in a line of a snapshot.
func ref(t testing.TB, line string) string {
	t.Helper()
	found := refInLine.FindStringSubmatch(line)
	require.NotNil(t, found, line)
	return found[1]
}

func (s *subagent) write(name, content string) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o644))
}

func (s *subagent) read(name string) string {
	s.t.Helper()
	body, err := os.ReadFile(filepath.Join(s.dir, name))
	require.NoError(s.t, err)
	return string(body)
}

func refusedAs(t testing.TB, err error, code gateway.Code, contains string) {
	t.Helper()
	var e *gateway.Error
	require.True(t, errors.As(err, &e), "%v", err)
	require.Equal(t, code, e.Code, e.Message)
	require.Contains(t, e.Message, contains)
}

// scripted is a model that says these texts one after the other, then fails; prompts are what it was asked.
type scripted struct {
	texts   []string
	then    error
	prompts []string
}

func (m *scripted) answer(_ context.Context, r gateway.LLMRequest) (gateway.LLMReply, error) {
	m.prompts = append(m.prompts, r.Messages[0].Content)
	if len(m.texts) == 0 {
		return gateway.LLMReply{}, cmp.Or(m.then, errors.New("the script is over"))
	}
	text := m.texts[0]
	m.texts = m.texts[1:]
	return gateway.LLMReply{Text: text, Usage: gateway.Usage{InputTokens: 100, OutputTokens: 10}}, nil
}
