package sandbox

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Level is a degree of isolation; a higher one is stronger.
type Level int

const (
	None       Level = iota // no isolation; never used for anything untrusted
	Confined                // Landlock, seccomp, limits
	Namespaced              // namespaces of its own, seccomp, limits
)

var levelNames = [...]string{"none", "confined", "namespaced"}

func (l Level) String() string { return levelNames[l] }

// ParseLevel reads the name of a level that can be demanded.
func ParseLevel(name string) (Level, error) {
	for _, l := range []Level{Confined, Namespaced} {
		if name == l.String() {
			return l, nil
		}
	}
	return None, fmt.Errorf("sandbox level %q: use confined or namespaced (AGENTFACTORY_SANDBOX_MIN)", name)
}

// Limits bound one run. All must be set.
type Limits struct {
	Wall      time.Duration
	CPU       time.Duration // of each process; whole seconds
	Memory    int64         // bytes; of each process by the kernel, of all together by polling
	Processes int           // processes and threads
	Output    int64         // bytes kept of stdout and of stderr, each; 16 times that ends the run
	FileSize  int64         // bytes of one file
	Disk      int64         // bytes of the workspace, by polling
}

// Config says how programs are isolated.
type Config struct {
	Python   string   // interpreter of the launcher; default /usr/bin/python3
	ReadOnly []string // what every run may read besides the system's own trees: the interpreter's library
	StateDir string   // directory for what runs need; another place is chosen when the sandbox's user cannot enter it
	Min      Level    // New fails below this; default Confined
	Force    Level    // use this level and no other (tests)
}

// Spec is one run.
type Spec struct {
	Workspace string       // absolute; read-write, the working directory
	Argv      []string     // program and arguments, or
	Script    string       // a trusted Python file that the launcher's interpreter goes on with
	Args      []string     // sys.argv[1:] of Script
	Stdin     []byte       // what it reads from standard input
	Gateway   http.Handler // what answers its requests; nil: nothing does
	Egress    http.Handler // HTTP proxy to the web, for programs that honour HTTP_PROXY; nil: none. At Confined there is none in any case
	CA        []byte       // PEM; authorities that its TLS clients trust besides the system's, where there is an Egress
	Limits    Limits
	Env       []string // all it sees beside PATH, HOME, TMPDIR and the gateway's address
	ReadOnly  []string // further files and trees that it may read
}

// Reason says why a run was ended before its end.
type Reason string

const (
	Ended     Reason = "" // by itself
	Timeout   Reason = "timeout"
	Memory    Reason = "memory"
	CPU       Reason = "cpu"
	Disk      Reason = "disk"
	Output    Reason = "output"
	Cancelled Reason = "cancelled"
)

// Result is what became of a run.
type Result struct {
	Stdout, Stderr []byte // capped
	Truncated      bool   // one of them was longer
	Value          []byte // what it wrote to file descriptor 3, at most MaxValue bytes
	ValueDropped   bool   // it wrote more
	ExitCode       int    // 128+n when signal n ended it
	Reason         Reason
	Wall           time.Duration
	PeakMemory     int64 // bytes, of all processes together, as polled
}

// MaxValue bounds what a run may write to file descriptor 3, in bytes; more is dropped as a whole.
const MaxValue = 8 << 20

// ErrNoLevel: the machine offers no level that is strong enough.
var ErrNoLevel = errors.New("no sufficient isolation")

//go:embed launch.py
var launcher []byte

// Runner runs programs at the level it found.
type Runner struct {
	config   Config
	level    Level
	proc     bool // a fresh /proc can be mounted
	why      []string
	dir      string // launcher, sockets, workspaces
	launcher string
	filter   []byte // seccomp program of the level
	landlock landlock
	asRoot   bool
}

