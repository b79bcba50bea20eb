package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"agentfactory/internal/codec"
	"agentfactory/internal/config"
	"agentfactory/internal/run"
	"agentfactory/internal/service"
	"agentfactory/workflows"
)

// Words that nobody but the run may read: of the task, of its file, of what a person says, of a wrong input.
const (
	secretTask = "zebrafinch"
	secretFile = "kakapo"
	secretNote = "hoopoe"
	wrongField = "aproval"
)

// payloadKey is a new key as it is configured.
func payloadKey(id string) string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return id + ":" + base64.StdEncoding.EncodeToString(key)
}

// encrypt has the workers that are started from now on, and this test, use payload keys.
func (s *stack) encrypt(keys ...string) {
	s.t.Helper()
	s.configuration = fmt.Sprintf("encryption: {payload_keys: %q}\n", strings.Join(keys, " "))
	s.temporal = s.dial(keys...)
}

// dial connects with other keys, or with none.
func (s *stack) dial(keys ...string) service.Temporal {
	s.t.Helper()
	c, err := service.DialTemporal(s.t.Context(), s.address, config.Encryption{PayloadKeys: config.Secret(strings.Join(keys, " "))})
	require.NoError(s.t, err)
	s.t.Cleanup(c.Close)
	return c
}

// stored is everything that the server tells about a run to somebody without a key: its history and what is listed of it.
func (s *stack) stored(id string) (text string, events []*historypb.HistoryEvent) {
	s.t.Helper()
	plain := s.dial()
	history := plain.GetWorkflowHistory(s.t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		e, err := history.Next()
		require.NoError(s.t, err)
		events = append(events, e)
		text += readable(s.t, e)
	}
	described, err := plain.DescribeWorkflowExecution(s.t.Context(), id, "")
	require.NoError(s.t, err)
	listed, err := plain.ListWorkflow(s.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: fmt.Sprintf("WorkflowId = '%s'", id)})
	require.NoError(s.t, err)
	return text + readable(s.t, described) + readable(s.t, listed), events
}

// readable is a message in both of its forms.
func readable(t testing.TB, m proto.Message) string {
	t.Helper()
	wire, err := proto.Marshal(m)
	require.NoError(t, err)
	return string(wire) + prototext.Format(m)
}

// codecServer serves the UI's protocol by `starter codec-server` and returns its address.
func (s *stack) codecServer(token, keys string) string {
	s.t.Helper()
	program, err := starterBinary()
	require.NoError(s.t, err)
	file := filepath.Join(s.t.TempDir(), "token")
	require.NoError(s.t, os.WriteFile(file, []byte(token+"\n"), 0o600))
	cmd, out := exec.Command(program, "codec-server", "--listen", "127.0.0.1:0", "--token-file", file), &lockedBuffer{}
	cmd.Env, cmd.Stderr = []string{"HOME=" + s.t.TempDir(), "AGENTFACTORY_PAYLOAD_KEYS=" + keys}, out
	require.NoError(s.t, cmd.Start())
	s.t.Cleanup(func() {
		require.NoError(s.t, cmd.Process.Signal(os.Interrupt))
		require.NoError(s.t, cmd.Wait(), "Ctrl-C ends it with 0: %s", out)
	})
	var found []string
	address := regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	require.Eventually(s.t, func() bool { found = address.FindAllString(out.String(), 1); return found != nil }, testPatience, tick, out)
	return found[0]
}

