package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	bigint "math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"

	"agentfactory/internal/embedded/loopback"
	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// begin starts a worker process with further settings and does not wait for it.
func (s *stack) begin(settings ...string) *workerProcess {
	s.t.Helper()
	return s.launch(workerBinary, append(workerEnv(s.address, s.modelURL, s.s3URL, s.t.TempDir(), publicTempDir(s.t)), settings...))
}

// probed is a worker that answers probes.
type probed struct {
	*workerProcess
	t   testing.TB
	url string
}

func (s *stack) probed(settings ...string) probed {
	s.t.Helper()
	port, err := loopback.Ports(1)
	require.NoError(s.t, err)
	address := loopback.Address(port[0])
	return probed{s.begin(append(settings, "AGENTFACTORY_WORKER_ADDRESS="+address)...), s.t, "http://" + address}
}

// answers waits until a probe is answered as wanted.
func (p probed) answers(path string, code int, part string) {
	p.t.Helper()
	var last string
	require.Eventually(p.t, func() bool {
		r, err := http.Get(p.url + path)
		if err != nil {
			last = err.Error()
			return false
		}
		defer r.Body.Close()
		body, _ := io.ReadAll(r.Body)
		last = string(body)
		return r.StatusCode == code && strings.Contains(last, part)
	}, testPatience, 5*tick, "%s wants %d with %q; the last answer: %v", path, code, part, &last)
}

// exits waits until a worker has ended and returns its exit code.
func (p *workerProcess) exits() (code int) {
	p.once.Do(func() { _ = p.cmd.Wait() }) // the code tells
	return p.cmd.ProcessState.ExitCode()
}

func TestTwoWorkersShareTheQueuesBehindMutualTLS(t *testing.T) {
	t.Parallel()
	s := newStack(t, greeter)
	gate := newTLSGate(t, s.address)
	settings := append(gate.client(), "AGENTFACTORY_WORKER_LOG_FORMAT=json", "TEMPORAL_API_KEY=key-of-a-cloud")
	main := s.probed(append(settings, "AGENTFACTORY_WORKER_QUEUES=main")...)
	main.answers("/readyz", http.StatusOK, `{"name":"s3","ok":true}`)
	main.answers("/healthz", http.StatusOK, `"version":`)
	r := s.start(workflows.InstallInput{Task: "greet"})
	s.waitFor(r, func(st run.Status) bool { return strings.Contains(st.Action, "run_subagent") })

	box := s.probed(append(settings, "AGENTFACTORY_WORKER_QUEUES=sandbox", "AGENTFACTORY_WORKER_SANDBOX_ACTIVITIES=1")...)
	box.answers("/readyz", http.StatusOK, `{"name":"temporal","ok":true}`)
	res, err := s.result(r)
	require.NoError(t, err)
	require.Equal(t, "hello wrold", res.Answer)

	requireLine(t, main.out, map[string]any{"msg": "activity done", "activity": "Think", "workflow": "Install", "workflow_id": res.WorkflowID, "run_id": res.RunID})
	requireLine(t, box.out, map[string]any{"msg": "activity done", "activity": "RunSubagent", "workflow_id": res.WorkflowID, "ok": true})
	requireLine(t, main.out, map[string]any{"msg": "workflow done", "run_id": res.RunID})
	for _, secret := range []string{"sk-test-0123456789abcdef", "test-secret", "key-of-a-cloud", "hello wrold"} {
		require.NotContains(t, main.out.String()+box.out.String(), secret)
	}

	stranger := s.begin("TEMPORAL_ADDRESS="+gate.address, "TEMPORAL_TLS_SERVER_CA_CERT_PATH="+gate.ca, "AGENTFACTORY_WORKER_WAIT=3s")
	require.Equal(t, 6, stranger.exits(), "nobody comes in without a certificate")

	s.s3.Stop()
	main.answers("/readyz", http.StatusServiceUnavailable, `{"name":"s3","ok":false,"detail":"`)
	main.answers("/healthz", http.StatusOK, `"ok":true`)
}

