package browser

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkWarmContext is what a run pays for its first page: a context and a tab in a browser that is there.
func BenchmarkWarmContext(b *testing.B) {
	warm := newSubagent(b, shared)
	warm.do(navigate(blank))
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
