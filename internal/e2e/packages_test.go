package e2e

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/run"
	"agentfactory/internal/sandbox"
	"agentfactory/internal/skill"
	"agentfactory/workflows"
)

// charting is a model whose subagent draws what it fetches. Later it draws again with what is installed, and finally wants
// a package that is not.
const charting = `
conversations:
  - name: without
    when: {user: write a table}
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: table-writer
              code: |
                # /// script
                # dependencies = ["tabulate==0.9.0"]
                # ///
                import tabulate
                def main(query):
                    return {"answer": tabulate.tabulate([[query]]), "summary": "wrote a table"}
              query: x
      - when: '/(?s)tabulate==0.9.0.*not installed on this worker.*index.*127.0.0.1:9.*AGENTFACTORY_PACKAGE_INDEX/'
        calls: [{name: finish, arguments: {answer: 'no table: tabulate is missing here'}}]
  - name: again
    when: {user: /(?s)chart.*sales-chart:/}
    turns:
      - calls: [{name: run_subagent, arguments: {skill_name: sales-chart, query: %[1]q}}]
      - calls: [{name: finish, arguments: {answer: 'in all {{.Find "answer: (\\d+)"}}'}}]
  - name: first
    when: {user: chart}
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: sales-chart
              skills: [web_reading]
              code: |
                # /// script
                # dependencies = ["pandas", "matplotlib", "requests"]
                # ///
                import io
                import matplotlib.pyplot as plt
                import pandas, requests
                from tools import web_reading
                def main(query):
                    title = web_reading(query + "/about.txt")
                    reply = requests.get(query + "/sales.csv", timeout=20)
                    reply.raise_for_status()
                    sales = pandas.read_csv(io.StringIO(reply.text), index_col="month")
                    sales.plot.bar(title=title, rot=0)
                    plt.tight_layout()
                    plt.savefig("chart.png", dpi=100)
                    return {"answer": str(sales.to_numpy().sum()), "summary": "drew chart.png"}
              query: %[1]q
      - calls:
          - name: finish
            arguments:
              answer: 'in all {{.Find "answer: (\\d+)"}}'
              subagents: [{entry_file: subagent.py, description: Draws a bar chart of the sales at the URL that query is.}]
`

// sales is an intranet's service, at an address that only private_hosts and a rule open.
type sales struct {
	mu     sync.Mutex
	agents map[string]string // who asked for a path, by its User-Agent
}

func (s *sales) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.agents[r.URL.Path] = r.UserAgent()
	s.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain")
	if r.URL.Path == "/about.txt" {
		fmt.Fprint(w, "Sales of the year")
		return
	}
	table := csv.NewWriter(w)
	_ = table.Write([]string{"month", "north", "south"})
	for i, month := range []string{"Jan", "Feb", "Mar", "Apr"} {
		_ = table.Write([]string{month, strconv.Itoa(10 + 3*i), strconv.Itoa(20 - 2*i)})
	}
	table.Flush()
}

func (s *sales) asker(path string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.agents[path]
}

const salesSum = "126" // 58 in the north and 68 in the south

// keptPackages is a directory of this machine for the packages of all runs of these tests.
func keptPackages(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil || os.MkdirAll(cache, 0o755) != nil || sandbox.Readable(cache) != nil {
		cache = "/var/tmp"
	}
	return filepath.Join(cache, fmt.Sprintf("agentfactory-test-%d", os.Getuid()), "packages")
}

// A subagent that charts what it fetches is built on one worker. Another one without an index runs it with the packages
// that are there, and says which are not.
func TestAChartIsDrawnWithPackagesAlsoWhereThereIsNoIndex(t *testing.T) {
	t.Parallel()
	service := &sales{agents: map[string]string{}}
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	s := newStack(t, fmt.Sprintf(charting, server.URL))
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(policy, []byte(`version: 1
extends: default
rules:
  - {name: read-sales, trigger: host, when: 'host == "127.0.0.1" && method == "GET"', action: allow}
`), 0o600))
	settings := fmt.Sprintf("policy: {file: %s}\ntools: {private_hosts: [127.0.0.1]}\npackages: {dir: %s}\n", policy, keptPackages(t))
	s.configuration = settings
	connected := s.worker()

	res := s.install(workflows.InstallInput{Task: "chart the sales"})
	require.Equal(t, "in all "+salesSum, res.Answer, s.dump(res.Transcript))
	require.Contains(t, service.asker("/sales.csv"), "python-requests/")
	require.NotEmpty(t, service.asker("/about.txt"))
	version, err := s.skills.Version(t.Context(), "sales-chart", 1)
	require.NoError(t, err)
	require.Equal(t, &skill.Permissions{Tools: []string{"web_reading"}, Hosts: []string{"127.0.0.1"}, Packages: []string{"matplotlib", "pandas", "requests"}}, version.Permissions)
	s.requirePNG(t, res)
	connected.kill()

	s.configuration = strings.Replace(settings, "packages: {", "packages: {index_url: 'http://reader:index-login@127.0.0.1:9/simple', ", 1)
	offline := s.worker()
	res = s.install(workflows.InstallInput{Task: "chart the sales once more"})
	require.Equal(t, "in all "+salesSum, res.Answer, s.dump(res.Transcript))
	require.Equal(t, 2, res.Turns)
	s.requirePNG(t, res)
	res = s.install(workflows.InstallInput{Task: "write a table"})
	require.Equal(t, "no table: tabulate is missing here", res.Answer, s.dump(res.Transcript))
	require.NotContains(t, s.dump(res.Transcript)+offline.out.String(), "index-login")
}

// requirePNG looks at the chart among the files of a run; AGENTFACTORY_TEST_CHART names a file to which it is copied for
// people.
func (s *stack) requirePNG(t *testing.T, res run.Result) {
	t.Helper()
	require.Equal(t, "chart.png", res.Files[0].Path)
	object, err := s.objects.Get(t.Context(), res.Files[0].Key)
	require.NoError(t, err)
	chart := object.Body
	require.Equal(t, "image/png", http.DetectContentType(chart))
	require.Greater(t, len(chart), 5_000, "bars and text take more")
	if file := os.Getenv("AGENTFACTORY_TEST_CHART"); file != "" {
		require.NoError(t, os.WriteFile(file, chart, 0o600))
	}
}
