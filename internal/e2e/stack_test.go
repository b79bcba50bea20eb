// Package e2e runs whole tasks on real parts: a Temporal server, an S3 server, worker
// processes of the production binary, the sandbox and Python. Only the model is
// scripted, and it speaks its wire protocol over HTTP.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"agentfactory/internal/config"
	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/embedded/temporalserver"
	"agentfactory/internal/llm/scripted"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/internal/service"
	"agentfactory/skillstore"
	"agentfactory/workflows"
)

var workerBinary string

// starterBinary builds the command line where a test needs it, beside the worker.
var starterBinary = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(filepath.Dir(workerBinary), "starter")
	if out, err := exec.Command("go", "build", "-o", binary, "agentfactory/starter").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the starter: %w: %s", err, out)
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	s3server.MaybeRun()
	maybeTemporal()
	maybeCanaryWorker()
	os.Exit(buildAndRun(m))
}

// atOnce is how many tests run side by side: most of them wait, for workers to be missed
// or for retries.
const atOnce = "6"

func buildAndRun(m *testing.M) int {
	if err := flag.Set("test.parallel", atOnce); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	workerBinary = filepath.Join(dir, "worker")
	if out, err := exec.Command("go", "build", "-o", workerBinary, "agentfactory/worker").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the worker: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// stack is what a test stands on.
type stack struct {
	t        testing.TB
	temporal service.Temporal
	address  string
	ui       string // the Temporal UI's host:port
	s3       *s3server.Server
	s3URL    string // what workers use: the server itself, or a proxy before it
	objects  objectstore.Store
	skills   skillstore.Store
	records  *run.Records
	model    *scripted.Server
	modelURL string
	direct   struct{ model, s3 string } // what tripwires stand before

	configuration string // config.yaml of the workers that are started from now on
	checks        bool   // their model writes checks for new cases
	policy        string // file of the rules of workers in this process
}

const bucket = "agentfactory"

const (
	testPatience = 5 * time.Minute // for what comes by itself: only a fault is waited for so long, on any machine
	runPatience  = 10 * time.Minute
	tick         = 20 * time.Millisecond
)

func newStack(t testing.TB, script string) *stack {
	t.Helper()
	ctx := t.Context()
	dir := t.TempDir()
	server, err := temporalserver.Start(ctx, temporalserver.Options{Dir: filepath.Join(dir, "temporal"), FrontendPort: temporalserver.AnyPort, UIPort: temporalserver.AnyPort,
		SearchAttributes: workflows.SearchAttributes()})
	require.NoError(t, err)
	t.Cleanup(func() { server.Stop() })
	s3, err := s3server.Start(ctx, s3server.Options{Dir: filepath.Join(dir, "s3"), AccessKey: "test", SecretKey: "test-secret"})
	require.NoError(t, err)
	t.Cleanup(s3.Stop)
	require.NoError(t, objectstore.EnsureBucket(ctx, s3.Client(), bucket))
	temporal := dial(t, server.Address())
	parsed, err := scripted.Parse([]byte(script))
	require.NoError(t, err)
	model, err := scripted.NewServer(parsed, scripted.Options{})
	require.NoError(t, err)
	listening, err := scripted.Start("127.0.0.1:0", model)
	require.NoError(t, err)
	t.Cleanup(func() { listening.Close() })
	objects := objectstore.NewBucket(s3.Client(), bucket)
	return &stack{t: t, temporal: temporal, address: server.Address(), ui: server.UIAddress(), s3: s3, s3URL: s3.Endpoint, objects: objects,
		skills: skillstore.New(objects), records: run.NewRecords(objects), model: model, modelURL: listening.URL}
}

// dial connects to a Temporal server that is up, for as long as the test goes on.
func dial(t testing.TB, address string) (temporal service.Temporal) {
	t.Helper()
	var err error
	require.Eventually(t, func() bool { // one attempt takes 5 s at most, in which a busy server may not answer
		temporal, err = service.DialTemporal(t.Context(), address, config.Encryption{})
		return err == nil
	}, testPatience, tick, "%v", &err)
	t.Cleanup(temporal.Close)
	return temporal
}

// workerProcess is a running worker of the production binary.
type workerProcess struct {
	cmd  *exec.Cmd
	out  *lockedBuffer
	once sync.Once
}

// worker starts a worker process and waits until it is ready.
func (s *stack) worker() *workerProcess {
	s.t.Helper()
	env := workerEnv(s.address, s.modelURL, s.s3URL, s.t.TempDir(), publicTempDir(s.t))
	if s.checks {
		env = append(env, "AGENTFACTORY_CHECKS=on") // the last one counts
	}
	if s.configuration != "" {
		file := filepath.Join(s.t.TempDir(), "config.yaml")
		require.NoError(s.t, os.WriteFile(file, []byte(s.configuration), 0o600))
		env = append(env, "AGENTFACTORY_CONFIG="+file)
	}
	p := s.launch(workerBinary, env)
	p.awaitReady(s.t)
	return p
}

// launch starts a program that is a worker.
func (s *stack) launch(program string, env []string) *workerProcess {
	s.t.Helper()
	out := &lockedBuffer{}
	cmd := exec.Command(program)
	cmd.Env = env
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(s.t, cmd.Start())
	p := &workerProcess{cmd: cmd, out: out}
	s.t.Cleanup(func() {
		p.kill()
		if s.t.Failed() {
			s.t.Logf("worker %d:\n%s", cmd.Process.Pid, out)
		}
	})
	return p
}

func (p *workerProcess) awaitReady(t testing.TB) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(p.out.String(), "ready") }, testPatience, tick,
		"the worker did not get ready: %s", p.out)
}

