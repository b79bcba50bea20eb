package pyruntime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Errors of installing for which the subagent is not to blame.
var (
	ErrNoPip            = errors.New("no usable pip")
	ErrIndexUnavailable = errors.New("the package index is unavailable")
)

// installTimeout bounds one installation; the largest wheels have some gigabytes.
const installTimeout = 15 * time.Minute

// maxInstalled bounds what one set of requirements may take, in bytes, with its downloads.
const maxInstalled = 4 << 30

// startPip runs pip so that it can start no program. --only-binary alone does not keep
// source code out: a wheel may require a source archive by its address, and pip would run
// its setup.py. The one program let through is the loader that tells musl's version.
// An argument other than "" is the directory of another Python's pip.
const startPip = `
import importlib.machinery, os, runpy, sys
elsewhere = sys.argv.pop(1)
if elsewhere:
    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            return importlib.machinery.PathFinder.find_spec(name, [elsewhere]) if name == "pip" else None
    sys.meta_path.insert(0, Finder)
starts = {"subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn"}
def refuse(event, args):
    if event in starts and "/ld-musl-" not in os.fsdecode(args[0] if args else ""):
        raise PermissionError("` + refusedProgram + `")
sys.addaudithook(refuse)
runpy.run_module("pip", run_name="__main__", alter_sys=True)
`

const refusedProgram = "only wheels are installed, and this needs a program to run"

// install lets pip put the wanted packages into a directory below tmp.
func (e *Environments) install(ctx context.Context, wanted []string, tmp, packages string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, installTimeout, fmt.Errorf("%w: pip did not end within %s", ErrIndexUnavailable, installTimeout))
	defer cancel()
	ctx, stop := boundSize(ctx, tmp, maxInstalled, wanted)
	defer stop()
	pip, err := e.pip(ctx, tmp)
	if err != nil {
		return err
	}
	log := filepath.Join(tmp, "pip.log")
	stderr, err := e.run(ctx, tmp, append(append(pip, "install", "--only-binary=:all:", "--no-input", "--disable-pip-version-check",
		"--quiet", "--progress-bar=off", "--log", log, "--target", packages, "--"), wanted...)...)
	if ctx.Err() != nil {
		return fmt.Errorf("run pip: %w", context.Cause(ctx))
	}
	if err == nil {
		// Requirements whose markers exclude this Python install nothing.
		return os.MkdirAll(packages, 0o755)
	}
	verbose, logErr := os.ReadFile(log)
	if logErr != nil && !errors.Is(logErr, fs.ErrNotExist) {
		return fmt.Errorf("read pip's log: %w", logErr)
	}
	return judge(wanted, err, stderr, string(verbose))
}

// boundSize ends the context once a directory holds more than limit bytes. stop joins
// the goroutine that watches.
func boundSize(ctx context.Context, dir string, limit int64, wanted []string) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if size(dir) > limit {
					cancel(&DependencyError{Requirements: wanted, Reason: fmt.Sprintf("the packages take more than %d MiB", limit>>20)})
				}
			}
		}
	}()
	return ctx, func() { cancel(nil); <-done }
}

// size sums the files of a tree that changes meanwhile; what vanishes does not count.
func size(dir string) (total int64) {
	filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	})
	return total
}

// pip is the command of the interpreter's own pip or, when it has none (Debian packs it
// apart), of another Python's pip that the interpreter runs.
func (e *Environments) pip(ctx context.Context, tmp string) ([]string, error) {
	start := []string{e.python.Path, "-I", "-c", startPip}
	own := append(slices.Clone(start), "")
	stderr, err := e.run(ctx, tmp, append(slices.Clone(own), "--version")...)
	if err == nil {
		return own, nil
	}
	for _, other := range []string{"python3", "/usr/bin/python3"} {
		dir, err := exec.CommandContext(ctx, other, "-I", "-c", "import os, pip; print(os.path.dirname(os.path.dirname(pip.__file__)))").Output()
		if err != nil {
			continue
		}
		borrowed := append(slices.Clone(start), strings.TrimSpace(string(dir)))
		if _, err := e.run(ctx, tmp, append(slices.Clone(borrowed), "--version")...); err == nil {
			return borrowed, nil
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, fmt.Errorf("%w for Python %s: %w: %s; install it (apt-get install python3-pip, or %s -m ensurepip)",
		ErrNoPip, e.python.Version, err, lastLine(stderr), e.python.Path)
}

// run runs a command of pip in the directory of an installation and returns its stderr.
func (e *Environments) run(ctx context.Context, tmp string, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = tmp, pipEnv(os.Environ(), tmp, filepath.Join(e.dir, "cache"))
	// A group of its own: what a terminal sends to the worker must not end pip half-way.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
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

// userPipConfig is the file that pip would read under the real HOME, which it does not
// see: an organisation's own index is often configured there.
func userPipConfig() string {
	var files []string
	if config, err := os.UserConfigDir(); err == nil {
		files = append(files, filepath.Join(config, "pip", "pip.conf"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		files = append(files, filepath.Join(home, ".pip", "pip.conf"))
	}
	for _, file := range files {
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
	refusal = regexp.MustCompile(`^ERROR: .*(Could not find a version that satisfies|Cannot install .* because|Invalid requirement|requires a different Python|is not a supported wheel|has (invalid|inconsistent) |` + refusedProgram + `)`)
	// versions is pip's list of what there is, oldest first; the submatch holds the last ones.
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
	if before, _, none := strings.Cut(line, "(from versions: none)"); none {
		return before + "(the index has no such package, or no wheel of it for this Python; packages are not built from source)"
	}
	return versions.ReplaceAllString(line, "(there are $1)")
}

// withoutLogin hides the login in an index's or proxy's address.
func withoutLogin(s string) string { return userinfo.ReplaceAllString(s, "//***@") }
