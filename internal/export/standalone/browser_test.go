package standalone_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/browser"
	"agentfactory/internal/browser/browsertest"
	"agentfactory/internal/gateway"
	"agentfactory/internal/netguard"
)

// playwright is an interpreter with Playwright for Python, of the version whose driver the factory uses, and the directory
// of that driver. It is installed once for a user.
func playwright(t testing.TB) (python, driver string) {
	t.Helper()
	if _, err := browserExecutable(); err != nil {
		missing(t, err)
	}
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	dir := filepath.Join(cache, "agentfactory-test", "playwright-python-"+browser.Version)
	python = filepath.Join(dir, "bin", "python")
	if exec.Command(python, "-c", "import playwright, pypdf").Run() != nil {
		install(t, dir)
	}
	found, err := exec.Command(python, "-c", "import os, playwright; print(os.path.dirname(playwright.__file__))").Output()
	require.NoError(t, err)
	return python, filepath.Join(strings.TrimSpace(string(found)), "driver")
}

func browserExecutable() (string, error) {
	if path := os.Getenv("AGENTFACTORY_TEST_CHROMIUM"); path != "" {
		return path, nil
	}
	return exec.LookPath("chromium")
}

// install makes the virtual environment.
func install(t testing.TB, dir string) {
	t.Helper()
	require.NoError(t, os.RemoveAll(dir))
	for _, args := range [][]string{
		{systemPython(t), "-m", "venv", dir},
		{filepath.Join(dir, "bin", "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "playwright==" + browser.Version, "pypdf==7.1.0"},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			os.RemoveAll(dir)
			missing(t, fmt.Errorf("%v: %w: %s", args, err, out))
		}
	}
}

// page is one of the site's, as an expression of a request.
func page(path string) string { return `{"action": "navigate", "url": "SITE` + path + `"}` }

// story are requests of one run. Both systems give the same replies to them, snapshots included.
var story = []string{
	`{"actions": [{"action": "click", "text": "x"}]}`,
	`{"actions": [` + page("/form") + `, {"action": "snapshot"},
		{"action": "fill", "fields": [{"label": "Name", "value": "Ada"}, {"label": "Count", "value": "3"}]},
		{"action": "select", "label": "Article", "values": ["Tulip"]}, {"action": "check", "label": "Gift"},
		{"action": "click", "role": "button", "name": "Send"}, {"action": "text"}]}`,
	`{"actions": [` + page("/login") + `, {"action": "type", "label": "User", "value": "ada", "submit": true}, {"action": "wait", "text": "Hello ada"}, {"action": "wait", "url": "private"}]}`,
	`{"actions": [{"action": "close"}, ` + page("/private") + `]}`,
	`{"actions": [` + page("/") + `, {"action": "find", "query": "LINK order"}, {"action": "click", "ref": "e999"}]}`,
	`{"actions": [{"action": "find", "query": "order"}, {"action": "find", "query": "nothing like that"}, {"action": "click", "role": "link", "name": "Order"}, {"action": "wait", "label": "Name"}]}`,
	`{"actions": [` + page("/frame") + `, {"action": "wait", "label": "Card", "frame": "#pay"}, {"action": "fill", "label": "Card", "frame": "#pay", "value": "4711"},
		{"action": "click", "role": "button", "name": "Pay", "frame": "#pay"}, {"action": "wait", "text": "paid with 4711", "frame": "#pay"}, {"action": "snapshot"}]}`,
	`{"actions": [` + page("/list") + `, {"action": "click", "role": "button", "name": "More"}, {"action": "wait", "text": "Item 3"}, {"action": "find", "query": "button item"}, {"action": "wait", "text": "Item 3", "gone": true, "timeout_ms": 200}]}`,
	`{"actions": [` + page("/dialog") + `, {"action": "click", "role": "button", "name": "Save"}, {"action": "click", "role": "button", "name": "Remove"}, {"action": "text", "css": "#out"}]}`,
	`{"actions": [{"action": "click", "role": "button", "name": "Remove", "dialog": "accept"}, {"action": "text", "css": "#out"},
		{"action": "click", "role": "button", "name": "Rename", "dialog": "accept", "prompt": "Grace"}, {"action": "text", "css": "#out"}]}`,
	`{"actions": [` + page("/") + `, {"action": "download", "text": "Report"}, {"action": "download", "url": "SITE/report.csv", "path": "data/r.csv"}, {"action": "download", "text": "Report"}]}`,
	`{"actions": [{"action": "click", "text": "Report"}, {"action": "wait", "ms": 1000}]}`,
	`{"actions": [{"action": "download", "text": "Report", "path": "../r.csv"}]}`,
	`{"actions": [` + page("/uploads") + `, {"action": "upload", "label": "File", "paths": ["notes.txt"]}, {"action": "click", "role": "button", "name": "Send"}, {"action": "text"}]}`,
	`{"actions": [` + page("/uploads") + `, {"action": "upload", "role": "button", "name": "Choose", "paths": ["./notes.txt"]}, {"action": "wait", "text": "notes.txt"}]}`,
	`{"actions": [` + page("/uploads") + `, {"action": "upload", "label": "File", "paths": ["/etc/passwd"]}]}`,
	`{"actions": [` + page("/form") + `, {"action": "screenshot", "role": "button", "name": "Send", "path": "shots/b.png"}, {"action": "screenshot"}, {"action": "screenshot", "full": true}]}`,
	`{"actions": [{"action": "screenshot", "path": "out/x.png"}]}`,
	`{"actions": [` + page("/") + `, {"action": "click", "role": "link", "name": "Account"}, {"action": "wait", "ms": 500}, {"action": "tab"}]}`,
	`{"actions": [{"action": "tab", "index": 1}]}`,
	`{"actions": [{"action": "tab", "close": 1}, {"action": "tab", "open": "SITE/list"}, {"action": "tab", "close": 0}, {"action": "tab", "index": 7}]}`,
	`{"actions": [` + page("/long") + `, {"action": "text"}, {"action": "text", "max_bytes": 100}, {"action": "snapshot", "max_bytes": 500}, {"action": "find", "query": "line"}]}`,
	`{"actions": [` + page("/form") + `, {"action": "click", "role": "button", "name": "Buy", "timeout_ms": 300}]}`,
	`{"actions": [` + page("/twins") + `, {"action": "click", "text": "Same", "nth": 1}, {"action": "click", "text": "Same"}]}`,
	`{"actions": [` + page("/twins") + `, {"action": "click", "text": "Off", "timeout_ms": 500}]}`,
	`{"actions": [` + page("/form") + `, {"action": "select", "label": "Article", "values": ["Oak"], "timeout_ms": 1500}]}`,
	`{"actions": [{"action": "fill", "timeout_ms": 300, "fields": [{"label": "Colour", "value": "x"}]}]}`,
	`{"actions": [{"action": "download", "label": "Name", "timeout_ms": 1000}]}`,
	`{"actions": [{"action": "eval", "script": "document.querySelectorAll('input').length"}, {"action": "eval", "css": "button", "script": "async e => ({name: e.textContent})"},
		{"action": "eval", "script": "'x'.repeat(70000)"}, {"action": "eval", "script": "undefined"}, {"action": "eval", "script": "nope()"}]}`,
	`{"actions": [{"action": "press", "label": "Name", "key": "A"}, {"action": "press", "key": "b"}, {"action": "eval", "script": "document.querySelector('input').value"}]}`,
	`{"actions": [{"action": "navigate", "url": "DOWN"}]}`,
	// What is wrong in itself.
	`{}`,
	`{"actions": [{"action": "clikc", "ref": "e1"}]}`,
	`{"actions": [{"action": "teleport"}]}`,
	`{"actions": [{"action": "click"}]}`,
	`{"actions": [{"action": "click", "ref": "e1", "text": "x"}]}`,
	`{"actions": [{"action": "click", "ref": "12"}]}`,
	`{"actions": [{"action": "click", "lable": "x"}]}`,
	`{"actions": [{"action": "fill", "label": "x"}]}`,
	`{"actions": [{"action": "fill", "fields": [{"label": "x"}]}]}`,
	`{"actions": [{"action": "wait"}]}`,
	`{"actions": [{"action": "wait", "ms": 99999}]}`,
	`{"actions": [{"action": "navigate"}]}`,
	`{"actions": [{"action": "navigate", "url": "example.com"}]}`,
	`{"actions": [{"action": "navigate", "url": "file:///etc/passwd"}]}`,
	`{"actions": [{"action": "click", "text": "x", "dialog": "ok"}]}`,
	`{"actions": [{"action": "click", "text": "x", "prompt": "ok"}]}`,
	`{"actions": [{"action": "tab", "open": "http://a/", "index": 1}]}`,
	`{"actions": [{"action": "text"}], "goal": "x"}`,
	`{"actions": [{"action": "text"}], "max_steps": 3}`,
	`{"goal": "x", "max_steps": 51}`,
	`{"gaol": "x"}`,
}

func TestTheBrowserGivesTheSameInTheFactoryAndInAnExport(t *testing.T) {
	python, driver := playwright(t)
	t.Setenv("AGENTFACTORY_TEST_STANDALONE_PYTHON", python)
	site, down := browsertest.Site(t), httptest.NewServer(nil)
	down.Close()
	requests := make([]string, len(story))
	for i, r := range story {
		requests[i] = strings.NewReplacer("SITE", site.URL, "DOWN", down.URL).Replace(r)
	}
	inside, outside := t.TempDir(), export(t, nil)
	for _, dir := range []string{inside, outside} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("hi"), 0o644))
		require.NoError(t, os.Symlink(t.TempDir(), filepath.Join(dir, "out")))
	}
	want := factoryBrowser(t, inside, driver, requests)
	got := tryBrowser(t, outside, "AGENTFACTORY_ALLOW_PRIVATE=1", requests...)
	for i := range requests {
		forget(want[i].Value)
		forget(got[i].Value)
		assert.Equal(t, want[i].Code+want[i].Message, got[i].Code+got[i].Message, requests[i])
		assert.Equal(t, want[i].Value, got[i].Value, requests[i])
	}
	require.Equal(t, files(t, inside), files(t, outside))
}