// requireLine wants a line of a JSON log with all of these attributes.
func requireLine(t *testing.T, log *lockedBuffer, want map[string]any) {
	t.Helper()
	matches := func(line string) bool {
		var got map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &got), "a line that is no JSON: %s", line)
		for name, value := range want {
			if got[name] != value {
				return false
			}
		}
		return true
	}
	require.Eventually(t, func() bool {
		for line := range strings.Lines(log.String()) {
			if strings.HasSuffix(line, "\n") && matches(line) {
				return true
			}
		}
		return false
	}, testPatience, tick, "no line has %v:\n%s", want, log)
}

// sleeps is a subagent that takes so many seconds.
func sleeps(seconds string) string {
	return strings.Replace(sleeper, `query: "5"`, `query: "`+seconds+`"`, 1)
}

// sleeping waits until a worker tells that it is at a run's subagent.
func (s *stack) sleeping() client.WorkflowRun {
	s.t.Helper()
	r := s.start(workflows.InstallInput{Task: "sleep"})
	require.Eventually(s.t, func() bool {
		d, err := s.temporal.DescribeWorkflowExecution(s.t.Context(), r.GetID(), "")
		return err == nil && slices.ContainsFunc(d.GetPendingActivities(), func(a *workflowpb.PendingActivityInfo) bool {
			return a.GetActivityType().GetName() == "RunSubagent" && a.GetLastHeartbeatTime() != nil
		})
	}, testPatience, tick)
	return r
}

func TestAWorkerThatIsToldToEndFinishesWhatItDoes(t *testing.T) {
	t.Parallel()
	s := newStack(t, sleeps("20"))
	leaving := s.probed("AGENTFACTORY_WORKER_DRAIN=2m")
	leaving.answers("/readyz", http.StatusOK, "")
	r := s.sleeping()
	require.NoError(t, leaving.cmd.Process.Signal(syscall.SIGTERM))
	leaving.answers("/readyz", http.StatusServiceUnavailable, "draining")
	s.worker()
	require.Zero(t, leaving.exits(), leaving.out)
	res, err := s.result(r)
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.EqualValues(t, 1, s.attempts(r.GetID())["RunSubagent"], "what it had begun was finished where it was")
	require.Zero(t, s.repeatedModelCalls())
}

func TestAWorkerThatHasNoTimeHandsOverWhatItDoes(t *testing.T) {
	t.Parallel()
	s := newStack(t, sleeps("30")) // long enough for any machine to end a worker meanwhile
	leaving := s.probed("AGENTFACTORY_WORKER_DRAIN=2s")
	leaving.answers("/readyz", http.StatusOK, "")
	r := s.sleeping()
	require.NoError(t, leaving.cmd.Process.Signal(syscall.SIGTERM))
	require.Zero(t, leaving.exits(), leaving.out)
	s.worker()
	res, err := s.result(r)
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.Equal(t, "awake", res.Answer)
	require.GreaterOrEqual(t, s.attempts(r.GetID())["RunSubagent"], int32(2), "the second worker ran the subagent")
	require.Zero(t, s.repeatedModelCalls())
}

func TestASecondSignalEndsAWorkerAtOnce(t *testing.T) {
	t.Parallel()
	s := newStack(t, sleeps("600"))
	w := s.probed("AGENTFACTORY_WORKER_DRAIN=10m")
	w.answers("/readyz", http.StatusOK, "")
	s.sleeping()
	require.NoError(t, w.cmd.Process.Signal(syscall.SIGTERM))
	w.answers("/readyz", http.StatusServiceUnavailable, "draining")
	require.NoError(t, w.cmd.Process.Signal(syscall.SIGTERM))
	require.Equal(t, -1, w.exits(), "ended by the signal")
}

// versioned starts a worker of a version.
func (s *stack) versioned(build string, settings ...string) probed {
	s.t.Helper()
	return s.probed(append(settings, "AGENTFACTORY_WORKER_DEPLOYMENT=agentfactory", "AGENTFACTORY_WORKER_BUILD_ID="+build)...)
}

