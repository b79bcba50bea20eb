package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/temporalserver"
	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// maybeTemporal serves Temporal and never returns in a process that a chaos started.
func maybeTemporal() {
	var dir string
	var frontend, ui int
	if n, _ := fmt.Sscan(os.Getenv(temporalEnv), &dir, &frontend, &ui); n != 3 {
		return
	}
	_, err := temporalserver.Start(context.Background(), temporalserver.Options{
		Dir: dir, FrontendPort: frontend, UIPort: ui, SearchAttributes: workflows.SearchAttributes(),
	})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("serving")
	select {}
}

// chaosWorker is a worker process behind proxies of its own, so that a blow at a request
// hits the worker that made it.
type chaosWorker struct {
	*workerProcess
	s3, model *httptest.Server
	data, tmp string
}

// startWorker starts worker number i, anew after it was killed; it keeps its directories.
func (c *chaos) startWorker(i int) {
	w := c.workers[i]
	if w == nil {
		w = &chaosWorker{s3: c.proxy(i, c.s3URL), model: c.proxy(i, c.modelURL), data: c.t.TempDir(), tmp: publicTempDir(c.t)}
		c.workers[i] = w
	}
	for deadline := time.Now().Add(testPatience); ; time.Sleep(500 * time.Millisecond) {
		out := &lockedBuffer{}
		cmd := exec.Command(workerBinary)
		model, err := url.Parse(c.modelURL)
		require.NoError(c.t, err)
		cmd.Env = workerEnv(c.address, w.model.URL+model.Path, w.s3.URL, w.data, w.tmp)
		cmd.Stdout, cmd.Stderr = out, out
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		require.NoError(c.t, cmd.Start())
		w.workerProcess = &workerProcess{cmd: cmd, out: out}
		c.t.Cleanup(w.workerProcess.kill)
		if w.ready() {
			return
		}
		require.True(c.t, time.Now().Before(deadline), "worker %d does not come back: %s", i, out)
	}
}

// ready waits until the worker says so; false when it ended instead.
func (w *chaosWorker) ready() bool {
	for {
		if strings.Contains(w.out.String(), "ready") {
			return true
		}
		if w.cmd.Process.Signal(syscall.Signal(0)) != nil || zombie(w.cmd.Process.Pid) {
			w.kill()
			return false
		}
		time.Sleep(tick)
	}
}

func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || bytes.Contains(stat, []byte(") Z "))
}

// proxy stands before a server for one worker: it writes the ledger and lets blows fall.
func (c *chaos) proxy(worker int, target string) *httptest.Server {
	u, err := url.Parse(target)
	require.NoError(c.t, err)
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = u.Scheme, u.Host, r.In.Host
		},
		FlushInterval: -1,
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // the server is down
		ErrorLog:      log.New(io.Discard, "", 0),
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		kind := kindOf(r, body)
		c.ledger.asked(kind, body)
		b, hit := c.take(kind)
		if hit && b.when == before {
			c.fall(b, worker)
			panic(http.ErrAbortHandler)
		}
		answer := &recorder{ResponseWriter: rw}
		if hit && b.victim != "temporal" && b.victim != "s3" {
			answer.ResponseWriter = httptest.NewRecorder() // the worker will not live to read it
		}
		forward.ServeHTTP(answer, r)
		if answer.status < 300 {
			c.ledger.acknowledged(kind, r.URL.Path)
		}
		if hit {
			c.fall(b, worker)
		}
		if kind == "RunSubagent: journal" {
			time.AfterFunc(300*time.Millisecond, func() {
				if b, hit := c.take(inSandbox); hit {
					c.fall(b, worker)
				}
			})
		}
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	c.t.Cleanup(server.Close)
	return server
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// take hands out the armed blow if it waits for this kind of request.
func (c *chaos) take(kind string) (blow, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.armed == nil || c.armed.at != kind {
		return blow{}, false
	}
	b := *c.armed
	c.armed = nil
	return b, true
}

func kindOf(r *http.Request, body []byte) string {
	path := r.URL.Path
	if r.Method == http.MethodPost && bytes.Contains(body, []byte("Translate into English.")) && !bytes.Contains(body, []byte("create_subagent")) {
		path = "subagent/chat/completions"
	}
	for i := len(requests) - 1; i >= 0; i-- { // the more particular ones come later
		if q := requests[i]; q.method == r.Method && regexp.MustCompile(q.path).MatchString(path) {
			return q.name
		}
	}
	return ""
}

// ledger knows which model calls were made and which of them S3 has acknowledged.
type ledger struct {
	mu    sync.Mutex
	calls map[string]int  // by run and turn, or run and subagent
	acked map[string]bool // their record is on S3
	amiss []string        // calls that were made again though it was
}

func newLedger() *ledger { return &ledger{calls: map[string]int{}, acked: map[string]bool{}} }

