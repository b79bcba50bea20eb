package batches

import (
	"context"
	"encoding/json"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/browser"
	"agentfactory/internal/checking"
	"agentfactory/internal/egress"
	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/gateway"
	"agentfactory/internal/netguard"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/offlinesite"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/pyruntime/pyruntimetest"
	"agentfactory/internal/sandbox"
	"agentfactory/internal/web"
)

// bench runs solutions as workers run subagents: in the sandbox, with the tools behind a gateway and the site on board.
type bench struct {
	python *pyruntime.Runtime
	tools  map[string]gateway.Tool
	bucket objectstore.Store
}

var benchLimits = sandbox.Limits{Wall: 60 * time.Second, CPU: 20 * time.Second, Memory: 512 << 20, Processes: 64, Output: 64 << 10, FileSize: 32 << 20, Disk: 64 << 20}

func missing(t testing.TB, err error) {
	t.Helper()
	if err != nil && os.Getenv("AGENTFACTORY_TEST_REQUIRE") != "all" {
		t.Skip(err)
	}
	require.NoError(t, err)
}

func newBench(t testing.TB) *bench {
	t.Helper()
	rt, dir := pyruntimetest.New(t, sandbox.Namespaced), t.TempDir()
	places := browser.Places{Driver: os.Getenv("AGENTFACTORY_TEST_PLAYWRIGHT"), Executable: os.Getenv("AGENTFACTORY_TEST_CHROMIUM"), StateDir: dir}
	_, err := browser.Find(t.Context(), places)
	missing(t, err)
	dial := offlinesite.Dialer(netguard.Dialer(nil).DialContext)
	pool := browser.New(browser.Config{Places: places, Sessions: browser.OpenSessions(dir, ""), Dial: dial})
	t.Cleanup(pool.Close)
	return &bench{python: rt, bucket: s3test.Bucket(t), tools: map[string]gateway.Tool{
		"web_reading":        web.NewReading(web.ReadingConfig{Dial: dial}),
		"browser_automation": pool.PerRun(func(gateway.Run) browser.Run { return browser.Run{} }),
	}}
}

// place makes a workspace of files.
func (b *bench) place(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir, err := os.MkdirTemp(b.python.WorkDir(), "batches-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	for name, content := range files {
		full := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, content, 0o644))
	}
	return dir
}

// run carries out a subagent beside the inputs, and returns what it answered with the files that it left.
func (b *bench) run(t testing.TB, code, query string, tools []string, inputs map[string][]byte) (checking.Output, pyruntime.Result) {
	t.Helper()
	dir := b.place(t, inputs)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "subagent.py"), []byte(code), 0o644))
	prefix := "runs/w/" + strings.NewReplacer("/", "-", ".", "-").Replace(filepath.Base(dir)) + "/journal/000001"
	session, err := gateway.New(gateway.Config{Granted: tools, Tools: b.tools, Journal: gateway.NewJournal(b.bucket, prefix), Workspace: dir})
	require.NoError(t, err)
	proxy, err := egress.New(egress.Config{Allow: onlyReading, Dial: offlinesite.Dialer(netguard.Dialer(nil).DialContext)})
	require.NoError(t, err)
	res, err := b.python.Run(t.Context(), pyruntime.Call{
		Workspace: dir, Entry: "subagent.py", Query: query, Gateway: session, Token: session.Token(), Granted: session.Granted(),
		Egress: proxy, CA: proxy.CACert(), Limits: benchLimits,
	})
	require.NoError(t, err)
	require.NoError(t, session.Close())
	_, err = proxy.Close()
	require.NoError(t, err)
	return checking.Output{Answer: res.Answer, Files: b.left(t, dir, inputs)}, res
}

func onlyReading(_ context.Context, r egress.Request) error {
	if r.Method != http.MethodGet {
		return gateway.Errorf(gateway.Denied, "only reading is allowed")
	}
	return nil
}

// left are the files of a workspace that are neither inputs nor the subagent.
func (b *bench) left(t testing.TB, dir string, inputs map[string][]byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	require.NoError(t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		below, err := filepath.Rel(dir, name)
		if _, input := inputs[below]; err != nil || input || below == "subagent.py" || strings.HasPrefix(below, ".tmp") {
			return err
		}
		files[below], err = os.ReadFile(name)
		return err
	}))
	return files
}