// publicTempDir is a directory that the sandbox's user may enter, which t.TempDir's are not.
func publicTempDir(t testing.TB) string {
	dir, err := os.MkdirTemp("", "e2e-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

func workerEnv(temporal, model, s3, data, tmp string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "AGENTFACTORY_DATA=" + data, "TMPDIR=" + tmp,
		"TEMPORAL_ADDRESS=" + temporal, "OPENAI_BASE_URL=" + model, "OPENAI_API_KEY=sk-test-0123456789abcdef", "AGENTFACTORY_MODEL=scripted-test", "AGENTFACTORY_CHECKS=off",
		"AGENTFACTORY_S3_BUCKET=" + bucket, "AWS_ENDPOINT_URL_S3=" + s3, "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test-secret",
	}
}

// kill ends the worker with SIGKILL, as a crash would.
func (p *workerProcess) kill() {
	p.once.Do(func() {
		_ = p.cmd.Process.Kill() // it may have ended by itself
		_ = p.cmd.Wait()         // ends with the signal
	})
}

var startOptions = client.StartWorkflowOptions{TaskQueue: workflows.TaskQueue}

// start begins a run by its type name, as any program would.
func (s *stack) start(input any) client.WorkflowRun {
	s.t.Helper()
	r, err := s.temporal.ExecuteWorkflow(s.t.Context(), startOptions, workflows.InstallType, input)
	require.NoError(s.t, err)
	return r
}

func (s *stack) result(r client.WorkflowRun) (run.Result, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), runPatience)
	defer cancel()
	var res run.Result
	err := r.Get(ctx, &res)
	return res, err
}

func (s *stack) install(input any) run.Result {
	s.t.Helper()
	res, err := s.result(s.start(input))
	require.NoError(s.t, err)
	return res
}

func (s *stack) status(r client.WorkflowRun) (run.Status, error) {
	var st run.Status
	value, err := s.temporal.QueryWorkflow(s.t.Context(), r.GetID(), "", workflows.StatusQuery)
	if err == nil {
		err = value.Get(&st)
	}
	return st, err
}

// dump writes the whole transcript for a failing test.
func (s *stack) dump(key string) string {
	chain, err := s.records.Chain(context.Background(), key)
	if err != nil {
		return err.Error()
	}
	text, err := json.MarshalIndent(chain, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
