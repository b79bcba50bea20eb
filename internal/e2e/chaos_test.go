package e2e

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"agentfactory/internal/embedded/loopback"
	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/llm/scripted"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/skillstore"
	"agentfactory/workflows"
)

var (
	chaosKills = flag.Int("chaos.kills", 50, "how often TestRandomKills kills a worker, the Temporal server or the S3 server, at least; it does whole rounds")
	chaosSeed  = flag.Uint64("chaos.seed", 0, "seed of its order of kills; 0 takes one from the clock")
)

// working is a model whose runs come by every meta skill that changes something and
// by the three ways of spending: model calls, subagent runs, calls of the subagent's own.
const working = `
conversations:
  - name: subagent
    when: {system: Translate}
    turns: [{text: "three"}]
  - name: run
    when: {user: '/run ([a-z0-9]+)/'}
    turns:
      - calls:
          - {name: list_saved_subagents, arguments: {query: 'translate'}}
          - name: create_subagent
            arguments:
              skill_name: 'skill-{{.Match 1}}'
              code: |
                import time
                from llm import call_llm
                def main(query):
                    said = call_llm("Translate into English.", [{"role": "user", "content": query + " for {{.Match 1}}"}])
                    open("out.txt", "w").write(said)
                    time.sleep(0.7)
                    return {"answer": said, "summary": "tranlated"}
      - calls:
          - {name: modify_subagent, arguments: {filename: subagent.py, old_content: tranlated, new_content: translated}}
          - {name: run_subagent, arguments: {filename: subagent.py, query: drei}}
      - calls: [{name: finish, arguments: {answer: three, subagents: [{entry_file: subagent.py, description: Translates a German word into English.}]}}]
`

// blow is one kill: what dies, at which request of a worker, before or after the server has answered it.
type blow struct {
	victim string // worker, temporal, s3, or both: the worker and Temporal
	at     string // kind of request
	when   moment
}

func (b blow) String() string {
	return fmt.Sprintf("%s %s %s", b.victim, map[moment]string{before: "before", after: "after"}[b.when], b.at)
}

// requests are the kinds of requests at which something may die: the boundaries of every
// activity and what happens inside them. Steps are numbered as the script makes them.
var requests = []struct{ name, method, path string }{
	{"Begin: first turn", "PUT", `/turns/000000\.json`},
	{"Begin: first step", "PUT", `/workspace/000000\.json`},
	{"Think: model call", "POST", `chat/completions`},
	{"Think: turn", "PUT", `/turns/00000[1-3]\.json`},
	{"Consult: step", "PUT", `/workspace/000001\.json`},
	{"EditWorkspace: code", "PUT", `/blobs/`},
	{"EditWorkspace: step", "PUT", `/workspace/00000[23]\.json`},
	{"RunSubagent: its model call", "POST", `subagent/chat/completions`},
	{"RunSubagent: journal", "PUT", `/journal/`},
	{"RunSubagent: step", "PUT", `/workspace/000004\.json`},
	{"ReviewFinish: step", "PUT", `/workspace/000005\.json`},
	{"SaveSkill: version", "PUT", `/versions/.*manifest\.json`},
	{"SaveSkill: case", "PUT", `/cases/`},
	{"SaveSkill: promotion", "PUT", `head\.json`},
	{"Close: result", "PUT", `result\.json`},
}

