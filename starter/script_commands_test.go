package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"agentfactory/internal/embedded/loopback"
	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/embedded/temporalserver"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// variables are those that scripts set and the starter reads.
var variables = []string{
	"PATH", "HOME", "TMPDIR", "AGENTFACTORY_DATA", "OPENAI_BASE_URL", "OPENAI_API_KEY", "AGENTFACTORY_MODEL", "TEMPORAL_ADDRESS",
	"AGENTFACTORY_S3_BUCKET", "AGENTFACTORY_S3_PREFIX", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
	"AGENTFACTORY_PAYLOAD_KEYS", "AGENTFACTORY_PAYLOAD_KEYS_FILE", "AGENTFACTORY_POLICY", "AGENTFACTORY_PRIVATE_HOSTS",
}

// command is the starter in a script's directory and environment.
func command(ts *testscript.TestScript, args []string) *exec.Cmd {
	if len(args) == 0 || args[0] != "starter" {
		ts.Fatalf("the program must be starter, not %q", args)
	}
	binary, err := starterBinary()
	ts.Check(err)
	cmd := exec.Command(binary, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range variables {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}

// patience is for what comes by itself: only a fault is waited for so long.
const patience = 5 * time.Minute

// exits CODE starter ARGS… runs a command that must end with this exit code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	cmd := command(ts, args[1:])
	finish(ts, cmd, args[0], func() error { return cmd.Run() })
}

// interrupt PATTERN CODE starter ARGS… sends Ctrl-C once stderr shows the pattern.
func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	onceShown(ts, args, func(cmd *exec.Cmd) { ts.Check(cmd.Process.Signal(os.Interrupt)) })
}

// killstackwhen PATTERN CODE starter ARGS… ends the embedded stack as a crash would once stderr shows the pattern.
func killStackWhen(ts *testscript.TestScript, negated bool, args []string) {
	onceShown(ts, args, func(*exec.Cmd) { killStack(ts, negated, nil) })
}

// onceShown runs a command and does something when its stderr shows a pattern: PATTERN CODE starter ARGS…
func onceShown(ts *testscript.TestScript, args []string, do func(*exec.Cmd)) {
	cmd := command(ts, args[2:])
	finish(ts, cmd, args[1], func() error {
		shown := cmd.Stderr.(*lockedBuffer)
		if err := cmd.Start(); err != nil {
			return err
		}
		for deadline := time.Now().Add(patience); !strings.Contains(shown.String(), args[0]); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				ts.Fatalf("%q was not shown: %s", args[0], shown)
			}
		}
		do(cmd)
		return cmd.Wait()
	})
}

// finish runs a command and leaves its output to the script's stdout and stderr.
func finish(ts *testscript.TestScript, cmd *exec.Cmd, want string, do func() error) {
	var out bytes.Buffer
	errs := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = &out, errs
	err := do()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("run %v: %v", cmd.Args, err)
	}
	ts.Logf("[stdout]\n%s[stderr]\n%s", out.String(), errs)
	_, _ = ts.Stdout().Write(out.Bytes())
	_, _ = ts.Stderr().Write([]byte(errs.String()))
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != want {
		ts.Fatalf("%v ended with %s, want %s", cmd.Args, got, want)
	}
}

// killstack ends the embedded stack as a crash would.
func killStack(ts *testscript.TestScript, _ bool, _ []string) {
	dev := command(ts, []string{"starter", "dev", "--json"})
	out, err := dev.Output()
	ts.Check(err)
	var stack struct{ PID int }
	ts.Check(json.Unmarshal(out, &stack))
	ts.Check(syscall.Kill(stack.PID, syscall.SIGKILL))
}

// servers starts a Temporal server and an S3 server with a bucket, and configures them
// as an operator would.
func servers(ts *testscript.TestScript, _ bool, _ []string) {
	ctx := context.Background()
	temporal, err := temporalserver.Start(ctx, temporalserver.Options{Dir: ts.MkAbs(".temporal")})
	ts.Check(err)
	ts.Defer(func() { _ = temporal.Stop() })
	ts.Setenv("TEMPORAL_ADDRESS", temporal.Address())
	bucketAlone(ts, false, nil)
}