// forget removes from a reply what differs between the systems without need: how Playwright writes locators in the two
// languages, what is said of folders, and what Chromium itself looks for on the internet.
func forget(value any) {
	reply, ok := value.(map[string]any)
	if !ok {
		return
	}
	if failure, ok := reply["error"].(map[string]any); ok {
		said, _, _ := strings.Cut(failure["message"].(string), " (")
		failure["message"] = wording.ReplaceAllString(said, "")
	}
	notes, _ := reply["notes"].([]any)
	notes = slices.DeleteFunc(notes, func(note any) bool {
		return strings.Contains(note.(string), "google") || strings.Contains(note.(string), "favicon")
	})
	if delete(reply, "notes"); len(notes) > 0 {
		reply["notes"] = notes
	}
}

var wording = regexp.MustCompile(`locator\(.*|playwright: timeout: |make the folder of .*|"out/x.png" leads out.*`)

// factoryBrowser carries requests out in the factory, as one run.
func factoryBrowser(t *testing.T, workspace, driver string, requests []string) []outcome {
	t.Helper()
	executable, err := browserExecutable()
	require.NoError(t, err)
	pool := browser.New(browser.Config{
		Places: browser.Places{Driver: driver, Executable: executable, StateDir: t.TempDir()},
		Dial:   netguard.Dialer(func(netip.Addr) bool { return true }).DialContext,
	})
	defer pool.Close()
	tool, end := pool.ForRun(browser.Run{Workspace: workspace, AllowEval: true})
	defer end()
	var found []outcome
	for _, r := range requests {
		reply, err := tool.Call(t.Context(), gateway.ToolRequest{Tool: "browser_automation", Body: json.RawMessage(r)})
		if err != nil {
			refused, ok := err.(*gateway.Error)
			require.True(t, ok, "%s: %v", r, err)
			found = append(found, outcome{Code: string(refused.Code), Message: refused.Message})
			continue
		}
		var value any
		require.NoError(t, json.Unmarshal(reply.Body, &value))
		found = append(found, outcome{Value: value})
	}
	return found
}

