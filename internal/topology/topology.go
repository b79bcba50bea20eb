// Package topology starts the production set-up of docs/operations.md for a test, without containers: PostgreSQL, a Temporal
// server of its own processes with the files of docs/production, an S3 server, Temporal's UI, workers and commands, all of them
// real programs that speak TLS with certificates of one private authority. Every part can be killed and started again, and
// proxies can be put between them.
//
// The servers are built from the module in programs, whose versions are those that the embedded stack links. The package is
// for tests alone; it may import objectstore, config, service and codec, to look at what the parts have done.
package topology

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/loopback"
)

// The names that a test finds in the parts.
const (
	Namespace = "production"
	Bucket    = "agentfactory"
	Region    = "us-east-1"
)

// Link is a connection between two parts that can be led through a proxy.
type Link string

const (
	WorkerToTemporal   Link = "workers to Temporal"
	WorkerToS3         Link = "workers to S3"
	TemporalToPostgres Link = "Temporal to PostgreSQL"
)

// Options say what is started and how it is connected.
type Options struct {
	Workers  int    // worker processes
	ModelURL string // of the model that workers ask
	// ModelFor, if there is one, is asked for the URL of each worker, from 0, in the place of ModelURL.
	ModelFor   func(worker int) string
	WorkerArgs []string // flags of every worker
	WorkerEnv  []string // NAME=VALUE for every worker, before the topology's own
	UI         bool     // Temporal's UI as well
	Encrypted  bool     // payloads are encrypted, and a codec server decrypts them for the UI and the Temporal CLI
	// Proxy, if there is one, is asked once for each link of each part, with the host:port to be reached, and returns the host:port that the
	// link uses instead. TLS goes through: certificates are valid for 127.0.0.1 at every port.
	Proxy func(link Link, target string) string
	// Dir is a directory for everything that the parts keep, which other users may enter; "" makes one. The S3 server keeps
	// its data below Dir/s3, worker N below Dir/worker-N and Dir/worker-N-tmp: each can be a disk of its own.
	Dir string
	// Programs is a directory with worker and starter as Build makes them; "" builds them for this topology alone.
	Programs string
}

// Topology is what is running. It ends with its test.
type Topology struct {
	Postgres, Temporal, S3 *Part
	UI                     *Part // nil without Options.UI
	Codec                  *Part // nil without Options.Encrypted
	Workers                []*Worker

	t        testing.TB
	options  Options
	dir      string // readable for PostgreSQL's user and for subagents
	module   string // directory of this repository
	servers  servers
	tls      certificates
	sql      password
	s3       s3Account
	ports    ports
	profile  string // Temporal's configuration file for operators
	payloads string // file with the payload keys; "" when they are not encrypted
}

type password struct{ superuser, temporal string }

// ports on 127.0.0.1; they stay the same when a part is started again.
type ports struct {
	postgres, s3, ui, codec int
	temporal                map[string]int // by the variable of docs/production/temporal.yaml
}

// Start brings everything up in the order in which an operator would, and returns when all of it is ready. A test that lacks
// one of the programs is skipped, or fails if AGENTFACTORY_TEST_REQUIRE is "all".
func Start(t testing.TB, o Options) *Topology {
	t.Helper()
	top := &Topology{t: t, options: o, servers: findServers(t), sql: password{secret(), secret()}, s3: s3Account{"production", secret()}}
	top.dir, top.module = o.Dir, moduleDir(t)
	if o.Dir == "" {
		top.dir = PublicDir(t)
	}
	top.tls = newCertificates(t, top.dir)
	top.ports = choosePorts(t)
	if o.Programs == "" {
		top.options.Programs = filepath.Join(top.dir, "bin")
		Build(t, top.options.Programs)
	}
	top.profile = top.writeProfile("operator.toml", top.temporalAddress())
	if o.Encrypted {
		top.startCodec()
	}
	top.startPostgres()
	top.startTemporal()
	top.startS3()
	top.prepare()
	if o.UI {
		top.startUI()
	}
	for range o.Workers {
		top.AddWorker()
	}
	return top
}

// prepare makes what lives in the servers: the bucket, the namespace and the search attributes.
func (top *Topology) prepare() {
	top.t.Helper()
	said := top.operator("worker").Run("setup", "--retention", "30d")
	require.Contains(top.t, said, "namespace "+Namespace+": made")
}

// through is the address at which a link reaches its target.
func (top *Topology) through(link Link, target string) string {
	if top.options.Proxy == nil {
		return target
	}
	return top.options.Proxy(link, target)
}

// Build makes the programs of this repository in a directory, for topologies of several tests.
func Build(t testing.TB, dir string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	out, err := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "agentfactory/worker", "agentfactory/starter").CombinedOutput()
	require.NoError(t, err, "build worker and starter: %s", out)
}

func choosePorts(t testing.TB) ports {
	t.Helper()
	variables := []string{"FRONTEND", "HISTORY", "MATCHING", "SYSTEM_WORKER"}
	free, err := loopback.Ports(4 + 2*len(variables))
	require.NoError(t, err)
	p := ports{postgres: free[0], s3: free[1], ui: free[2], codec: free[3], temporal: map[string]int{}}
	for i, v := range variables {
		p.temporal[v+"_PORT"], p.temporal[v+"_MEMBERSHIP_PORT"] = free[4+2*i], free[5+2*i]
	}
	return p
}

// PublicDir is a directory that other users may enter, which those of t.TempDir are not. It goes with the test.
func PublicDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "topology-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

func moduleDir(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// path names a file of this topology.
func (top *Topology) path(elements ...string) string {
	return filepath.Join(append([]string{top.dir}, elements...)...)
}

func (top *Topology) mkdir(name string) string {
	top.t.Helper()
	dir := top.path(name)
	require.NoError(top.t, os.MkdirAll(dir, 0o755))
	return dir
}
