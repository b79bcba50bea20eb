package pyruntime

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
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

	"agentfactory/internal/secret"
)

// installer is pip or uv. Both resolve and install wheels alone and start no program of a package. Their errors are
// *DependencyError, *IndexError, or others that a later try may not meet again.
type installer interface {
	// resolve returns the wanted packages and all that they need.
	resolve(ctx context.Context, wanted []string) ([]Pin, error)
	// install puts the pins of a requirements file, and nothing else, into an empty directory.
	install(ctx context.Context, pins, packages string) error
}

// ErrNoInstaller: there is neither uv nor a pip that can resolve packages. What is installed already runs all the same.
var ErrNoInstaller = errors.New("nothing installs packages here")

// installTimeout bounds one installation; the largest wheels have some gigabytes.
const installTimeout = 15 * time.Minute

// maxInstalled bounds what one set of requirements may take, in bytes, with its downloads.
const maxInstalled = 4 << 30

// installing lets an installer work in tmp, within bounds of time and size. The cache of downloads stays meanwhile.
func (e *Environments) installing(ctx context.Context, tmp string, names []string, work func(context.Context, installer) error) error {
	downloads, err := e.hold(ctx, downloadsLock, (*flock.Flock).TryRLockContext)
	if err != nil {
		return err
	}
	defer downloads.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, installTimeout, fmt.Errorf("install %s: it did not end within %s", strings.Join(names, ", "), installTimeout))
	defer cancel()
	ctx, stop := boundSize(ctx, tmp, maxInstalled, names)
	defer stop()
	with, err := e.installer(ctx, e.bench(tmp, names))
	if err != nil {
		err = fmt.Errorf("%s: not installed on this worker, and %w", strings.Join(names, ", "), err)
	} else {
		err = work(ctx, with)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("install packages: %w", context.Cause(ctx))
	}
	return err
}

func (e *Environments) bench(tmp string, names []string) bench {
	return bench{tmp: tmp, cache: e.cacheDir(), python: e.python, names: names, outside: e.outside()}
}

// outside is the worker's environment, with the configured index in place of its own.
func (e *Environments) outside() []string {
	environ := os.Environ()
	if e.index == "" {
		return environ
	}
	environ = slices.DeleteFunc(environ, func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains(indexVariables, name)
	})
	return append(environ, "UV_DEFAULT_INDEX="+e.index, "PIP_INDEX_URL="+e.index)
}

// indexVariables name the index; further ones (UV_INDEX, PIP_EXTRA_INDEX_URL, ...) are another matter.
var indexVariables = []string{"UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"}

// installer prefers uv, which is faster. Where an index is configured in pip's files alone, which uv does not read, pip
// is the one that finds it.
func (e *Environments) installer(ctx context.Context, b bench) (installer, error) {
	uv, err := e.findUV()
	if err != nil {
		return nil, err
	}
	if uv != "" && (e.uv != "" || !onlyPipKnowsIndex(b.outside)) {
		return uvInstaller{bench: b, path: uv}, nil
	}
	return newPip(ctx, b)
}

// findUV returns "" when there is none.
func (e *Environments) findUV() (string, error) {
	if e.uv == NoUV {
		return "", nil
	}
	path, err := exec.LookPath(cmp.Or(e.uv, "uv"))
	if err != nil && e.uv != "" {
		return "", fmt.Errorf("%w: the configured uv cannot be run: %w; correct AGENTFACTORY_UV, or unset it", ErrNoInstaller, err)
	}
	return path, nil
}

// bench is where an installer works.
type bench struct {
	tmp     string
	cache   string
	python  Interpreter
	names   []string // what it is about, for errors
	outside []string // the environment of the worker
}

// run runs a command to its end.
func (b bench) run(ctx context.Context, env []string, argv ...string) (stdout, stderr string, err error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = b.tmp, env
	// A group of its own: what a terminal sends to the worker must not end an installation half-way. It ends with the
	// worker, though; that signal comes when the thread ends which has started the program.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	return out.String(), said.String(), err
}

var passed = []string{"PATH", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}

