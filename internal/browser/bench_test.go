package browser

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkWarmContext is a context in a browser that is there, with the proxy of its session.
func BenchmarkWarmContext(b *testing.B) {
	newSubagent(b, shared).do(navigate(blank))
	tool, end := shared.ForRun(Run{Workspace: b.TempDir()})
	defer end()
	s := newSession(tool.(*runTool), "")
	defer s.end()
	require.NoError(b, s.openEgress())
	options, err := s.options()
	require.NoError(b, err)
	for b.Loop() {
		e, c, err := shared.newContext(b.Context(), options)
		require.NoError(b, err)
		b.StopTimer()
		shared.release(e, c)
		b.StartTimer()
	}
}

// BenchmarkFirstPage is what a run waits for its first page: proxy, context, tab, empty page and reply.
func BenchmarkFirstPage(b *testing.B) {
	newSubagent(b, shared).do(navigate(blank))
	for b.Loop() {
		s := newSubagent(b, shared)
		s.do(navigate(blank))
		b.StopTimer()
		s.end()
		b.StartTimer()
	}
}

// BenchmarkActions is a page, a click and a text in a session that is open.
func BenchmarkActions(b *testing.B) {
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<title>x</title><button>Go</button>"))
	}))
	defer at.Close()
	s := newSubagent(b, shared)
	for b.Loop() {
		reply := s.do(navigate(at.URL), click("button", "Go"), fields{"action": "text"})
		require.Equal(b, "Go", *last(reply).Text)
	}
}