// bucketAlone starts an S3 server with a bucket, and configures it: the library needs no more.
func bucketAlone(ts *testscript.TestScript, _ bool, _ []string) {
	ctx := context.Background()
	s3, err := s3server.Start(ctx, s3server.Options{Dir: ts.MkAbs(".s3"), AccessKey: "test", SecretKey: "test-secret"})
	ts.Check(err)
	ts.Defer(s3.Stop)
	ts.Check(objectstore.EnsureBucket(ctx, s3.Client(), "skills-of-the-team"))
	for name, value := range map[string]string{
		"AGENTFACTORY_S3_BUCKET": "skills-of-the-team", "AWS_ENDPOINT_URL_S3": s3.Endpoint, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test-secret",
	} {
		ts.Setenv(name, value)
	}
}

// toolservices starts servers that speak the APIs of Serper, which takes the key serper-right-key, of Jina Reader, which
// takes jina-right-key, and of an index that has no package, and configures them.
func toolServices(ts *testscript.TestScript, _ bool, _ []string) {
	services := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/search" && r.Header.Get("X-API-KEY") == "serper-right-key":
			w.WriteHeader(http.StatusBadRequest)
		case r.URL.Path == "/search":
			w.WriteHeader(http.StatusForbidden)
		case r.URL.Path == "/" && r.Header.Get("Authorization") == "Bearer jina-right-key":
		case r.URL.Path == "/":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	ts.Defer(services.Close)
	ts.Setenv("SERPER_BASE_URL", services.URL)
	ts.Setenv("JINA_BASE_URL", services.URL)
	ts.Setenv("AGENTFACTORY_PACKAGE_INDEX", strings.Replace(services.URL, "//", "//reader:index-login@", 1)+"/simple")
}

// library is the live one in the bucket that is configured.
func library(ts *testscript.TestScript) *skillstore.S3 { return libraries(ts).Live() }

func libraries(ts *testscript.TestScript) *skillstore.Libraries {
	client := s3server.Client(ts.Getenv("AWS_ENDPOINT_URL_S3"), ts.Getenv("AWS_REGION"), ts.Getenv("AWS_ACCESS_KEY_ID"), ts.Getenv("AWS_SECRET_ACCESS_KEY"))
	return skillstore.NewLibraries(objectstore.NewBucket(client, ts.Getenv("AGENTFACTORY_S3_BUCKET")))
}

// fork EVALUATION ARM SNAPSHOT SKILL does what an evaluation does: it takes a snapshot of its own, begins an arm's library
// with the one that is named, and writes to it: the skill is retired there.
func forkLibrary(ts *testscript.TestScript, _ bool, args []string) {
	ctx, l := context.Background(), libraries(ts)
	_, err := l.Snapshot(ctx, skillstore.SnapshotDraft{Name: "evaluations/" + args[0] + "/base", ID: args[0], By: args[0]})
	ts.Check(err)
	name := "evaluations/" + args[0] + "/libraries/" + args[1]
	ts.Check(l.Fork(ctx, name, args[2]))
	s, err := l.Open(ctx, name)
	ts.Check(err)
	ts.Check(s.Retire(ctx, args[3], skill.Tombstone{By: args[0]}))
}

// use NAME VERSION RUN TASK OUTCOME [WHY] records a use, as a run does.
func recordUse(ts *testscript.TestScript, _ bool, args []string) {
	ctx := context.Background()
	version, err := strconv.Atoi(args[1])
	ts.Check(err)
	u := skill.Use{
		Name: args[0], Version: version, WorkflowID: args[2], RunID: "r", Step: "000002", Task: args[3], Outcome: skill.UseOutcome(args[4]),
		Query: "total of a.csv", Why: strings.Join(args[5:], " "), Tokens: 1200, Seconds: 1.5,
	}
	_, err = library(ts).RecordUse(ctx, u)
	ts.Check(err)
	_, err = library(ts).ReviewTrust(ctx, args[0], 0)
	ts.Check(err)
}

