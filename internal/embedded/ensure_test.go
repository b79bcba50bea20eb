package embedded

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"agentfactory/internal/config"
)

func TestAStaleStateIsRecognised(t *testing.T) {
	for name, body := range map[string]string{
		"of a process that is gone":      `{"process":{"pid":999999999,"start":1},"control_address":"127.0.0.1:1","control_token":"t","temporal_address":"127.0.0.1:1"}`,
		"that names somebody else":       `{"process":{"pid":1,"start":1},"control_address":"127.0.0.1:1","control_token":"t"}`,
		"cut off by a full disk":         `{"process":{"pid":`,
		"without an address":             `{}`,
		"with an address that is no one": `{"control_address":"%zz","s3_endpoint":"::","temporal_address":"x:y"}`,
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			require.NoError(t, os.WriteFile(p.layout.state(), []byte(body), 0o600))
			_, err := Inspect(t.Context(), p.layout.dir)
			require.ErrorIs(t, err, ErrNotRunning)
			require.ErrorIs(t, Stop(t.Context(), p.layout.dir), ErrNotRunning)
			require.NotEmpty(t, p.ensure().Addresses().Temporal)
		})
	}
}

func TestAStackThatDiesIsExplainedInOneLine(t *testing.T) {
	p := newPlace(t)
	p.options.Args = []string{brokenCommand}
	_, err := Ensure(t.Context(), p.options)
	require.EqualError(t, err, "the embedded stack did not start: panic: the flux capacitor is empty: see "+p.layout.stackLog())
}

func TestAWrongDirectoryIsRefusedBeforeAnythingStarts(t *testing.T) {
	p := newPlace(t)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	p.options.Config.Data = file
	_, err := Ensure(t.Context(), p.options)
	require.ErrorIs(t, err, config.ErrNotDirectory)
	require.Empty(t, p.progress())
	err = Serve(t.Context(), ServeOptions{Config: p.options.Config})
	require.ErrorIs(t, err, config.ErrNotDirectory)
}

func TestAStackKilledInItsFirstStartIsNoObstacle(t *testing.T) {
	p := newPlace(t)
	for after := time.Duration(0); after < 600*time.Millisecond; after += 60 * time.Millisecond {
		c, err := spawn(p.options.withDefaults(), p.layout)
		require.NoError(t, err)
		time.Sleep(after)
		require.NoError(t, c.process.Kill())
		<-c.done
	}
	p.startWaiting(p.ensure(), "works")
}

func TestAFullDiskKeepsAStackFromStartingAndNotFromRunning(t *testing.T) {
	p := newPlace(t)
	if err := unix.Mount("tmpfs", p.layout.dir, "tmpfs", 0, "size=700m,mode=0700"); err != nil {
		t.Skipf("mount tmpfs: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(p.layout.dir, unix.MNT_DETACH)) })
	t.Cleanup(func() { _ = Stop(context.Background(), p.layout.dir) })

	fill(t, filepath.Join(p.layout.dir, "ballast"))
	_, err := Ensure(t.Context(), p.options)
	require.ErrorIs(t, err, config.ErrNoSpace)
	require.NoError(t, os.Remove(filepath.Join(p.layout.dir, "ballast")))

	p.startWaiting(p.ensure(), "open")
	fill(t, filepath.Join(p.layout.dir, "ballast"))
	c := p.ensure()
	_, err = bucket(c.Addresses()).Create(t.Context(), "runs/too-much", make([]byte, 1<<20))
	require.Error(t, err)
	require.NoError(t, os.Remove(filepath.Join(p.layout.dir, "ballast")))
	_, err = bucket(c.Addresses()).Create(t.Context(), "runs/fits-again", make([]byte, 1<<20))
	require.NoError(t, err)
	p.finishWaiting(c, "open", "done")
}

func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		require.ErrorIs(t, err, unix.ENOSPC)
	}
}

// otherBuild copies our binary and changes its build ID.
func otherBuild(t *testing.T) string {
	t.Helper()
	body, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	id := []byte(buildOf(os.Args[0]))
	require.NotEmpty(t, id)
	changed := bytes.Clone(id)
	changed[0] ^= 1
	path := filepath.Join(t.TempDir(), "other-build")
	require.NoError(t, os.WriteFile(path, bytes.ReplaceAll(body, id, changed), 0o700))
	require.NotEqual(t, buildOf(os.Args[0]), buildOf(path))
	return path
}

