package e2e

import (
	"bytes"
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/browser/browsertest"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/workflows"
)

// shopRules let the browser alone reach this machine; forms may be sent.
const shopRules = `version: 1
extends: default
rules:
  - {name: the-shop, trigger: host, when: 'tool == "browser_automation" && host == "127.0.0.1" && method in ["GET", "POST"]', action: allow}
`

// browsing is a stack whose model writes subagents that use the browser, and a shop that counts its visits.
type browsing struct {
	*stack
	shop   *httptest.Server
	visits atomic.Int64
	starts string // file to which each start of Chromium adds a line
}

func newBrowsing(t *testing.T) *browsing {
	script, err := os.ReadFile("testdata/browser.yaml")
	require.NoError(t, err)
	b := &browsing{stack: newStack(t, string(script)), starts: filepath.Join(t.TempDir(), "starts")}
	pages := browsertest.Site(t).Config.Handler
	b.shop = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.visits.Add(1)
		pages.ServeHTTP(w, r)
	}))
	t.Cleanup(b.shop.Close)
	b.policy = filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(b.policy, []byte(shopRules), 0o600))
	return b
}

// browserWorker runs a worker whose Chromium is counted.
func (b *browsing) browserWorker() (stop func()) {
	counting := filepath.Join(b.t.TempDir(), "chromium")
	command := fmt.Sprintf("#!/bin/sh\necho started >>'%s'\nexec '%s' \"$@\"\n", b.starts, program(b.t, chromium))
	require.NoError(b.t, os.WriteFile(counting, []byte(command), 0o755))
	return b.workerWith(nil, "PLAYWRIGHT_DRIVER_PATH="+playwrightDriver.find(b.t), "AGENTFACTORY_CHROMIUM="+counting)
}

// program is where a required program is.
func program(t testing.TB, r requirement) string {
	path, err := exec.LookPath(r.find(t))
	require.NoError(t, err)
	return path
}

// chromiumStarts is how often the browser was started.
func (b *browsing) chromiumStarts() int {
	text, err := os.ReadFile(b.starts)
	if !os.IsNotExist(err) {
		require.NoError(b.t, err)
	}
	return bytes.Count(text, []byte("started"))
}

// left reads a file that a run has left. With KEEP_SCREENSHOTS=DIR it is put there too, for people to look at.
func (b *browsing) left(res run.Result, path string) []byte {
	b.t.Helper()
	for _, f := range res.Files {
		if f.Path != path {
			continue
		}
		object, err := b.objects.Get(b.t.Context(), f.Key)
		require.NoError(b.t, err)
		if dir := os.Getenv("KEEP_SCREENSHOTS"); dir != "" {
			require.NoError(b.t, os.WriteFile(filepath.Join(dir, filepath.Base(path)), object.Body, 0o644))
		}
		return object.Body
	}
	require.Fail(b.t, "no such file", "%s is not among %v", path, res.Files)
	return nil
}

func (b *browsing) picture(res run.Result, path string) {
	b.t.Helper()
	shown, err := png.Decode(bytes.NewReader(b.left(res, path)))
	require.NoError(b.t, err)
	require.Equal(b.t, 1280, shown.Bounds().Dx())
}

const toured = "login: Hello ada; form: Thanks, Ada: 3 of t, gift yes; list: 3; dialog: accepted true; " +
	"download: ['1', '2']; upload: Got wish.txt with \"roses\"; away: denied; picture: PNG"

// A subagent in Python goes through a whole site in the browser. What it was answered is kept with its case, its files
// too: the rerun in a clean workspace and the gate of a later version need neither the site nor a browser.
func TestASubagentGoesThroughASiteAndItsCaseReplaysWithoutTheBrowser(t *testing.T) {
	t.Parallel()
	b := newBrowsing(t)
	stop := b.browserWorker()
	res := b.solve(workflows.InstallInput{Task: "Visit the shop at " + b.shop.URL})
	require.Equal(t, toured, res.Answer, b.dump(res.Transcript))
	require.Len(t, res.Skills, 1, b.dump(res.Transcript))
	require.Equal(t, 1, b.chromiumStarts())
	b.picture(res, "shots/form.png")
	b.picture(res, "shots/shop.png")
	require.Equal(t, "a,b\n1,2\n", string(b.left(res, "downloads/_.._report.csv")))
	version, err := b.skills.Version(t.Context(), "shop-tour", 1)
	require.NoError(t, err)
	require.Equal(t, []string{"browser_automation"}, version.Permissions.Tools)
	stop()
	b.shop.Close()
	visits := b.visits.Load()

	b.browserWorker()
	res = b.solve(workflows.InstallInput{Task: "Explain the tour"})
	require.Equal(t, run.Evolved, res.Decision.Choice)
	reports, err := b.skills.GateReports(t.Context(), "shop-tour")
	require.NoError(t, err)
	require.Equal(t, skill.GatePassed, reports[0].Verdict)
	require.Empty(t, reports[0].Inconclusive)
	require.Equal(t, 1, b.chromiumStarts(), "a replayed call starts no browser")
	require.Equal(t, visits, b.visits.Load(), "and asks the network nothing")
}

// The goal of a subagent is pursued by the model, and what that costs counts.
func TestASubagentLeavesAGoalToTheModel(t *testing.T) {
	t.Parallel()
	b := newBrowsing(t)
	b.browserWorker()
	res := b.solve(workflows.InstallInput{Task: "Order tulips at " + b.shop.URL})
	require.Equal(t, "Grace ordered 2 tulips, 4 steps", res.Answer, b.dump(res.Transcript))
	require.NotZero(t, res.Usage.SubagentOutputTokens)
}