func TestTemporalStoresNothingReadableOfAnEncryptedRun(t *testing.T) {
	t.Parallel()
	s := newStack(t, wordCount)
	key := payloadKey("2026-11")
	s.encrypt(key)
	s.worker()
	p := s.scheduler()
	p.env = append(p.env, "AGENTFACTORY_PAYLOAD_KEYS="+key)
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, "first.txt"), []byte("drei kleine "+secretFile), 0o600))

	id := strings.TrimSpace(p.run("install", "count the words of the "+secretTask, "--file", "first.txt", "--approval", "finish", "--detach"))
	require.NotContains(t, id, secretTask, "IDs are not encrypted")
	r := s.temporal.GetWorkflow(t.Context(), id, "")
	waiting := s.waitFor(r, phase(run.WaitingForApproval))
	s.mustUpdate(r, workflows.ApproveUpdate, workflows.Approve{ApprovalID: waiting.Approval.ApprovalID, Decision: workflows.DecideApprove, Note: "the " + secretNote + " agrees"})
	res, err := s.result(r)
	require.NoError(t, err)
	require.Equal(t, "words: 3", res.Answer)
	text, _ := s.stored(id)
	for _, secret := range []string{secretTask, secretFile, secretNote, "words: 3"} {
		require.NotContains(t, text, secret)
	}
	require.Contains(t, text, "word-count", "search attributes are not encrypted")
	require.Contains(t, p.run("runs", "list"), secretTask, "whoever has the key reads its memo")

	s.keysAreInThePolicy()

	// A failure.
	_, err = s.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "typo", TaskQueue: workflows.TaskQueue}, workflows.InstallType, map[string]string{"task": "x", wrongField: "finish"})
	require.NoError(t, err)
	_, err = s.result(s.temporal.GetWorkflow(t.Context(), "typo", ""))
	require.ErrorContains(t, err, `unknown field "`+wrongField+`"`)
	text, _ = s.stored("typo")
	require.NotContains(t, text, wrongField)
	require.Contains(t, text, "InvalidInput", "types of errors are not encrypted")

	// A turn that is taken again is found in an encrypted history.
	require.Contains(t, p.run("runs", "reset", id, "--turn", "2"), "goes on from turn 2")

	// A schedule.
	p.run("schedule", "create", "daily", "--cron", "@daily", "--", "solve", "look at the "+secretTask)
	described, err := s.dial().WorkflowService().DescribeSchedule(t.Context(), &workflowservice.DescribeScheduleRequest{Namespace: "default", ScheduleId: "daily"})
	require.NoError(t, err)
	require.NotContains(t, readable(t, described), secretTask)
	require.Contains(t, string(p.describe("daily").Input), secretTask)
}

// keysAreInThePolicy holds what lies in the bucket against what docs/security/bucket-policy.json allows.
func (s *stack) keysAreInThePolicy() {
	s.t.Helper()
	policy, err := os.ReadFile("../../docs/security/bucket-policy.json")
	require.NoError(s.t, err)
	listed, err := s.objects.List(s.t.Context(), "", "", 0)
	require.NoError(s.t, err)
	require.NotEmpty(s.t, listed)
	for _, o := range listed {
		folder, _, _ := strings.Cut(o.Key, "/")
		require.Contains(s.t, string(policy), "BUCKET/"+folder+"/*", o.Key)
	}
}

func TestTheTemporalCLIReadsAndStartsEncryptedRunsByACodecServer(t *testing.T) {
	t.Parallel()
	s := newStack(t, wordCount)
	key, token := payloadKey("k"), strings.Repeat("t", 40)
	s.encrypt(key)
	s.worker()
	c, endpoint := s.cli(), s.codecServer(token, key)
	through := []string{"--codec-endpoint", endpoint, "--codec-auth", "Bearer " + token}
	c.start("words", `{"task":"count the words of the `+secretTask+`","files":[{"path":"first.txt","text":"drei kleine Wörter"}]}`, through...)
	res, err := s.result(s.temporal.GetWorkflow(t.Context(), "words", ""))
	require.NoError(t, err)
	require.Equal(t, "words: 3", res.Answer)
	text, _ := s.stored("words")
	require.NotContains(t, text, secretTask, "what the command sends is encrypted")

	show := []string{"workflow", "show", "--workflow-id", "words", "--output", "json"}
	require.NotContains(t, payloadsIn(c.run(show...)), "words: 3")
	shown := payloadsIn(c.run(append(show, through...)...))
	require.Contains(t, shown, secretTask)
	require.Contains(t, shown, "words: 3")
	require.Contains(t, c.run(append([]string{"workflow", "result", "--workflow-id", "words"}, through...)...), "words: 3")
	refused, err := http.Post(endpoint+"/decode", "application/json", strings.NewReader(`{"payloads":[]}`))
	require.NoError(t, err)
	refused.Body.Close()
	require.Equal(t, http.StatusUnauthorized, refused.StatusCode)
}

