package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/browser/browsertest"
	"agentfactory/internal/gateway"
)

// descendants are the processes below one, by /proc.
func descendants(t testing.TB, of int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	children := map[int][]int{}
	for _, path := range stats {
		body, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		rest := strings.Fields(string(body[bytes.LastIndexByte(body, ')')+1:]))
		parent, _ := strconv.Atoi(rest[1])
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		children[parent] = append(children[parent], pid)
	}
	var all []int
	for queue := []int{of}; len(queue) > 0; queue = queue[1:] {
		all = append(all, children[queue[0]]...)
		queue = append(queue, children[queue[0]]...)
	}
	return all
}

// browserProcess is the main process of the browser.
func browserProcess(t testing.TB, p *Pool) int {
	t.Helper()
	for _, pid := range descendants(t, p.engine.pid) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if bytes.Contains(line, []byte("--remote-debugging-pipe")) && !bytes.Contains(line, []byte("--type=")) {
			return pid
		}
	}
	t.Fatal("no browser process")
	return 0
}

// patience is for what comes by itself: only a fault is waited for so long.
const patience = 2 * time.Minute

// amid does something in the middle of the next request of a session.
func (s *subagent) amid(do func()) {
	own, err := s.tool.(*runTool).session("")
	require.NoError(s.t, err)
	go func() {
		for len(own.turn) == 0 && s.t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(300 * time.Millisecond) // well into it
		do()
	}()
}

