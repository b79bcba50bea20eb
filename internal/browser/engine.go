package browser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/playwright-community/playwright-go"
)

// engine is a running driver with its browser.
type engine struct {
	driver  *playwright.Playwright
	browser playwright.Browser
	dir     string // of this start alone: profile, temporary files, home directory
	pid     int    // of the driver
	once    sync.Once
}

type launchOptions struct {
	headless bool
	direct   bool // contexts without a proxy of their own reach the network
}

const (
	startTime = 40 * time.Second // of driver and browser; they take two seconds, on a busy machine many
	stopTime  = 5 * time.Second  // after which they are killed
)

// start starts a driver and a browser. Their directory is below stateDir.
func start(ctx context.Context, i Installation, stateDir string, o launchOptions) (*engine, error) {
	source, err := prepare(ctx, i, stateDir)
	if err != nil {
		return nil, fmt.Errorf("prepare the Playwright driver: %w", err)
	}
	dir, err := startDir(stateDir)
	if err != nil {
		return nil, fmt.Errorf("start the browser: %w", err)
	}
	e := &engine{dir: dir}
	if err := e.link(source, i.Node); err != nil {
		e.stop()
		return nil, fmt.Errorf("start the browser: %w", err)
	}
	started := make(chan error, 1)
	go func() { started <- e.launch(i, o) }()
	within, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	select {
	case err = <-started:
	case <-within.Done():
		e.kill() // which ends launch
		go func() { <-started; e.stop() }()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("start the browser %s: it did not start within %v", i.Executable, startTime)
	}
	if err != nil {
		err = startFailure(err, e.dir, os.TempDir())
		e.stop()
		return nil, fmt.Errorf("start the browser %s: %w", i.Executable, err)
	}
	return e, nil
}

// launch cannot be interrupted but by killing the driver.
func (e *engine) launch(i Installation, o launchOptions) error {
	var err error
	if e.driver, err = playwright.Run(e.runOptions()); err != nil {
		return err
	}
	e.pid = e.readPID()
	e.browser, err = e.driver.Chromium.Launch(e.browserOptions(i, o))
	return err
}

func (e *engine) runOptions() *playwright.RunOptions {
	return &playwright.RunOptions{
		DriverDirectory: e.dir, SkipInstallBrowsers: true, Verbose: false,
		Stdout: io.Discard, Stderr: io.Discard,
		Logger: slog.New(slog.DiscardHandler), // without one, Stderr would become that of the whole program's log
	}
}

func (e *engine) browserOptions(i Installation, o launchOptions) playwright.BrowserTypeLaunchOptions {
	options := playwright.BrowserTypeLaunchOptions{
		ExecutablePath: &i.Executable,
		Headless:       &o.headless,
		Env:            e.browserEnv(o),
		// Chromium's own sandbox does not work for root; Playwright leaves it out for everybody unless told.
		ChromiumSandbox: playwright.Bool(os.Geteuid() != 0),
		HandleSIGINT:    playwright.Bool(false), // ending is the worker's business
		Timeout:         playwright.Float(float64(startTime.Milliseconds())),
		Args: []string{
			"--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
			"--disable-background-networking", "--disable-component-update",
			"--disable-auto-reload", // of pages that could not be had: the policy would be asked again, for a request that nobody makes
			"--force-webrtc-ip-handling-policy=disable_non_proxied_udp", // no way around the proxy
		},
	}
	if !o.direct {
		// Nothing listens there: what has no proxy of its own, as contexts have, reaches nothing.
		options.Proxy = &playwright.Proxy{Server: "http://127.0.0.1:9", Bypass: playwright.String("<-loopback>")}
	}
	return options
}

func (e *engine) browserEnv(o launchOptions) map[string]string {
	env := map[string]string{}
	for _, pair := range plainEnv(e.dir) {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	if !o.headless {
		for _, name := range []string{"DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR"} {
			if value, ok := os.LookupEnv(name); ok {
				env[name] = value
			}
		}
	}
	return env
}

// alive tells whether driver and browser are there, without asking them.
func (e *engine) alive() bool {
	return e.browser.IsConnected() && syscall.Kill(e.pid, 0) == nil
}

// stop ends both, by force if they do not end by themselves, and removes what they left. Twice is harmless.
func (e *engine) stop() {
	e.once.Do(func() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			// Errors say that it has ended already.
			if e.browser != nil {
				_ = e.browser.Close()
			}
			if e.driver != nil {
				_ = e.driver.Stop()
			}
		}()
		if !within(stopTime, done) {
			e.kill()
			within(stopTime, done)
		}
		_ = os.RemoveAll(e.dir) // else the next start does it
	})
}

// kill ends the driver at once; the browser follows when their pipe breaks. All calls in progress return.
func (e *engine) kill() {
	if pid := e.readPID(); pid > 0 {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// pidFile is written by the driver's launcher: playwright-go keeps the process to itself.
const pidFile = "driver.pid"

func (e *engine) readPID() int {
	body, err := os.ReadFile(filepath.Join(e.dir, pidFile))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(body)))
	return pid
}

// within waits for done, at most so long.
func within(limit time.Duration, done <-chan struct{}) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// errNoSandbox: we never go without Chromium's sandbox where it could be had, so somebody has to make it work.
var errNoSandbox = errors.New("its sandbox does not work for this user; install the package chromium-sandbox, or allow user namespaces " +
	"(sysctl kernel.unprivileged_userns_clone=1, on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0)")

// startFailure says what to do where Chromium's own words are a page, and why it did not start where it finds none: one of
// the directories that it writes to is on a full disk.
func startFailure(err error, writes ...string) error {
	if strings.Contains(err.Error(), "No usable sandbox!") {
		return errNoSandbox
	}
	for _, dir := range writes {
		if full(dir) {
			return &os.PathError{Op: "write", Path: dir, Err: syscall.ENOSPC}
		}
	}
	return brief(err)
}

// little is what is left on a disk that is as good as full, in bytes: Chromium needs more than that to start.
const little = 4 << 20

func full(dir string) bool {
	var disk syscall.Statfs_t
	return syscall.Statfs(dir, &disk) == nil && disk.Bavail*uint64(disk.Bsize) < little
}

// brief keeps the first line of an error; Playwright adds pages of logs.
func brief(err error) error {
	line, rest, more := strings.Cut(err.Error(), "\n")
	if !more {
		return err
	}
	for said := range strings.SplitSeq(rest, "\n") { // what the browser itself had to say
		if _, message, ok := strings.Cut(said, "ERROR:"); ok {
			return errors.New(line + " " + strings.TrimSpace(message))
		}
	}
	return errors.New(line)
}