// tryBrowser carries requests out in an export, in one process.
func tryBrowser(t testing.TB, dir, env string, requests ...string) []outcome {
	t.Helper()
	executable, err := browserExecutable()
	require.NoError(t, err)
	expressions := make([]string, len(requests))
	for i, r := range requests {
		expressions[i] = "browser_automation(**json.loads(" + strconv.Quote(r) + "))"
	}
	return try(t, dir, []string{"AGENTFACTORY_CHROMIUM=" + executable, "AGENTFACTORY_ALLOW_EVAL=1", env}, expressions...)
}

// files are those that a browser has left, with their sizes; of pictures that there are some.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Ext(path) == ".py" {
			return err
		}
		data, err := os.ReadFile(path)
		if filepath.Ext(path) == ".png" {
			data = data[:8]
		}
		name, _ := filepath.Rel(dir, path)
		found[name] = string(data)
		return err
	}))
	return found
}

func TestTheBrowserReachesNoPrivateAddress(t *testing.T) {
	python, _ := playwright(t)
	t.Setenv("AGENTFACTORY_TEST_STANDALONE_PYTHON", python)
	site := browsertest.Site(t)
	got := tryBrowser(t, export(t, nil), "X=", `{"actions": [{"action": "navigate", "url": "`+site.URL+`/form"}]}`,
		`{"actions": [{"action": "navigate", "url": "https://127.0.0.1:8443/"}]}`)
	for _, o := range got {
		failure := o.Value.(map[string]any)["error"].(map[string]any)
		require.Equal(t, "denied", failure["code"], failure)
		require.Contains(t, failure["message"], "127.0.0.1 is not a public address")
	}

	dir := export(t, map[string]string{"sitecustomize.py": loopbackAlone})
	got = tryBrowser(t, dir, "PYTHONPATH="+dir, `{"actions": [{"action": "navigate", "url": "`+site.URL+`/fetch"}, {"action": "wait", "ms": 500}]}`,
		`{"actions": [{"action": "navigate", "url": "`+site.URL+`/redirect?to=http://10.0.0.1/"}]}`)
	notes := fmt.Sprint(got[0].Value.(map[string]any)["notes"])
	require.Contains(t, notes, "no answer from http://10.0.0.1/x: 10.0.0.1 is not a public address")
	require.Contains(t, notes, "no answer from http://169.254.169.254/latest/")
	failure := got[1].Value.(map[string]any)["error"].(map[string]any)
	require.Equal(t, "denied", failure["code"], failure)
}