// gate NAME VERSION ID VERDICT [CASE…] keeps the report of a gate that broke these cases, as a run does.
func reportGate(ts *testscript.TestScript, _ bool, args []string) {
	ctx := context.Background()
	version, err := strconv.Atoi(args[1])
	ts.Check(err)
	m, err := library(ts).Version(ctx, args[0], version)
	ts.Check(err)
	r := skill.GateReport{
		ID: args[2], Name: args[0], Candidate: skill.GateVersion{Version: version, Digest: m.Digest}, Verdict: skill.Verdict(args[3]), Cases: 12,
	}
	for _, id := range args[4:] {
		r.Flips = append(r.Flips, skill.GateFlip{Case: id, Base: skill.CasePassed, Candidate: skill.CaseFailed})
	}
	_, err = library(ts).AddGateReport(ctx, r)
	ts.Check(err)
}

// case NAME QUERY [KIND] stores a case with its output and a check of this kind, as a run does.
func addCase(ts *testscript.TestScript, _ bool, args []string) {
	c := skill.Case{Query: args[1], Lineage: skill.Lineage{WorkflowID: "run-1"}}
	if len(args) > 2 {
		c.Check, c.Output = &skill.Check{Kind: skill.CheckKind(args[2])}, &skill.Output{Answer: strings.Repeat("0", 64)}
	}
	ts.Check(library(ts).AddCase(context.Background(), args[0], c))
}

// damage KEY cuts off what lies at a key of the configured part of the bucket.
func damage(ts *testscript.TestScript, _ bool, args []string) {
	ctx := context.Background()
	client := s3server.Client(ts.Getenv("AWS_ENDPOINT_URL_S3"), ts.Getenv("AWS_REGION"), ts.Getenv("AWS_ACCESS_KEY_ID"), ts.Getenv("AWS_SECRET_ACCESS_KEY"))
	part, err := objectstore.NewBucket(client, ts.Getenv("AGENTFACTORY_S3_BUCKET")).Under(ts.Getenv("AGENTFACTORY_S3_PREFIX"))
	ts.Check(err)
	obj, err := part.Get(ctx, args[0])
	ts.Check(err)
	_, err = part.Replace(ctx, args[0], obj.Body[:len(obj.Body)/2], obj.ETag)
	ts.Check(err)
}

// waitfor ID PHASE [PATTERN] waits until a run is in that phase and its JSON holds the pattern.
func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	wanted := []*regexp.Regexp{regexp.MustCompile(`"phase": "` + args[1] + `"`)}
	for _, p := range args[2:] {
		wanted = append(wanted, regexp.MustCompile(p))
	}
	var shown []byte
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		shown, _ = command(ts, []string{"starter", "runs", "show", args[0], "--json"}).Output() // fails while there is none
		if !slices.ContainsFunc(wanted, func(r *regexp.Regexp) bool { return !r.Match(shown) }) {
			return
		}
	}
	ts.Fatalf("run %s did not come to %v: %s", args[0], args[1:], shown)
}

// extract FIELD NAME sets a variable to the first value of a JSON field in the last output.
func extract(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile(`"` + args[0] + `": "([^"]+)"`).FindStringSubmatch(ts.ReadFile("stdout"))
	if found == nil {
		ts.Fatalf("no %s in the output", args[0])
	}
	ts.Setenv(args[1], found[1])
}

// freeport NAME sets a variable to a port that nobody listens on.
func freePort(ts *testscript.TestScript, _ bool, args []string) {
	port, err := loopback.Port() // not one that a connection may take before somebody listens there
	ts.Check(err)
	ts.Setenv(args[0], strconv.Itoa(port))
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