// payloadsIn are the payloads in what the command shows of a history, where they are in base64.
func payloadsIn(history string) (text string) {
	for _, found := range regexp.MustCompile(`"data": "([^"]*)"`).FindAllStringSubmatch(history, -1) {
		payload, _ := base64.StdEncoding.DecodeString(found[1]) // what is none says nothing
		text += string(payload) + "\n"
	}
	return text
}

// keysOf are the IDs of the keys in a history.
func keysOf(events []*historypb.HistoryEvent) string {
	text := ""
	for _, e := range events {
		text += prototext.Format(e)
	}
	ids := map[string]bool{}
	for _, found := range regexp.MustCompile(`encryption-key-id"\s+value:\s*"([^"]*)"`).FindAllStringSubmatch(text, -1) {
		ids[found[1]] = true
	}
	list, _ := json.Marshal(ids) // sorted; cannot fail
	return string(list)
}

func TestTheKeyIsChangedWhileARunWaits(t *testing.T) {
	t.Parallel()
	s := newStack(t, wordCount)
	old, fresh := payloadKey("old"), payloadKey("fresh")
	s.encrypt(old)
	w := s.worker()
	r := s.start(workflows.InstallInput{Task: "count the words", Approval: workflows.ApproveFinish, Files: []run.InputFile{{Path: "first.txt", Text: "drei kleine Wörter"}}})
	s.waitFor(r, phase(run.WaitingForApproval))
	w.kill()

	// A worker without the old key does the run no harm.
	s.encrypt(fresh)
	w = s.worker()
	_, err := s.status(r)
	require.ErrorContains(t, err, codec.ErrUnknownKey.Error())
	w.kill()

	s.encrypt(fresh, old)
	s.worker()
	st := s.waitFor(r, phase(run.WaitingForApproval))
	s.mustUpdate(r, workflows.ApproveUpdate, workflows.Approve{ApprovalID: st.Approval.ApprovalID, Decision: workflows.DecideApprove})
	res, err := s.result(s.temporal.GetWorkflow(t.Context(), r.GetID(), r.GetRunID())) // r has the old key alone
	require.NoError(t, err)
	require.Equal(t, "words: 3", res.Answer)
	_, events := s.stored(r.GetID())
	require.Equal(t, `{"fresh":true,"old":true}`, keysOf(events))
}

func TestARunThatNoWorkerCanReadWaitsForTheKey(t *testing.T) {
	t.Parallel()
	s := newStack(t, wordCount)
	mine, theirs := payloadKey("mine"), payloadKey("theirs")
	s.encrypt(theirs)
	w := s.worker()
	s.encrypt(mine)
	r := s.start(workflows.InstallInput{Task: "count the words", Files: []run.InputFile{{Path: "first.txt", Text: "drei kleine Wörter"}}})
	other := s.dial(theirs)
	waits := func(e *historypb.HistoryEvent) bool {
		failed := e.GetWorkflowTaskFailedEventAttributes()
		return failed != nil && strings.Contains(other.Payloads.Message(failed.GetFailure()), `waits for a worker that can read it: a payload is encrypted with key "mine"`)
	}
	require.Eventually(t, func() bool { // only the first of the failures is sure to stand in the history
		history := other.GetWorkflowHistory(t.Context(), r.GetID(), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			if e, err := history.Next(); err != nil || waits(e) {
				return err == nil
			}
		}
		return false
	}, testPatience, 10*tick)
	w.kill()
	s.encrypt(mine, theirs)
	s.worker()
	res, err := s.result(r)
	require.NoError(t, err)
	require.Equal(t, "words: 3", res.Answer)
}