func TestABrowserOrDriverThatIsKilledIsReplaced(t *testing.T) {
	at := browsertest.Site(t)
	for name, victim := range map[string]func(t testing.TB, p *Pool) int{
		"browser": browserProcess,
		"driver":  func(_ testing.TB, p *Pool) int { return p.engine.pid },
	} {
		t.Run(name+" in the middle of a call", func(t *testing.T) {
			p := ownPool(t)
			s := newSubagent(t, p)
			s.do(navigate(at.URL))
			pid := victim(t, p)
			s.amid(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
			reply := s.try(fields{"action": "wait", "text": "never", "timeout_ms": 60000})
			require.Equal(t, "browser_gone", reply.Error.Code, reply.Error.Message)
			require.Contains(t, reply.Error.Message, "starts anew")
			require.Equal(t, at.URL+"/form", s.do(navigate(at.URL+"/form")).URL)
		})
		t.Run(name+" between calls", func(t *testing.T) {
			p := ownPool(t)
			s := newSubagent(t, p)
			s.do(navigate(at.URL))
			require.NoError(t, syscall.Kill(victim(t, p), syscall.SIGKILL))
			require.Eventually(t, func() bool { return !p.engine.alive() }, patience, 20*time.Millisecond)
			require.Equal(t, "no_page", s.try(click("link", "Order")).Error.Code)
			s.do(navigate(at.URL))
		})
	}
}

// crashPage ends the process of the session's page, as a fault in it would.
func (s *subagent) crashPage() {
	own, err := s.tool.(*runTool).session("")
	require.NoError(s.t, err)
	page := own.page
	cdp, err := own.context.NewCDPSession(page)
	require.NoError(s.t, err)
	go func() { _, _ = cdp.Send("Page.crash", nil) }() // nobody is left to answer
}

func TestAPageThatCrashesLosesItsTabAndNothingElse(t *testing.T) {
	at := browsertest.Site(t)
	other := newSubagent(t, shared)
	other.do(navigate(at.URL))
	t.Run("in the middle of a call", func(t *testing.T) {
		s := newSubagent(t, shared)
		s.do(navigate(at.URL + "/auto"))
		s.amid(s.crashPage)
		reply := s.try(fields{"action": "wait", "text": "never", "timeout_ms": 60000})
		require.Equal(t, "page_crashed", reply.Error.Code, reply.Error.Message)
		require.Contains(t, reply.Error.Message, "open the page again")
		s.do(navigate(at.URL + "/private"))
		require.Equal(t, "Hello auto", s.text(), "the cookies are those from before")
		require.Equal(t, "not_found", s.try(fields{"action": "click", "css": "#no", "timeout_ms": 200}).Error.Code)
	})
	t.Run("between calls", func(t *testing.T) {
		s := newSubagent(t, shared)
		s.do(navigate(at.URL))
		own, err := s.tool.(*runTool).session("")
		require.NoError(t, err)
		page := own.page
		s.crashPage()
		require.Eventually(t, page.IsClosed, patience, 20*time.Millisecond)
		require.Equal(t, "page_crashed", s.try(click("link", "Order")).Error.Code)
		s.do(navigate(at.URL))
	})
	require.Equal(t, at.URL+"/form", other.do(click("link", "Order")).URL, "the browser has lived on")
}

func TestADriverThatHangsIsKilled(t *testing.T) {
	at := browsertest.Site(t)
	p := ownPool(t)
	s := newSubagent(t, p)
	s.do(navigate(at.URL))
	pid := p.engine.pid
	p.config.CallTime = 2 * time.Second // of a call that cannot come to an end
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	reply := s.try(fields{"action": "text"})
	require.Equal(t, "browser_gone", reply.Error.Code)
	require.Eventually(t, func() bool { return syscall.Kill(pid, 0) != nil }, patience, 20*time.Millisecond)
	s2 := newSubagent(t, ownPool(t))
	s2.do(navigate(at.URL))
}

func TestAPageThatNeverEndsIsEnded(t *testing.T) {
	at := browsertest.Site(t)
	p := ownPool(t)
	s := newSubagent(t, p, func(r *Run) { r.AllowEval = true })
	s.do(navigate(at.URL + "/loop"))
	usual := p.config.CallTime
	p.config.CallTime = 4 * time.Second // of a call that cannot come to an end
	reply := s.try(fields{"action": "eval", "script": "for(;;){}"})
	require.Equal(t, "browser_gone", reply.Error.Code)
	require.Contains(t, reply.Error.Message, "took too long")
	p.config.CallTime = usual
	s.do(navigate(at.URL))
}

func TestACallThatNobodyWaitsForEndsSoon(t *testing.T) {
	at := browsertest.Site(t)
	s := newSubagent(t, shared)
	s.do(navigate(at.URL))
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	began := time.Now()
	body, _ := json.Marshal(fields{"actions": []fields{{"action": "wait", "text": "never", "timeout_ms": 60000}}})
	_, err := s.tool.Call(ctx, gateway.ToolRequest{Body: body})
	require.ErrorIs(t, err, context.Canceled) // so that the gateway does not keep a reply
	require.Less(t, time.Since(began), time.Minute, "it would have waited so long")
}

func TestEndingARunClosesItsContextsAndRefusesCalls(t *testing.T) {
	at := browsertest.Site(t)
	p := ownPool(t)
	s := newSubagent(t, p)
	s.do(navigate(at.URL))
	require.Equal(t, 1, p.open)
	s.end()
	s.end()
	require.Equal(t, 0, p.open)
	_, err := s.call(fields{"actions": []fields{navigate(at.URL)}})
	refusedAs(t, err, gateway.Unavailable, "the run is over")
}

func TestAnIdleBrowserEndsAndTheNextCallStartsAnother(t *testing.T) {
	at := browsertest.Site(t)
	p := ownPool(t, func(c *Config) { c.IdleAfter = 100 * time.Millisecond })
	s := newSubagent(t, p)
	s.do(navigate(at.URL))
	pid, dir := p.engine.pid, p.engine.dir
	s.end()
	require.Eventually(t, func() bool { return syscall.Kill(pid, 0) != nil }, patience, 20*time.Millisecond)
	require.Eventually(t, func() bool { _, err := os.Stat(dir); return os.IsNotExist(err) }, patience, 20*time.Millisecond)
	newSubagent(t, p).do(navigate(at.URL))
}

func TestEightSessionsWorkInParallelAndShareNothing(t *testing.T) {
	at := browsertest.Site(t)
	p := ownPool(t)
	var done sync.WaitGroup
	for i := range 8 {
		done.Go(func() {
			s := newSubagent(t, p)
			user := fmt.Sprintf("user-%d", i)
			s.do(navigate(at.URL+"/login"), fields{"action": "fill", "label": "User", "value": user}, click("button", "Sign in"),
				fields{"action": "wait", "text": "Hello " + user, "timeout_ms": 60000})
			s.do(navigate(at.URL + "/private"))
			if got := s.text(); got != "Hello "+user {
				t.Errorf("%s sees %q", user, got)
			}
		})
	}
	done.Wait()
}

func TestContextsBeyondTheMostWaitForOneToBeGivenBack(t *testing.T) {
	at := browsertest.Site(t)
	p := ownPool(t, func(c *Config) { c.MaxContexts = 1 })
	first, second := newSubagent(t, p), newSubagent(t, p)
	first.do(navigate(at.URL))
	time.AfterFunc(300*time.Millisecond, first.end)
	second.do(navigate(at.URL))
}

func TestNoOtherProcessSeesOurKeys(t *testing.T) {
	at := browsertest.Site(t)
	p := ownPool(t)
	s := newSubagent(t, p)
	s.do(navigate(at.URL))
	family := append(descendants(t, p.engine.pid), p.engine.pid)
	require.Greater(t, len(family), 3)
	seen := 0
	for _, pid := range family {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil {
			continue // it has ended
		}
		seen++
		require.NotContains(t, string(env), canary, "process %d", pid)
	}
	require.Greater(t, seen, 3)
	require.Equal(t, canary, os.Getenv(canaryName))
}

// Root alone goes without Chromium's own sandbox, which does not work for it. Run the package's tests as another user to see
// the other half.
func TestPagesAreInChromiumsSandboxUnlessWeAreRoot(t *testing.T) {
	at := browsertest.Site(t)
	p := ownPool(t)
	newSubagent(t, p).do(navigate(at.URL))
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", browserProcess(t, p)))
	require.NoError(t, err)
	require.Equal(t, os.Geteuid() == 0, bytes.Contains(line, []byte("--no-sandbox")))
	ours, err := os.Readlink("/proc/self/ns/user")
	require.NoError(t, err)
	pages := 0
	for _, pid := range descendants(t, p.engine.pid) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/user", pid))
		if err != nil || !bytes.Contains(line, []byte("--type=renderer")) {
			continue // it has ended, or is none
		}
		pages++
		require.Equal(t, os.Geteuid() == 0, theirs == ours, "its namespace of users")
	}
	require.NotZero(t, pages)
}

func TestWithoutAUsableSandboxTheToolSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	fake := filepath.Join(dir, "chromium") // ends as Chromium does where user namespaces are forbidden
	require.NoError(t, os.WriteFile(fake, []byte("#!/bin/sh\necho '[1:1:FATAL:zygote_host_impl_linux.cc:130] No usable sandbox! Read the documentation.' >&2\nexit 1\n"), 0o755))
	p := ownPool(t, func(c *Config) { c.Executable = fake })
	_, err := newSubagent(t, p).call(fields{"actions": []fields{navigate(blank)}})
	refusedAs(t, err, gateway.Unavailable, "install the package chromium-sandbox")
}

func TestWithoutABrowserTheToolSaysWhatToInstall(t *testing.T) {
	for name, c := range map[string]struct {
		places Places
		says   string
	}{
		"no Chromium": {Places{Executable: "/no/such/chromium"}, "AGENTFACTORY_CHROMIUM"},
		"no driver":   {Places{Executable: "/bin/sh", Driver: "/no/such/driver"}, "npm pack playwright-core@1.60.0"},
	} {
		t.Run(name, func(t *testing.T) {
			c.places.StateDir = t.TempDir()
			if _, _, err := findNode(t.Context()); err != nil {
				c.says = "install version 18 or later"
			}
			tool, end := New(Config{Places: c.places}).ForRun(Run{Workspace: t.TempDir()})
			defer end()
			_, err := tool.Call(t.Context(), gateway.ToolRequest{Body: []byte(`{"actions":[{"action":"navigate","url":"http://a.example/"}]}`)})
			refusedAs(t, err, gateway.Unavailable, c.says)
		})
	}
}

func TestAFullDiskOfTheWorkerIsToldAsItIs(t *testing.T) {
	full := fmt.Errorf("prepare the driver: %w", &os.PathError{Op: "write", Path: "node", Err: syscall.ENOSPC})
	require.ErrorIs(t, unavailable(full), syscall.ENOSPC, "the gateway knows what to do about it")
	require.NotErrorIs(t, unavailable(errors.New("no Chromium")), syscall.ENOSPC)
}

func TestABrowserThatCannotStartForWantOfSpaceSaysSo(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("AGENTFACTORY_TEST_REQUIRE") == "all" {
			t.Fatal("a disk is mounted to be filled, which takes root: run the test as root")
		}
		t.Skip("a disk is mounted to be filled, which takes root")
	}
	disk, died := t.TempDir(), errors.New("Target page, context or browser has been closed")
	require.NoError(t, syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=16m"))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(disk, syscall.MNT_DETACH)) })
	require.Equal(t, died, startFailure(died, disk))
	require.NoError(t, os.WriteFile(filepath.Join(disk, "ballast"), make([]byte, 14<<20), 0o600))
	require.ErrorIs(t, startFailure(died, t.TempDir(), disk), syscall.ENOSPC)
}
