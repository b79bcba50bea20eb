package standalone_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/export/standalone"
)

var allTools = []string{"web_search", "web_reading", "shell_command", "browser_automation"}

const (
	openaiKey = "sk-openai-canary-0123456789"
	serperKey = "serper-canary-0123456789"
	jinaKey   = "jina-canary-0123456789"
)

// missing skips a test for lack of a part, or fails it where nothing may be skipped.
func missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("AGENTFACTORY_TEST_REQUIRE") == "all" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// systemPython is the interpreter of the tests: any version that the modules support.
func systemPython(t testing.TB) string {
	t.Helper()
	name := cmp.Or(os.Getenv("AGENTFACTORY_TEST_STANDALONE_PYTHON"), "python3")
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, err)
	}
	return path
}

// export is a directory with the modules, and with further files.
func export(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range standalone.Files(allTools) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

// ended is a process that has ended.
type ended struct {
	code           int
	stdout, stderr string
}

// run runs Python in dir, with these variables and none of ours but those without which nothing works.
func run(t testing.TB, dir string, env []string, stdin string, args ...string) ended {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, systemPython(t), args...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "PYTHONDONTWRITEBYTECODE=1"}, env...), strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil {
		require.ErrorAs(t, err, &exit)
	}
	for _, key := range []string{openaiKey, serperKey, jinaKey} {
		require.NotContains(t, stdout.String()+stderr.String(), key, "a key was shown")
	}
	return ended{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// outcome is what a call in Python returned or raised.
type outcome struct {
	Value      any            `json:"value"`
	Type       string         `json:"type"`
	Attributes map[string]any `json:"attributes"`
	Error      string         `json:"error"`
	Code       string         `json:"code"`
	Message    string         `json:"message"`
	Missing    string         `json:"missing"`
}

// calls carries out expressions and prints what came of each. In both systems the modules tools and llm stand beside it.
const calls = `
import json, sys
from llm import call_llm, transcribe
import tools
from tools import *
web_search, web_reading, shell_command, browser_automation = tools.web_search, tools.web_reading, tools.shell_command, tools.browser_automation
def tried(expression):
    try:
        value = eval(expression)
    except Exception as e:
        return {"error": type(e).__name__, "code": getattr(e, "code", ""), "message": str(e), "missing": getattr(e, "missing", "")}
    attributes = {n: getattr(value, n) for n in ("title", "url", "note", "answer") if isinstance(getattr(value, n, None), str)}
    return {"value": value, "type": type(value).__name__, "attributes": attributes}
print(json.dumps([tried(e) for e in json.load(sys.stdin)]))
`

// try carries out expressions in Python, in the directory of an export.
func try(t testing.TB, dir string, env []string, expressions ...string) []outcome {
	t.Helper()
	given, err := json.Marshal(expressions)
	require.NoError(t, err)
	done := run(t, dir, env, string(given), "-c", calls)
	require.Zero(t, done.code, done.stderr)
	var found []outcome
	require.NoError(t, json.Unmarshal([]byte(done.stdout), &found), done.stdout)
	require.Len(t, found, len(expressions))
	for _, o := range found {
		require.NotContains(t, o.Message, "\n")
	}
	return found
}

// one is try with a single expression.
func one(t testing.TB, env []string, expression string) outcome {
	t.Helper()
	return try(t, export(t, nil), env, expression)[0]
}

// request is what a service was asked.
type request struct {
	Method, Path, Body string
	Header             http.Header
}

// service is a local server that keeps what it is asked.
type service struct {
	URL string
	mu  sync.Mutex
	all []request
}

func serve(t testing.TB, handler http.HandlerFunc) *service {
	t.Helper()
	s := &service{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.mu.Lock()
		s.all = append(s.all, request{r.Method, r.URL.String(), string(body), r.Header})
		s.mu.Unlock()
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

func (s *service) asked() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]request(nil), s.all...)
}

// inTurn answers with one handler after the other, the last one for good.
func inTurn(handlers ...http.HandlerFunc) http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		handlers[min(n.Add(1), int64(len(handlers)))-1](w, r)
	}
}

func status(code int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

func sends(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil // rather than a guess
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		io.WriteString(w, body)
	}
}

// breaksOff promises more than it sends.
func breaksOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	io.WriteString(w, `{"organic": [`)
}

// hangsUp ends the connection without an answer.
func hangsUp(w http.ResponseWriter, _ *http.Request) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		connection.Close()
	}
}

func serper(s *service) []string {
	return []string{"SERPER_BASE_URL=" + s.URL, "SERPER_API_KEY=" + serperKey}
}

func model(s *service) []string {
	return []string{"OPENAI_BASE_URL=" + s.URL + "/v1", "OPENAI_API_KEY=" + openaiKey, "AGENTFACTORY_MODEL=some-model"}
}