// check judges an output by a task's script, as an evaluation does; the failure is nil if it passes.
func (b *bench) check(t testing.TB, script, task string, o checking.Output) *pyruntime.Failure {
	t.Helper()
	files := maps.Clone(o.Files)
	if files == nil {
		files = map[string][]byte{}
	}
	files[checking.EntryFile], files[checking.ScriptFile] = []byte(checking.Runner()), []byte(script)
	order, err := json.Marshal(map[string]string{"query": task, "answer": o.Answer})
	require.NoError(t, err)
	res, err := b.python.Run(t.Context(), pyruntime.Call{Workspace: b.place(t, files), Entry: checking.EntryFile, Query: string(order), Limits: benchLimits})
	require.NoError(t, err)
	return res.Failure
}

// judge applies a check to many outputs in one run, and tells what it raises of each.
const judge = `
import json, os
from script import check

def main(query):
    said = {}
    for name, order in json.loads(query).items():
        os.chdir(name)
        try:
            check(order["query"], order["answer"])
            said[name] = ""
        except Exception as e:
            said[name] = type(e).__name__ + ": " + str(e)
        os.chdir("..")
    return {"answer": said, "summary": "judged"}
`

// checkAll tells what a script says of each output; "" if it passes.
func (b *bench) checkAll(t testing.TB, script, task string, outputs map[string]checking.Output) (said map[string]string) {
	t.Helper()
	files, orders := map[string][]byte{"judge.py": []byte(judge), "script.py": []byte(script)}, map[string]map[string]string{}
	for name, o := range outputs {
		orders[name] = map[string]string{"query": task, "answer": o.Answer}
		files[name+"/.keep"] = nil
		for file, content := range o.Files {
			files[name+"/"+file] = content
		}
	}
	query, err := json.Marshal(orders)
	require.NoError(t, err)
	res, err := b.python.Run(t.Context(), pyruntime.Call{Workspace: b.place(t, files), Entry: "judge.py", Query: string(query), Limits: benchLimits})
	require.NoError(t, err)
	require.Nil(t, res.Failure, "%+v", res.Failure)
	require.NoError(t, json.Unmarshal([]byte(res.Answer), &said))
	return said
}

// inputs are the files of a task by their names in the workspace.
func inputs(t testing.TB, task taskLine) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, name := range task.Files {
		data, err := fs.ReadFile(offline().Files, name)
		require.NoError(t, err)
		files[filepath.Base(name)] = data
	}
	return files
}

func TestEveryTaskIsSolvedByItsReferenceAndByNothingLess(t *testing.T) {
	b := newBench(t)
	first, second := taskLines(t, "offline-1.jsonl"), taskLines(t, "offline-2.jsonl")
	for i, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			outputs := [2]checking.Output{}
			tasks := [2]taskLine{first[i], second[i]}
			for n, task := range tasks {
				o, res := b.run(t, p.solution(), p.queries[n], p.tools, inputs(t, task))
				require.Nil(t, res.Failure, "%+v", res.Failure)
				t.Logf("%s: %s", task.ID, o.Answer)
				require.Nil(t, b.check(t, p.check(), task.Task, o), "%s: %s", task.ID, o.Answer)
				require.Equal(t, map[string]string{"case": ""}, b.checkAll(t, p.check(), p.queries[n], map[string]checking.Output{"case": o}), "a stored case is checked with the query of the skill")
				outputs[n] = o
			}
			for n, task := range tasks {
				wrong := lessThan(outputs[n], outputs[1-n])
				wrong["right"] = outputs[n]
				if n == 0 {
					wrong["right in other words"] = checking.Output{Answer: otherwise[p.name], Files: outputs[n].Files}
				}
				said := b.checkAll(t, p.check(), task.Task, wrong)
				require.Len(t, said, len(wrong))
				for why, found := range said {
					if strings.HasPrefix(why, "right") {
						require.Empty(t, found, "%s: %s", why, wrong[why].Answer)
						continue
					}
					require.NotEmpty(t, found, "%s passes with %s: %s", task.ID, why, wrong[why].Answer)
					require.Contains(t, found, "AssertionError: ", "%s with %s is an error of the check", task.ID, why)
				}
			}
		})
	}
}

