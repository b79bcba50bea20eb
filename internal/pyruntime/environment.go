package pyruntime

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// Environments provides the packages that subagents declare. Each set of requirements is
// installed once, into a directory named by its digest; what a version range resolved
// to then stays. It is safe for concurrent use, also by several processes.
type Environments struct {
	dir    string // <digest>/, locks/, cache/, .build-<digest>-*/
	python Interpreter
}

// DependencyError says that what a subagent declared cannot be had.
type DependencyError struct {
	Requirements []string
	Reason       string // one line
}

func (e *DependencyError) Error() string {
	return fmt.Sprintf("install %s: %s", strings.Join(e.Requirements, ", "), e.Reason)
}

// Errors of installing for which the subagent is not to blame.
var (
	ErrNoPip            = errors.New("no usable pip")
	ErrIndexUnavailable = errors.New("the package index is unavailable")
)

// buildTimeout bounds one installation; the largest wheels have some gigabytes.
const buildTimeout = 15 * time.Minute

// NewEnvironments keeps environments below dir, which other users may then read.
func NewEnvironments(dir string, python Interpreter) (*Environments, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("locate the environments: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "locks"), 0o755); err != nil {
		return nil, fmt.Errorf("make the directory of environments: %w", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, fmt.Errorf("open the directory of environments: %w", err)
	}
	return &Environments{dir: dir, python: python}, nil
}

// For returns a directory for PYTHONPATH that holds the required packages, and installs
// them first if need be; "" without requirements. Only wheels are installed, so nothing
// of a package is executed here. It fails with a *DependencyError when the requirements
// are wrong, and otherwise with an error that a later try may not meet again.
func (e *Environments) For(ctx context.Context, requirements []string) (string, error) {
	wanted, err := checkRequirements(requirements)
	if err != nil {
		return "", &DependencyError{Requirements: requirements, Reason: err.Error()}
	}
	if len(wanted) == 0 {
		return "", nil
	}
	digest := e.digest(wanted)
	dir := filepath.Join(e.dir, digest)
	if exists(dir) {
		return dir, nil
	}
	lock := flock.New(filepath.Join(e.dir, "locks", digest), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 50*time.Millisecond); err != nil {
		return "", fmt.Errorf("wait for the installation of %s: %w", strings.Join(wanted, ", "), err)
	}
	defer lock.Close()
	if exists(dir) {
		return dir, nil
	}
	return dir, e.build(ctx, wanted, digest)
}

func (e *Environments) digest(wanted []string) string {
	sum := sha256.Sum256([]byte(e.python.minor() + " " + runtime.GOARCH + "\n" + strings.Join(wanted, "\n")))
	return hex.EncodeToString(sum[:16])
}

func exists(dir string) bool {
	_, err := os.Stat(dir)
	return err == nil
}

// build installs into a directory of its own name and renames it: a process that died
// leaves its directory, and perhaps a pip that still writes into it.
func (e *Environments) build(ctx context.Context, wanted []string, digest string) error {
	stale, err := filepath.Glob(filepath.Join(e.dir, ".build-"+digest+"-*"))
	if err != nil {
		return err
	}
	for _, dir := range stale {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("clear an interrupted installation: %w", err)
		}
	}
	tmp, err := os.MkdirTemp(e.dir, ".build-"+digest+"-")
	if err != nil {
		return fmt.Errorf("make a directory for packages: %w", err)
	}
	defer os.RemoveAll(tmp)
	packages := filepath.Join(tmp, "packages")
	if err := e.install(ctx, wanted, tmp, packages); err != nil {
		return err
	}
	if err := openToOthers(packages); err != nil {
		return fmt.Errorf("open the packages to other users: %w", err)
	}
	if err := os.Rename(packages, filepath.Join(e.dir, digest)); err != nil {
		return fmt.Errorf("put the packages in place: %w", err)
	}
	return nil
}

func (e *Environments) install(ctx context.Context, wanted []string, tmp, packages string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, buildTimeout, fmt.Errorf("%w: pip did not end within %s", ErrIndexUnavailable, buildTimeout))
	defer cancel()
	pip, err := e.pip(ctx, tmp)
	if err != nil {
		return err
	}
	log := filepath.Join(tmp, "pip.log")
	stderr, err := e.run(ctx, tmp, append(append(pip, "install", "--only-binary=:all:", "--no-input", "--disable-pip-version-check",
		"--quiet", "--progress-bar=off", "--log", log, "--target", packages, "--"), wanted...))
	if err == nil {
		// Requirements whose markers exclude this Python install nothing.
		return os.MkdirAll(packages, 0o755)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("install %s: %w", strings.Join(wanted, ", "), context.Cause(ctx))
	}
	verbose, logErr := os.ReadFile(log)
	if logErr != nil && !errors.Is(logErr, fs.ErrNotExist) {
		return fmt.Errorf("read pip's log: %w", logErr)
	}
	return judge(wanted, err, stderr, string(verbose))
}