// promote makes a version the current one, as soon as the server knows its workers.
func (s *stack) promote(build string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		_, err := s.temporal.WorkerDeploymentClient().GetHandle("agentfactory").SetCurrentVersion(s.t.Context(), client.WorkerDeploymentSetCurrentVersionOptions{BuildID: build})
		return err == nil
	}, testPatience, 10*tick)
}

// versionOf is the build that a run is pinned to, or "".
func (s *stack) versionOf(r client.WorkflowRun) string {
	d, err := s.temporal.DescribeWorkflowExecution(s.t.Context(), r.GetID(), "")
	require.NoError(s.t, err)
	return d.GetWorkflowExecutionInfo().GetVersioningInfo().GetDeploymentVersion().GetBuildId()
}

func TestRunsStayOnTheirVersionAndMoveWhenTheyWaitForAPerson(t *testing.T) {
	t.Parallel()
	s := newStack(t, greeter)
	old := s.versioned("1.0.0")
	old.answers("/readyz", http.StatusOK, "no current version, so that no versioned worker is given new runs: temporal worker deployment set-current-version --namespace default --deployment-name agentfactory --build-id 1.0.0")
	s.promote("1.0.0")
	old.answers("/readyz", http.StatusOK, `{"name":"deployment","ok":true}`)
	unsaved := false // what one run saves would change the next
	waits := s.start(workflows.InstallInput{Task: "greet one", Save: &unsaved, Approval: workflows.ApproveFinish})
	s.waitFor(waits, phase(run.WaitingForApproval))
	held := s.start(workflows.InstallInput{Task: "greet two", Save: &unsaved, Paused: true})
	s.waitFor(held, phase(run.Paused))

	latest := s.versioned("1.1.0")
	latest.answers("/readyz", http.StatusOK, "only runs that are pinned to it; 1.0.0 is current")
	s.promote("1.1.0")
	old.answers("/readyz", http.StatusOK, "only runs that are pinned to it; 1.1.0 is current")
	begun := s.start(workflows.InstallInput{Task: "greet three", Save: &unsaved})
	_, err := s.result(begun)
	require.NoError(t, err)
	require.Equal(t, []string{"1.0.0", "1.0.0", "1.1.0"}, []string{s.versionOf(waits), s.versionOf(held), s.versionOf(begun)})

	for _, r := range []client.WorkflowRun{waits, held} {
		s.moves(r, "1.1.0")
	}
	old.kill()
	s.release(waits)
	s.mustUpdate(held, workflows.ResumeUpdate, nil)
	s.endsWhereItMovedTo(waits, "moved-while-asking")
	s.endsWhereItMovedTo(held, "moved-while-paused")
	require.Zero(t, s.repeatedModelCalls())
}

// moves wakes a run that waits for a person, and sees it go on with another version. What wakes it daily takes too long for a
// test; anything else does as well.
func (s *stack) moves(r client.WorkflowRun, build string) {
	s.t.Helper()
	s.mustUpdate(r, workflows.BudgetUpdate, map[string]int{"turns": 50})
	require.Eventually(s.t, func() bool { return s.versionOf(r) == build }, testPatience, 10*tick)
	s.waitFor(r, func(st run.Status) bool { return st.Budget.Turns == 50 })
}

// endsWhereItMovedTo sees a run completed in its second execution.
func (s *stack) endsWhereItMovedTo(r client.WorkflowRun, recordedAs string) {
	s.t.Helper()
	res, err := s.result(s.temporal.GetWorkflow(s.t.Context(), r.GetID(), ""))
	require.NoError(s.t, err)
	require.Equal(s.t, run.Completed, res.Outcome)
	executions := s.runsOf(res)
	require.Len(s.t, executions, 2)
	if os.Getenv("RECORD_HISTORIES") != "" {
		s.record(recordedAs, res.WorkflowID, executions)
	}
}