func TestAStackOfAnotherBuildIsReplacedOnlyWhenNobodyNeedsIt(t *testing.T) {
	p := newPlace(t)
	first := p.ensure()
	ours := p.options.Executable
	p.options.Executable = otherBuild(t)

	p.startWaiting(first, "open")
	require.NoError(t, first.Close())
	second := p.ensure()
	require.Equal(t, first.Health().PID, second.Health().PID)
	require.Contains(t, p.progress(), "using the busy embedded stack of another build")

	p.finishWaiting(second, "open", "done")
	require.NoError(t, second.Close())
	var third *Client
	require.Eventually(t, func() bool { // closing and the count of runs take a moment to be seen
		third = p.ensure()
		return third.Health().PID != first.Health().PID || third.Close() != nil
	}, patience, 100*time.Millisecond)
	require.Contains(t, p.progress(), "replacing the embedded stack")
	require.Equal(t, first.Addresses(), third.Addresses())
	kept, err := os.ReadDir(p.layout.binaries())
	require.NoError(t, err)
	require.Len(t, kept, 1, "the other build's binary is removed")
	require.Empty(t, ours)
}

func TestAnotherSetupNeedsAnIdleStack(t *testing.T) {
	p := newPlace(t)
	c := p.ensure()
	p.options.PayloadKeys = []string{"2026-11"}
	_, err := Ensure(t.Context(), p.options)
	require.ErrorIs(t, err, ErrOtherSetup, "its worker could not read what is encrypted with that key")
	p.options.PayloadKeys = nil
	p.options.Config.S3.Bucket = "elsewhere"
	_, err = Ensure(t.Context(), p.options)
	require.ErrorIs(t, err, ErrOtherSetup)
	require.ErrorContains(t, err, "(1 clients, 0 open runs): stop it first, or set AGENTFACTORY_DATA to another directory")

	require.NoError(t, c.Close())
	t.Setenv("AGENTFACTORY_S3_BUCKET", "elsewhere")
	require.Eventually(t, func() bool {
		c, err := Ensure(t.Context(), p.options)
		return err == nil && c.Addresses().S3 == S3{} && c.Addresses().Temporal != ""
	}, patience, 100*time.Millisecond)
}

func TestStopEndsTheWholeTree(t *testing.T) {
	p := newPlace(t)
	c := p.ensure()
	children := childrenOf(t, c.Health().PID)
	require.NotEmpty(t, children)
	require.NoError(t, Stop(t.Context(), p.layout.dir))
	for _, pid := range append(children, c.Health().PID) {
		require.Eventually(t, func() bool { return identify(pid) == process{} }, patience, 10*time.Millisecond, "process %d is not gone", pid)
	}
	require.ErrorIs(t, Stop(t.Context(), p.layout.dir), ErrNotRunning)
	<-c.Gone()
}

func TestAStackThatHangsIsKilledAndNobodyElse(t *testing.T) {
	defer func(a, s, k time.Duration) { answerWithin, termWithin, killWithin = a, s, k }(answerWithin, termWithin, killWithin)
	p := newPlace(t)
	pid := p.ensure().Health().PID
	answerWithin, termWithin = 300*time.Millisecond, 300*time.Millisecond
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))

	s, err := readState(p.layout.state())
	require.NoError(t, err)
	recycled := s
	recycled.Process.Start-- // as if the number belonged to another process by now
	require.NoError(t, recycled.write(p.layout.state()))
	killWithin = 300 * time.Millisecond
	require.ErrorContains(t, Stop(t.Context(), p.layout.dir), "does not end: its data directory "+p.layout.dir+" stays locked")
	require.NotZero(t, identify(pid))

	require.NoError(t, s.write(p.layout.state()))
	killWithin = patience
	require.NoError(t, Stop(t.Context(), p.layout.dir))
	require.Eventually(t, func() bool { return identify(pid) == process{} }, patience, 10*time.Millisecond)
}

func TestAMissingDataDirectoryHasNoStack(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	require.ErrorIs(t, Stop(t.Context(), missing), ErrNotRunning)
	_, err := Inspect(t.Context(), missing)
	require.ErrorIs(t, err, ErrNotRunning)
	require.NoDirExists(t, missing)
}

func TestWaitingForAStackEndsWithTheContext(t *testing.T) {
	p := newPlace(t)
	lock, err := acquire(t.Context(), p.layout) // a stack that never answers
	require.NoError(t, err)
	defer lock.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = Ensure(ctx, p.options)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, p.layout.stackLog())
}

func TestAddressesShowNoSecret(t *testing.T) {
	a := Addresses{S3: S3{AccessKey: "a", SecretKey: "topsecret"}}
	body, err := json.Marshal(a)
	require.NoError(t, err)
	require.NotContains(t, string(body), "topsecret")
}