// pip is the command of the interpreter's own pip or, when it has none, of another
// Python's pip that can work for it (--python, pip 22.3).
func (e *Environments) pip(ctx context.Context, tmp string) ([]string, error) {
	own := []string{e.python.Path, "-I", "-m", "pip"}
	tried := []error{}
	for _, pip := range [][]string{
		own,
		{"python3", "-I", "-m", "pip", "--python", e.python.Path},
		{"/usr/bin/python3", "-I", "-m", "pip", "--python", e.python.Path},
	} {
		stderr, err := e.run(ctx, tmp, append(slices.Clone(pip), "--version"))
		if err == nil {
			return pip, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		tried = append(tried, fmt.Errorf("%s: %w %s", pip[0], err, lastLine(stderr)))
	}
	return nil, fmt.Errorf("%w for Python %s (%v); install it: apt-get install python3-pip, or %s -m ensurepip", ErrNoPip, e.python.Version, tried[0], e.python.Path)
}

// run runs a command of pip in a directory of the installation and returns its stderr.
func (e *Environments) run(ctx context.Context, tmp string, argv []string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = tmp, pipEnv(os.Environ(), tmp, filepath.Join(e.dir, "cache"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // pip --python has a child
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	return stderr.String(), err
}

var passed = []string{"PATH", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}

// pipEnv is what pip sees: how to reach the index, and no key of anything else.
func pipEnv(environ []string, tmp, cache string) []string {
	env := []string{"HOME=" + tmp, "TMPDIR=" + tmp, "LANG=C.UTF-8", "PIP_CACHE_DIR=" + cache}
	if file := userPipConfig(); file != "" {
		env = append(env, "PIP_CONFIG_FILE="+file)
	}
	for _, pair := range environ {
		key, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(key, "PIP_") || slices.Contains(passed, strings.ToUpper(key)) {
			env = append(env, pair)
		}
	}
	// Settings for people's shells that contradict --target.
	return append(env, "PIP_REQUIRE_VIRTUALENV=0", "PIP_USER=0")
}

// userPipConfig is where pip would look under the real HOME, which it does not see: an
// organisation's own index is often configured there.
func userPipConfig() string {
	config, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	for _, file := range []string{filepath.Join(config, "pip", "pip.conf"), filepath.Join(os.Getenv("HOME"), ".pip", "pip.conf")} {
		if exists(file) {
			return file
		}
	}
	return ""
}

var (
	// unreached are the pages that pip's log says it could not read, with the reason. A
	// page that is absent or forbidden says something about the package, others do not.
	unreached = regexp.MustCompile(`Could not fetch URL (\S+): (.+) - skipping`)
	absent    = regexp.MustCompile(`^(403|404|410) Client Error`)
	// insecure is an index that pip leaves out because it is configured without TLS.
	insecure = regexp.MustCompile(`The repository located at \S+ is not a trusted or secure host`)
	// refusal is how pip says that the requirements are to blame.
	refusal = regexp.MustCompile(`^ERROR: (Could not find a version that satisfies|Cannot install|Invalid requirement|Package .* requires a different Python|.* is not a supported wheel|Requested .* has (invalid|inconsistent))`)
	// versions is the list in which pip shows all that there is, oldest first.
	versions = regexp.MustCompile(`\(from versions: .*?((?:[^, ]+, ){0,7}[^, ]+)\)`)
	userinfo = regexp.MustCompile(`//[^/@\s]+@`)
)

// judge tells whether the requirements or the circumstances made pip fail. pip says "no
// matching distribution" also when it did not reach the index; only its log knows.
func judge(wanted []string, err error, stderr, log string) error {
	for _, page := range unreached.FindAllStringSubmatch(log, -1) {
		if !absent.MatchString(page[2]) {
			return fmt.Errorf("%w: %s: %s", ErrIndexUnavailable, withoutLogin(page[1]), withoutLogin(page[2]))
		}
	}
	if ignored := insecure.FindString(log); ignored != "" {
		return fmt.Errorf("%w: %s; use https or set PIP_TRUSTED_HOST", ErrIndexUnavailable, ignored)
	}
	for line := range strings.Lines(stderr) {
		if refusal.MatchString(line) {
			return &DependencyError{Requirements: wanted, Reason: reason(line)}
		}
	}
	return fmt.Errorf("pip failed for %s: %w: %s", strings.Join(wanted, ", "), err, withoutLogin(lastLine(stderr)))
}

func reason(line string) string {
	line = withoutLogin(strings.TrimPrefix(oneLine(line), "ERROR: "))
	if strings.Contains(line, "(from versions: none)") {
		return strings.Replace(line, "(from versions: none)", "(the index has no such package, or no wheel of it for this Python; packages are not built from source)", 1)
	}
	return versions.ReplaceAllString(line, "(there are $1)")
}

// withoutLogin hides the login of an index's or proxy's address.
func withoutLogin(s string) string { return userinfo.ReplaceAllString(s, "//***@") }

// openToOthers lets any user read the tree; pip's modes follow this process's umask.
func openToOthers(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if d.IsDir() || info.Mode()&0o100 != 0 {
			mode = 0o755
		}
		return os.Chmod(path, mode)
	})
}
