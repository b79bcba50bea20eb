package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// underPolicies runs a benchmark without a policy and with one that has to be asked about every request.
func underPolicies(b *testing.B, run func(b *testing.B, set func(*Run))) {
	b.Run("no policy", func(b *testing.B) { run(b, func(*Run) {}) })
	b.Run("policy", func(b *testing.B) { run(b, readsOnly()) })
}

// BenchmarkWarmContext is a context in a browser that is there, with the proxy of its session.
func BenchmarkWarmContext(b *testing.B) {
	newSubagent(b, shared).do(navigate(blank))
	underPolicies(b, func(b *testing.B, set func(*Run)) {
		s, err := newSubagent(b, shared, set).tool.(*runTool).session("")
		require.NoError(b, err)
		require.NoError(b, s.openEgress())
		options, err := s.options()
		require.NoError(b, err)
		for b.Loop() {
			e, c, err := shared.newContext(b.Context(), options)
			require.NoError(b, err)
			require.NoError(b, s.guard.watch(c))
			b.StopTimer()
			shared.release(e, c)
			b.StartTimer()
		}
	})
}

// BenchmarkFirstPage is what a run waits for its first page: proxy, context, tab, empty page and reply.
func BenchmarkFirstPage(b *testing.B) {
	newSubagent(b, shared).do(navigate(blank))
	for b.Loop() {
		s := newSubagent(b, shared, readsOnly())
		s.do(navigate(blank))
		b.StopTimer()
		s.end()
		b.StartTimer()
	}
}

// BenchmarkActions is a page, a click and a text in a session that is open.
func BenchmarkActions(b *testing.B) {
	at := pageOf(b, "<title>x</title><button>Go</button>")
	underPolicies(b, func(b *testing.B, set func(*Run)) {
		s := newSubagent(b, shared, set)
		for b.Loop() {
			reply := s.do(navigate(at), click("button", "Go"), fields{"action": "text"})
			require.Equal(b, "Go", *last(reply).Text)
		}
	})
}

// BenchmarkHeavyPage is a page with 50 pictures, none of which comes from a cache: what a request costs that is judged.
func BenchmarkHeavyPage(b *testing.B) {
	var body strings.Builder
	for i := range 50 {
		fmt.Fprintf(&body, "<img src=/%d.svg>", i)
	}
	at := pageOf(b, "<title>x</title>"+body.String())
	underPolicies(b, func(b *testing.B, set func(*Run)) {
		s := newSubagent(b, shared, set, func(r *Run) { r.AllowEval = true })
		for b.Loop() {
			loaded := s.do(navigate(at), fields{"action": "eval", "script": "document.readyState == 'complete' || new Promise(done => onload = () => done(true))"})
			require.Equal(b, true, last(loaded).Value)
		}
	})
}

// pageOf serves a page, and a picture at every other path.
func pageOf(b *testing.B, html string) string {
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte(html))
			return
		}
		w.Header().Set("Content-Type", "image/svg+xml")
		w.Header().Set("Cache-Control", "no-store")
		w.Write([]byte(`<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>`))
	}))
	b.Cleanup(at.Close)
	return at.URL
}