// otherwise are right answers to the first tasks as other models might put them.
var otherwise = map[string]string{
	"shop-search":      "**Corvi desk lamp 12**, article no. SH-5970, costs €103.20. Three lamps met both conditions.",
	"library-author":   "Ada Winter wrote fifteen of the books (5,452 pages in total, nine in English); *The Quiet Lighthouse* came out first, in 1951.",
	"library-branches": "Five East branches have 20+ seats, with 25,276 visitors a year; Castle is open longest, 50 h 30 min a week.",
	"warehouse":        "- pallets: 8\n- total: 2,991 kg\n- heaviest: P-216 (617 kg)",
	"configurator":     "Configuration A comes to €607.29 and B to €656.80, so B costs €49.51 more.",
	"revenue":          "Cake earned the most, namely 3,777.73.",
	"log-levels":       "Most errors (12) occurred between 4 PM and 5 PM UTC on 2 March 2026.",
	"monthly-chart":    "The warmest month was July, at 21.19 °C on average.",
	"action-items":     "There are eleven actions. Ravi Menon owns six of them, more than anybody else.",
	"book-name":        "Marta first turns up in chapter four.",
	"mail-orders":      "What remains is 90 pieces in total.",
	"morse":            "The message reads: “Ferry 42 delayed by ice”.",
	"telephone-keys":   "Three groups: 4711 - 0815 - 92",
	"calendar-day":     "1. Stand-up 7 overlaps with Interview 14\n2. Stand-up 7 overlaps with Stand-up 1\nThe first free slot is 10:00–10:45.",
	"journey":          "Take L25, then L03; you arrive at 12:07 and pay 8.0 in all.",
}

// lessThan are outputs that do not solve a task, made of the right one and that of its counterpart.
func lessThan(right, other checking.Output) map[string]checking.Output {
	wrong := map[string]checking.Output{
		"nothing":                       checking.Empty(right),
		"no answer":                     {Files: right.Files},
		"the answer of the counterpart": {Answer: other.Answer, Files: right.Files},
		"the output of the counterpart": other,
	}
	if perturbed, ok := checking.Perturb(right); ok {
		wrong["other words and numbers"] = perturbed
		wrong["other words and numbers in the answer"] = checking.Output{Answer: perturbed.Answer, Files: right.Files}
		if len(right.Files) > 0 {
			wrong["other words and numbers in the files"] = checking.Output{Answer: right.Answer, Files: perturbed.Files}
			wrong["no files"] = checking.Output{Answer: right.Answer}
			garbage := checking.Output{Answer: right.Answer, Files: map[string][]byte{}}
			for name := range right.Files {
				garbage.Files[name] = []byte("\x00\xff[[[")
			}
			wrong["files that are none"] = garbage
		}
	}
	return wrong
}

func TestEveryMistakeOfTheScriptShowsItsSign(t *testing.T) {
	b := newBench(t)
	tasks := [2][]taskLine{taskLines(t, "offline-1.jsonl"), taskLines(t, "offline-2.jsonl")}
	for i, p := range pairs {
		for n, query := range p.queries {
			for kind, mistake := range map[string]edit{"draft": p.draft, "narrow": p.narrow} {
				if !mistake.made() || kind == "narrow" && n == 0 {
					continue
				}
				require.Equal(t, 1, strings.Count(mistake.in(p.solution()), mistake.wrong), "%s of %s can be replaced", kind, p.name)
				o, res := b.run(t, mistake.in(p.solution()), query, p.tools, inputs(t, tasks[n][i]))
				seen := "answer: " + o.Answer
				if res.Failure != nil {
					seen = res.Failure.Message
				}
				require.True(t, matches(t, mistake.sign, seen), "%s of %s: %s", kind, tasks[n][i].ID, seen)
			}
		}
		if p.narrow.made() {
			o, res := b.run(t, p.narrow.in(p.solution()), p.queries[0], p.tools, inputs(t, tasks[0][i]))
			require.Nil(t, res.Failure, "%s: %+v", p.name, res.Failure)
			require.Nil(t, b.check(t, p.check(), tasks[0][i].Task, o), "%s is enough for the first task", p.name)
		}
	}
}

func TestWhatTheScriptGetsWrongFailsTheCheck(t *testing.T) {
	b := newBench(t)
	for name, miss := range misses {
		id := name[strings.Index(name, "/")+1:]
		n := int(id[len(id)-1] - '1')
		for i, task := range taskLines(t, offline().Tasks[n]) {
			if p := pairs[i]; task.ID == id && !strings.HasPrefix(name, "agentfactory/") {
				o, res := b.run(t, miss.in(p.solution()), p.queries[n], p.tools, inputs(t, task))
				require.Nil(t, res.Failure)
				require.NotNil(t, b.check(t, p.check(), task.Task, o), name)
			}
		}
	}
}