// asksInTheMiddle is a model whose subagent has it say a word, and then runs a command about which a person is asked.
const asksInTheMiddle = `
conversations:
  - name: subagent
    when: {system: Say a word}
    turns: [{text: "mind"}]
  - name: run
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: speaker
              skills: [shell_command]
              code: |
                from llm import call_llm
                from tools import shell_command
                def main(query):
                    word = call_llm("Say a word.", [{"role": "user", "content": query}])
                    return {"answer": shell_command("echo never " + word)["stdout"].strip(), "summary": "said it"}
              query: now
      - calls:
          - name: finish
            arguments: {answer: '{{.Find "answer: (.*)"}}', subagents: [{entry_file: subagent.py, description: Says a word.}]}
`

func TestARunThatAsksAboutACallMovesInTheMiddleOfIt(t *testing.T) {
	t.Parallel()
	s := newStack(t, asksInTheMiddle)
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(policy, []byte("version: 1\nextends: default\nrules: [{name: commands, trigger: shell, when: 'true', action: ask, reason: nobody knows}]\n"), 0o600))
	old := s.versioned("1.0.0", "AGENTFACTORY_POLICY="+policy)
	s.promote("1.0.0")
	unsaved := false
	r := s.start(workflows.InstallInput{Task: "say it", Save: &unsaved})
	s.waitFor(r, phase(run.WaitingForApproval))
	s.versioned("1.1.0", "AGENTFACTORY_POLICY="+policy)
	s.promote("1.1.0")
	old.answers("/readyz", http.StatusOK, "only runs that are pinned to it; 1.1.0 is current")
	s.moves(r, "1.1.0")
	old.kill()
	s.waitFor(r, func(st run.Status) bool {
		return st.Approval != nil && st.Approval.Kind == workflows.ApprovePolicy && strings.Contains(st.Approval.Answer, "echo never mind")
	})
	s.release(r)
	s.endsWhereItMovedTo(r, "moved-while-asking-about-a-call")
	require.Zero(t, s.repeatedModelCalls(), "what the subagent was told before comes from the journal")
}

// tlsGate stands before a Temporal server that speaks plain gRPC and lets in who shows a certificate of its authority.
type tlsGate struct {
	address, ca, cert, key string // the last three are files
}

func newTLSGate(t testing.TB, target string) tlsGate {
	t.Helper()
	authority, authorityKey := certificate(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, nil)
	server, serverKey := certificate(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, authority, authorityKey)
	user, userKey := certificate(t, &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, authority, authorityKey)
	trusted := x509.NewCertPool()
	trusted.AddCert(authority)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{server.Raw}, PrivateKey: serverKey}},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: trusted, NextProtos: []string{"h2"},
	})
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go forward(l, target)
	dir := t.TempDir()
	g := tlsGate{address: l.Addr().String(), ca: filepath.Join(dir, "ca.pem"), cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	der, err := x509.MarshalPKCS8PrivateKey(userKey)
	require.NoError(t, err)
	writePEM(t, g.ca, "CERTIFICATE", authority.Raw)
	writePEM(t, g.cert, "CERTIFICATE", user.Raw)
	writePEM(t, g.key, "PRIVATE KEY", der)
	return g
}

// client are the settings with which one comes in.
func (g tlsGate) client() []string {
	return []string{"TEMPORAL_ADDRESS=" + g.address, "TEMPORAL_TLS_SERVER_CA_CERT_PATH=" + g.ca,
		"TEMPORAL_TLS_CLIENT_CERT_PATH=" + g.cert, "TEMPORAL_TLS_CLIENT_KEY_PATH=" + g.key}
}

// certificate makes one that parent has signed; without a parent it signs itself.
func certificate(t testing.TB, template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template.SerialNumber, template.Subject = bigint.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: "test"}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	require.NoError(t, err)
	made, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return made, key
}

func writePEM(t testing.TB, file, kind string, der []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

// forward passes on what comes in, decrypted, until the listener is closed.
func forward(l net.Listener, target string) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer in.Close()
			out, err := net.Dial("tcp", target)
			if err != nil {
				return
			}
			defer out.Close()
			go func() {
				defer out.Close()
				io.Copy(out, in)
			}()
			io.Copy(in, out)
		}()
	}
}