// blows are at least n kills in a random order, in whole rounds: each kind of request with
// a dying worker before and after it, the servers in turn (each round another one), and
// some at any moment.
func blows(n int, random *rand.Rand) []blow {
	var all []blow
	for round := 0; len(all) < n; round++ {
		for i, r := range requests {
			all = append(all, blow{"worker", r.name, before}, blow{"worker", r.name, after})
			all = append(all, blow{[]string{"temporal", "s3"}[(i+round)%2], r.name, moment((i + round) / 2 % 2)})
		}
		for _, victim := range []string{"worker", "temporal", "s3", "both"} {
			all = append(all, blow{victim, inSandbox, after}, blow{victim, anyMoment, after})
		}
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// inSandbox is the time in which a subagent works by itself: after its model call was journalled.
const inSandbox = "RunSubagent: in the sandbox"

// anyMoment is taken from the clock.
const anyMoment = "any moment"

// Workers, the Temporal server and the S3 server are killed again and again, at every
// boundary of every activity and inside each. Every run ends as if nothing had happened,
// no acknowledged model call is made again, each skill is saved once, and nothing is left
// behind. More of it: go test ./internal/e2e -run TestRandomKills -chaos.kills 1000 -timeout 3h
func TestRandomKills(t *testing.T) {
	seed := *chaosSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("again with -chaos.seed %d -chaos.kills %d", seed, *chaosKills)
	c := newChaos(t)
	random := rand.New(rand.NewPCG(seed, 0))
	plan := blows(*chaosKills, random)
	for i := range 3 {
		c.startWorker(i)
	}
	stop := c.keepRunsGoing(8)
	defer stop()
	for i, b := range plan {
		if b.at == anyMoment {
			time.AfterFunc(time.Duration(random.IntN(1000))*time.Millisecond, func() { c.atAnyMoment(i % len(c.workers)) })
		}
		c.strike(i, b)
	}
	stop()
	c.requireAllCompleted(len(plan))
	c.requireNothingIsLeft()
	t.Logf("%d kills, %d runs, %d model calls of which %d were made again", len(plan), len(c.runs), c.modelCalls(), c.ledger.repeated())
}

// chaos is a stack of processes that can be killed.
type chaos struct {
	*stack
	dir         string
	temporalAt  [2]int // ports of frontend and UI, kept over restarts
	temporalCmd *exec.Cmd
	s3Options   s3server.Options
	ledger      *ledger
	workers     [3]*chaosWorker

	mu     sync.Mutex
	runs   []client.WorkflowRun
	armed  *blow
	struck chan int // number of the worker whose request it was
	going  sync.WaitGroup
}

func newChaos(t *testing.T) *chaos {
	ctx := t.Context()
	dir := t.TempDir()
	ports, err := loopback.Ports(3)
	require.NoError(t, err)
	c := &chaos{dir: dir, temporalAt: [2]int{ports[0], ports[1]}, struck: make(chan int, 1), ledger: newLedger()}
	c.s3Options = s3server.Options{Dir: filepath.Join(dir, "s3"), Addr: loopback.Address(ports[2]), AccessKey: "test", SecretKey: "test-secret"}
	c.stack = &stack{t: t, address: loopback.Address(ports[0])}
	c.startTemporal()
	t.Cleanup(func() { c.killTemporal() })
	c.startS3()
	t.Cleanup(func() { c.s3.Stop() })
	require.NoError(t, objectstore.EnsureBucket(ctx, c.s3.Client(), bucket))
	c.temporal = dial(t, c.address)
	script, err := scripted.Parse([]byte(working))
	require.NoError(t, err)
	c.model, err = scripted.NewServer(script, scripted.Options{})
	require.NoError(t, err)
	model, err := scripted.Start("127.0.0.1:0", c.model)
	require.NoError(t, err)
	t.Cleanup(func() { model.Close() })
	c.modelURL, c.s3URL = model.URL, c.s3.Endpoint
	objects := objectstore.NewBucket(c.s3.Client(), bucket)
	c.objects, c.skills, c.records = objects, skillstore.New(objects), run.NewRecords(objects)
	return c
}

// temporalEnv makes this test binary a Temporal server: directory and ports.
const temporalEnv = "E2E_TEMPORAL_SERVER"

func (c *chaos) startTemporal() {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d", temporalEnv, filepath.Join(c.dir, "temporal"), c.temporalAt[0], c.temporalAt[1]))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(c.t, cmd.Start())
	c.temporalCmd = cmd
	require.Eventually(c.t, func() bool { return strings.Contains(out.String(), "serving") }, testPatience, tick, "Temporal did not come back: %s", out)
}

func (c *chaos) startS3() {
	server, err := s3server.Start(context.Background(), c.s3Options)
	require.NoError(c.t, err)
	c.s3 = server
}

// atAnyMoment lets the armed blow fall, whatever is going on.
func (c *chaos) atAnyMoment(worker int) {
	if b, armed := c.take(anyMoment); armed {
		c.fall(b, worker)
	}
}

// strike waits for the request of a blow, lets it fall, and brings back what died.
func (c *chaos) strike(number int, b blow) {
	c.mu.Lock()
	c.armed = &b
	c.mu.Unlock()
	var worker int
	select {
	case worker = <-c.struck:
	case <-time.After(testPatience):
		c.t.Fatalf("blow %d (%s): nobody came by within %s", number, b, testPatience)
	}
	switch b.victim {
	case "worker":
		c.startWorker(worker)
	case "temporal":
		c.startTemporal()
	case "s3":
		c.startS3()
	case "both": // the worker comes back before the server does
		returned := make(chan struct{})
		go func() { defer close(returned); c.startWorker(worker) }()
		time.Sleep(time.Second)
		c.startTemporal()
		<-returned
	}
}

// fall kills the victim of a blow; called in the middle of a worker's request.
func (c *chaos) fall(b blow, worker int) {
	switch b.victim {
	case "worker":
		c.workers[worker].kill()
	case "temporal":
		c.killTemporal()
	case "both":
		c.workers[worker].kill()
		c.killTemporal()
	case "s3":
		_ = syscall.Kill(c.s3.Pid(), syscall.SIGKILL)
		<-c.s3.Done()
	}
	c.struck <- worker
}

func (c *chaos) killTemporal() {
	_ = c.temporalCmd.Process.Kill()
	_ = c.temporalCmd.Wait() // ends with the signal
}

// keepRunsGoing starts a new run whenever one has ended, until stop is called, which
// waits for those that are going on.
func (c *chaos) keepRunsGoing(atOnce int) (stop func()) {
	stopped := make(chan struct{})
	for slot := range atOnce {
		c.going.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stopped:
					return
				default:
					c.oneRun(fmt.Sprintf("s%dn%d", slot, n))
				}
			}
		})
	}
	return sync.OnceFunc(func() { close(stopped); c.going.Wait() })
}

// oneRun starts a run and waits for its end, patient with a Temporal server that dies.
func (c *chaos) oneRun(id string) {
	options := client.StartWorkflowOptions{ID: id, TaskQueue: workflows.TaskQueue}
	input := workflows.InstallInput{Task: "run " + id}
	var r client.WorkflowRun
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		started, err := c.temporal.ExecuteWorkflow(ctx, options, workflows.InstallType, input)
		cancel()
		if err == nil {
			r = started
			break
		}
		time.Sleep(time.Second)
	}
	c.mu.Lock()
	c.runs = append(c.runs, r)
	c.mu.Unlock()
	for deadline := time.Now().Add(runPatience); time.Now().Before(deadline); time.Sleep(300 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		d, err := c.temporal.DescribeWorkflowExecution(ctx, id, "")
		cancel()
		if err == nil && d.GetWorkflowExecutionInfo().GetCloseTime() != nil {
			return
		}
	}
}