// environ is what an installer sees of the environment: how to reach the index, and no key of anything else, such as those
// with which uv publishes packages.
func (b bench) environ(environ []string, prefix string) []string {
	env := []string{"HOME=" + b.tmp, "TMPDIR=" + b.tmp, "LANG=C.UTF-8"}
	for _, pair := range environ {
		key, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(key, prefix) && !strings.HasPrefix(key, "UV_PUBLISH_") || slices.Contains(passed, strings.ToUpper(key)) {
			env = append(env, pair)
		}
	}
	return env
}

// value is a variable of an environment, "" when it is not set.
func value(environ []string, name string) string {
	for _, pair := range slices.Backward(environ) {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			return v
		}
	}
	return ""
}

// indexSetting finds the lines of pip.conf that say where packages come from.
var indexSetting = regexp.MustCompile(`(?mi)^\s*(extra[-_])?index[-_]url\s*=`)

// onlyPipKnowsIndex tells that the index is configured in one of pip's files and nowhere else.
func onlyPipKnowsIndex(environ []string) bool {
	for _, name := range append([]string{"UV_INDEX", "UV_CONFIG_FILE"}, indexVariables...) {
		if value(environ, name) != "" {
			return false
		}
	}
	return slices.ContainsFunc(append(pipConfigs(), value(environ, "PIP_CONFIG_FILE"), "/etc/pip.conf"), func(file string) bool {
		text, err := os.ReadFile(file)
		return err == nil && indexSetting.Match(text)
	})
}

// boundSize ends the context once a directory holds more than limit bytes. stop joins the goroutine that watches.
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

var (
	// innermost is the end of urllib3's explanations, which says why.
	innermost = regexp.MustCompile(`Caused by \w+\((?:'<[^>]+>: |')(.+?)'\)\)`)
	// troubled tells an index that is there and in trouble from one that cannot be reached at all.
	troubled = regexp.MustCompile(`(?i)\b(429|50[0-9]|52[0-9])\b|timed? ?-?out|reset by peer|RemoteDisconnected|connection closed`)
)

// otherFiles is the reason when the files of an index do not have the digests of a lock.
const otherFiles = "the index serves other files than the lock names; run it without the lock to resolve them anew"

// filled is how installers say that the disk took no more.
var filled = regexp.MustCompile(`No space left on device|Disk quota exceeded|File too large|Read-only file system`)

// DiskError says that the worker's disk takes no more packages. A later try may succeed, once there is space.
type DiskError struct {
	Requirements []string
	Dir          string // of the packages
	Reason       string // one line
}

func (e *DiskError) Error() string {
	return fmt.Sprintf("install %s: the worker's disk takes no more (%s): free space in %s, or set AGENTFACTORY_PACKAGES to a directory on another disk",
		strings.Join(e.Requirements, ", "), e.Reason, e.Dir)
}

// Unwrap makes it what the operating system would have said.
func (e *DiskError) Unwrap() error { return syscall.ENOSPC }

// noSpace tells a disk that is full from everything else that goes wrong with an installer.
func (b bench) noSpace(said string) *DiskError {
	if reason := filled.FindString(said); reason != "" {
		return &DiskError{Requirements: b.names, Dir: filepath.Dir(b.cache), Reason: reason}
	}
	return nil
}

// noIndex is the error for an index that gave no answer about packages.
func (b bench) noIndex(tried, reason string) *IndexError {
	passing := troubled.MatchString(reason)
	if cause := innermost.FindStringSubmatch(reason); cause != nil {
		reason = cause[1]
	}
	return &IndexError{Requirements: b.names, Tried: secret.WithoutLogins(tried), Reason: secret.WithoutLogins(oneLine(reason)), Passing: passing}
}

// firstExisting returns the first of some files that is there, or "".
func firstExisting(files []string) string {
	if i := slices.IndexFunc(files, exists); i >= 0 {
		return files[i]
	}
	return ""
}

// configFiles are files below the user's own configuration directory, which an installer does not see as its HOME.
func configFiles(name string) []string {
	config, err := os.UserConfigDir()
	if err != nil {
		return nil
	}
	return []string{filepath.Join(config, name)}
}