// New finds the strongest level by really running a program at it.
func New(c Config) (*Runner, error) {
	r := &Runner{config: c, asRoot: os.Geteuid() == 0}
	if r.config.Python == "" {
		r.config.Python = "/usr/bin/python3"
	}
	r.config.Min = max(c.Min, Confined)
	if err := r.prepare(); err != nil {
		return nil, fmt.Errorf("prepare the sandbox: %w", err)
	}
	r.probe()
	if r.level < r.config.Min {
		return nil, fmt.Errorf("%w: wanted %v or stronger: %s", ErrNoLevel, r.config.Min, strings.Join(r.why, "; "))
	}
	return r, nil
}

// Level is the isolation that runs get.
func (r *Runner) Level() Level { return r.level }

// Why tells what keeps the level from being stronger, one reason a line.
func (r *Runner) Why() []string { return r.why }

// SharedDir is a directory whose files the sandboxed user can be given to read.
func (r *Runner) SharedDir() string { return filepath.Join(r.dir, "shared") }

// WorkDir is a directory in which workspaces can be made.
func (r *Runner) WorkDir() string { return filepath.Join(r.dir, "work") }

// socketDir is where runs have their sockets, whose paths may have 108 bytes.
func (r *Runner) socketDir() string {
	if dir := filepath.Join(r.dir, "run"); len(dir) < 80 {
		return dir
	}
	if dir, err := publicDir(); err == nil {
		return dir
	}
	return os.TempDir()
}

// Readable reports whether the user under whom programs run can reach a path: root's
// programs run under another user.
func Readable(path string) error {
	if os.Geteuid() != 0 {
		_, err := os.Stat(path)
		return err
	}
	return othersMayReach(path)
}

func (r *Runner) prepare() error {
	dir, err := reachableDir(r.config.StateDir, r.asRoot)
	if err != nil {
		return err
	}
	r.dir = dir
	for _, d := range []string{r.SharedDir(), r.WorkDir(), filepath.Join(dir, "run")} {
		if err := os.MkdirAll(d, 0o711); err != nil {
			return err
		}
	}
	r.launcher = filepath.Join(r.SharedDir(), "launch.py")
	if err := replaceFile(r.launcher, launcher); err != nil {
		return err
	}
	if _, err := os.Stat(r.config.Python); err != nil {
		return fmt.Errorf("find the launcher's Python: %w; install python3, or set AGENTFACTORY_PYTHON", err)
	}
	return nil
}

// probe goes from the strongest level down to the first that works.
func (r *Runner) probe() {
	if r.config.Force != Confined && r.tryNamespaced() {
		return
	}
	r.landlock = findLandlock()
	if r.landlock.abi == 0 {
		r.why = append(r.why, "confined: the kernel has no Landlock")
		r.level = None
		return
	}
	if err := r.try(Confined, false); err != nil {
		r.why = append(r.why, fmt.Sprintf("confined: %v", err))
		r.level = None
	}
}

func (r *Runner) tryNamespaced() bool {
	if _, err := exec.LookPath("bwrap"); err != nil {
		r.why = append(r.why, "namespaced: bubblewrap is not installed (apt-get install bubblewrap)")
		return false
	}
	for _, proc := range []bool{true, false} {
		err := r.try(Namespaced, proc)
		if err == nil {
			return true
		}
		r.why = append(r.why, fmt.Sprintf("namespaced (own /proc: %v): %v", proc, err))
	}
	return false
}

var probeLimits = Limits{Wall: 20 * time.Second, CPU: 10 * time.Second, Memory: 512 << 20, Processes: 32, Output: 4096, FileSize: 1 << 20, Disk: 1 << 20}

func (r *Runner) try(l Level, proc bool) error {
	r.level, r.proc = l, proc
	filter, err := seccompFilter(l, !r.asRoot, r.landlock.abi)
	if err != nil {
		return err
	}
	r.filter = filter
	dir, err := os.MkdirTemp(r.WorkDir(), "probe")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	res, err := r.Run(context.Background(), Spec{Workspace: dir, Argv: []string{"/bin/true"}, Limits: probeLimits})
	if err != nil {
		return err
	}
	if res.ExitCode != 0 || res.Reason != Ended {
		return fmt.Errorf("a probe ended with %d %s: %s", res.ExitCode, res.Reason, strings.TrimSpace(string(res.Stderr)))
	}
	return nil
}
