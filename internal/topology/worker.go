package topology

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/loopback"
)

// Worker is a worker process. It keeps its directories when it is started again.
type Worker struct {
	*Part
	Address string // host:port of /healthz, /readyz and /metrics
	Data    string // AGENTFACTORY_DATA
	Scratch string // TMPDIR, below which subagents work
}

// Worker returns number i of those that were started, from 0.
func (top *Topology) Worker(i int) *Worker { return top.Workers[i] }

// AddWorker starts one more worker with the flags of Options.WorkerArgs and further ones, and waits until it is ready.
func (top *Topology) AddWorker(args ...string) *Worker {
	top.t.Helper()
	name := fmt.Sprintf("worker-%d", len(top.Workers))
	port, err := loopback.Ports(1)
	require.NoError(top.t, err)
	w := &Worker{Address: loopback.Address(port[0]), Data: top.mkdir(name), Scratch: top.mkdir(name + "-tmp")}
	env := top.workerEnv(w, top.writeProfile(name+".toml", top.through(WorkerToTemporal, top.temporalAddress())))
	flags := slices.Concat([]string{"--address", w.Address}, top.options.WorkerArgs, args)
	w.Part = top.start(name, func() *exec.Cmd {
		cmd := exec.Command(filepath.Join(top.options.Programs, "worker"), flags...)
		cmd.Env = env
		return cmd
	}, top.serves("http://"+w.Address+"/readyz"))
	top.Workers = append(top.Workers, w)
	return w
}

// workerEnv is everything that a worker is told: what is in the environment of the test does not reach it.
func (top *Topology) workerEnv(w *Worker, temporal string) []string {
	model := top.options.ModelURL
	if top.options.ModelFor != nil {
		model = top.options.ModelFor(len(top.Workers))
	}
	return slices.Concat(top.options.WorkerEnv, top.settings(temporal, top.through(WorkerToS3, top.s3Address())), []string{
		"AGENTFACTORY_DATA=" + w.Data, "TMPDIR=" + w.Scratch, "OPENAI_BASE_URL=" + model,
	})
}

// settings connect a program of ours to the servers.
func (top *Topology) settings(temporal, s3 string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"),
		"TEMPORAL_CONFIG_FILE=" + temporal, "TEMPORAL_PROFILE=production",
		"AGENTFACTORY_S3_BUCKET=" + Bucket, "AWS_ENDPOINT_URL_S3=https://" + s3, "AWS_REGION=" + Region, "AWS_CA_BUNDLE=" + top.tls.ca(),
		"AWS_ACCESS_KEY_ID=" + top.s3.key, "AWS_SECRET_ACCESS_KEY=" + top.s3.secret,
		"AGENTFACTORY_PAYLOAD_KEYS_FILE=" + top.payloads,
		"OPENAI_API_KEY=sk-test-0123456789abcdef", "AGENTFACTORY_MODEL=scripted-test",
	}
}