var (
	askedBy  = regexp.MustCompile(`run (s\d+n\d+)`)
	askedFor = regexp.MustCompile(`for (s\d+n\d+)`)
	turnPath = regexp.MustCompile(`/runs/(s\d+n\d+)/[^/]+/turns/0*(\d+)\.json`)
	stepPath = regexp.MustCompile(`/runs/(s\d+n\d+)/[^/]+/journal/`)
)

// asked notes a model call: a turn of the meta-agent by the replies before it, or a subagent's own.
func (l *ledger) asked(kind string, body []byte) {
	var key string
	switch kind {
	case "Think: model call":
		var request struct {
			Messages []struct {
				Role string `json:"role"`
			} `json:"messages"`
		}
		_ = json.Unmarshal(body, &request) // ours
		turn := 1
		for _, m := range request.Messages {
			if m.Role == "assistant" {
				turn++
			}
		}
		key = string(askedBy.FindSubmatch(body)[1]) + "/" + strconv.Itoa(turn)
	case "RunSubagent: its model call":
		key = string(askedFor.FindSubmatch(body)[1]) + "/subagent"
	default:
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls[key]++
	if l.acked[key] {
		l.amiss = append(l.amiss, key)
	}
}

func (l *ledger) acknowledged(kind, path string) {
	var key string
	switch kind {
	case "Think: turn":
		m := turnPath.FindStringSubmatch(path)
		key = m[1] + "/" + m[2]
	case "RunSubagent: journal":
		key = stepPath.FindStringSubmatch(path)[1] + "/subagent"
	default:
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[key] = true
}

// repeated is how many calls were made more than once.
func (l *ledger) repeated() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, times := range l.calls {
		n += times - 1
	}
	return n
}

func (c *chaos) requireAllCompleted(kills int) {
	t := c.t
	require.Empty(t, c.ledger.amiss, "calls that were made again though their record had been acknowledged")
	require.LessOrEqual(t, c.ledger.repeated(), kills, "at most the call in flight is made again for each kill")
	for _, r := range c.runs {
		var res run.Result
		require.NoError(t, c.temporal.GetWorkflow(t.Context(), r.GetID(), "").Get(t.Context(), &res), r.GetID())
		require.Equal(t, run.Completed, res.Outcome, "%s: %s", r.GetID(), res.Reason)
		require.Equal(t, "three", res.Answer)
		require.Equal(t, 3, res.Turns)
		recorded, err := c.records.Result(t.Context(), r.GetID(), r.GetRunID())
		require.NoError(t, err)
		require.Equal(t, res.Answer, recorded.Answer)
	}
	heads, err := c.skills.Heads(t.Context(), "", 0)
	require.NoError(t, err)
	require.Len(t, heads, len(c.runs), "each run saved its skill under its own name")
	for _, h := range heads {
		versions, err := c.skills.Versions(t.Context(), h.Name)
		require.NoError(t, err)
		cases, err := c.skills.Cases(t.Context(), h.Name)
		require.NoError(t, err)
		require.Equal(t, []int64{1, 1, 1}, []int64{h.Generation, int64(len(versions)), int64(len(cases))}, "generation, versions and cases of %s", h.Name)
	}
}

// requireNothingIsLeft stops the workers and looks for what the dead ones left behind.
func (c *chaos) requireNothingIsLeft() {
	for _, w := range c.workers {
		require.NoError(c.t, w.cmd.Process.Signal(syscall.SIGTERM))
		w.once.Do(func() { _ = w.cmd.Wait() })
	}
	for _, w := range c.workers {
		require.Eventually(c.t, func() bool { return len(processesOf(w.data, w.tmp)) == 0 }, testPatience, 100*time.Millisecond,
			"processes that outlived worker: %v", processesOf(w.data, w.tmp))
		places, err := filepath.Glob(filepath.Join(w.tmp, "agentfactory-*", "work"))
		require.NoError(c.t, err)
		places = append(places, filepath.Join(w.data, "worker", "sandbox", "work")) // where the user is not root
		looked := 0
		for _, place := range places {
			left, err := os.ReadDir(place)
			if err == nil {
				looked++
			}
			require.Empty(c.t, left, "workspaces in %s", place)
		}
		require.Positive(c.t, looked, "the place of the workspaces was not found")
	}
}

// processesOf lists the processes that have to do with one of the directories.
func processesOf(dirs ...string) (found []string) {
	commands, _ := filepath.Glob("/proc/[0-9]*/cmdline") // a pattern that is right
	for _, file := range commands {
		about, _ := os.ReadFile(file) // gone by now
		where, _ := os.Readlink(filepath.Join(filepath.Dir(file), "cwd"))
		for _, dir := range dirs {
			if bytes.Contains(about, []byte(dir)) || strings.HasPrefix(where, dir) {
				found = append(found, strings.ReplaceAll(string(about), "\x00", " "))
			}
		}
	}
	return found
}
