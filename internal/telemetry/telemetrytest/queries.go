package telemetrytest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

// Series are the label names of what a worker exports, by the name of the sample.
type Series map[string][]string

var sampleLine = regexp.MustCompile(`^([a-z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? `)

// Scrape reads metrics in Prometheus' text format from their handler.
func Scrape(t testing.TB, h http.Handler) Series {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	found := Series{}
	for _, line := range strings.Split(w.Body.String(), "\n") {
		if m := sampleLine.FindStringSubmatch(line); m != nil {
			found[m[1]] = labelNames(m[2])
		}
	}
	return found
}

var labelName = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="`)

func labelNames(labels string) []string {
	var names []string
	for _, m := range labelName.FindAllStringSubmatch(labels, -1) {
		names = append(names, m[1])
	}
	return names
}

// Query is one expression, and where it stands.
type Query struct{ Where, Expr string }

// Queries returns what the dashboard and the rules of docs/grafana ask for.
func Queries(t testing.TB) []Query {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	dir := filepath.Join(filepath.Dir(here), "../../../docs/grafana")
	queries := append(dashboard(t, filepath.Join(dir, "dashboard.json")), rules(t, filepath.Join(dir, "alerts.yaml"))...)
	require.NotEmpty(t, queries)
	return queries
}

func dashboard(t testing.TB, file string) []Query {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var board struct {
		Title  string `json:"title"`
		Panels []struct {
			ID      int    `json:"id"`
			Title   string `json:"title"`
			Type    string `json:"type"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	require.NoError(t, json.Unmarshal(data, &board), file)
	require.NotEmpty(t, board.Title)
	var queries []Query
	ids := map[int]bool{}
	for _, p := range board.Panels {
		require.False(t, ids[p.ID], "%s: two panels have the id %d", file, p.ID)
		ids[p.ID] = true
		require.True(t, p.Type == "row" || len(p.Targets) > 0, "%s: panel %q asks for nothing", file, p.Title)
		for _, target := range p.Targets {
			queries = append(queries, Query{"dashboard: " + p.Title, target.Expr})
		}
	}
	return queries
}

func rules(t testing.TB, file string) []Query {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var all struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	require.NoError(t, yaml.UnmarshalWithOptions(data, &all, yaml.Strict()), file)
	var queries []Query
	for _, g := range all.Groups {
		for _, r := range g.Rules {
			require.NotEmpty(t, r.Alert)
			require.NotEmpty(t, r.Labels["severity"], r.Alert)
			require.NotEmpty(t, r.Annotations["summary"], r.Alert)
			queries = append(queries, Query{"alert: " + r.Alert, r.Expr})
		}
	}
	return queries
}

var (
	selector = regexp.MustCompile(`\b((?:agentfactory|temporal|process|go)_[a-z0-9_]+)(?:\{([^}]*)\})?`)
	grouping = regexp.MustCompile(`\bby \(([^)]*)\)`)
	matcher  = regexp.MustCompile(`([a-z_]+)(?:=~|!~|!=|=)"`)
	givenBy  = []string{"job", "instance"} // by Prometheus, to every series
)

// Check tells what is wrong with a query: a metric or a label that is not exported, or brackets that do not match.
func (s Series) Check(t testing.TB, q Query) {
	t.Helper()
	require.True(t, balanced(q.Expr), "%s: brackets of %s", q.Where, q.Expr)
	asked := selector.FindAllStringSubmatch(q.Expr, -1)
	require.NotEmpty(t, asked, "%s asks for none of our metrics: %s", q.Where, q.Expr)
	known := slices.Clone(givenBy)
	for _, m := range asked {
		labels, exported := s[m[1]]
		require.True(t, exported, "%s: no worker exports %s", q.Where, m[1])
		for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
			require.Contains(t, append(slices.Clone(givenBy), labels...), l[1], "%s: label of %s", q.Where, m[1])
		}
		known = append(known, labels...)
	}
	for _, by := range grouping.FindAllStringSubmatch(q.Expr, -1) {
		for _, l := range strings.Split(by[1], ",") {
			require.Contains(t, known, strings.TrimSpace(l), "%s: grouped by", q.Where)
		}
	}
}

func balanced(expr string) bool {
	var open []rune
	closes := map[rune]rune{')': '(', '}': '{', ']': '['}
	for _, r := range expr {
		switch r {
		case '(', '{', '[':
			open = append(open, r)
		case ')', '}', ']':
			if len(open) == 0 || open[len(open)-1] != closes[r] {
				return false
			}
			open = open[:len(open)-1]
		}
	}
	return len(open) == 0
}