// loopbackAlone lets a test read pages from its own servers, at 127.0.0.1 and nowhere else.
const loopbackAlone = `
import _addresses
_addresses.judge = lambda: lambda address: address == "127.0.0.1" or _addresses.public(address)
`

func TestAGoalIsPursuedByTheModel(t *testing.T) {
	python, _ := playwright(t)
	t.Setenv("AGENTFACTORY_TEST_STANDALONE_PYTHON", python)
	site := browsertest.Site(t)
	says := []string{
		"I open the form first.\n```json\n{\"action\": \"click\", \"role\": \"link\", \"name\": \"Order\"}\n```", "click the button",
		`{"action":"clikc","ref":"e1"}`, `{"action":"close"}`, `{"action":"click","css":"#no","timeout_ms":300}`, `{"action":"fill","label":"Name","value":"Ada"}`,
		`{"action":"click","role":"button","name":"Send"}`, `{"action":"text"}`, `{"done":"the order of Ada was taken"}`,
	}
	var n int
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := json.Marshal(says[min(n, len(says)-1)])
		n++
		reply(w, false, `"content": `+string(text))
	})
	executable, err := browserExecutable()
	require.NoError(t, err)
	env := append(model(server), "AGENTFACTORY_CHROMIUM="+executable, "AGENTFACTORY_ALLOW_PRIVATE=1")
	got := try(t, export(t, nil), env, `browser_automation(goal="order roses", url="`+site.URL+`")`, `browser_automation(goal="x", max_steps=0)`, `browser_automation(goal="y", max_steps=1)`)
	first := got[0].Value.(map[string]any)
	require.Equal(t, "the order of Ada was taken", first["answer"])
	require.EqualValues(t, 9, first["steps"])
	require.NotContains(t, first, "error")
	require.Len(t, first["results"], 6)
	var prompts []string
	for _, r := range server.asked() {
		prompts = append(prompts, r.Body)
	}
	require.Contains(t, prompts[0], "Goal: order roses")
	require.Contains(t, prompts[0], `link \"Order\"`)
	require.Contains(t, prompts[2], "not one JSON object")
	require.Contains(t, prompts[3], `did you mean \"click\"?`)
	require.Contains(t, prompts[4], "close is not available")
	require.Contains(t, prompts[5], "error not_found")
	require.Contains(t, prompts[8], "Thanks, Ada")
	require.Contains(t, prompts[0], `"max_completion_tokens": 1500`)
}
