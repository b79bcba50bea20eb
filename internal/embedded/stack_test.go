package embedded

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"golang.org/x/sys/unix"

	"agentfactory/internal/config"
	"agentfactory/internal/embedded/loopback"
	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/objectstore"
)

func bucket(a Addresses) *objectstore.Bucket {
	return objectstore.NewBucket(s3server.Client(a.S3.Endpoint, a.S3.Region, a.S3.AccessKey, a.S3.SecretKey.Reveal()), a.S3.Bucket)
}

func TestCommandsThatComeTogetherShareOneStack(t *testing.T) {
	p := newPlace(t)
	var together sync.WaitGroup
	clients := make([]*Client, 6)
	for i := range clients {
		together.Go(func() {
			c, err := Ensure(t.Context(), p.options)
			if err != nil {
				t.Error(err)
				return
			}
			clients[i] = c
		})
	}
	together.Wait()
	require.False(t, t.Failed())
	for _, c := range clients {
		require.Equal(t, clients[0].Addresses(), c.Addresses())
		require.Equal(t, clients[0].Health().PID, c.Health().PID)
	}
	h, err := Inspect(t.Context(), p.layout.dir)
	require.NoError(t, err)
	require.Equal(t, len(clients), h.Clients)
	for _, c := range clients {
		require.NoError(t, c.Close())
	}
	require.Eventually(t, func() bool {
		h, err := Inspect(t.Context(), p.layout.dir)
		return err == nil && h.Clients == 0
	}, patience, 10*time.Millisecond, "a client that closed is gone")
	require.Contains(t, p.progress(), "starting the embedded stack (Temporal, S3, worker)…")
}

func TestAKilledStackComesBackWithEverything(t *testing.T) {
	p := newPlace(t)
	first := p.ensure()
	p.startWaiting(first, "unfinished")
	_, err := bucket(first.Addresses()).Create(t.Context(), "runs/kept", []byte("kept"))
	require.NoError(t, err)

	require.NoError(t, syscall.Kill(first.Health().PID, syscall.SIGKILL))
	select {
	case <-first.Gone():
	case <-time.After(patience):
		t.Fatal("the client was not told")
	}

	second := p.ensure()
	require.NotEqual(t, first.Health().PID, second.Health().PID)
	require.Equal(t, first.Addresses(), second.Addresses(), "ports and credentials stay the same")
	p.finishWaiting(second, "unfinished", "after all")
	object, err := bucket(second.Addresses()).Get(t.Context(), "runs/kept")
	require.NoError(t, err)
	require.Equal(t, "kept", string(object.Body))
}

func TestAKilledS3ServerIsStartedAgainEvenWhenOurBinaryIsGone(t *testing.T) {
	p := newPlace(t)
	binary := filepath.Join(t.TempDir(), "agentfactory")
	require.NoError(t, copyFile(os.Args[0], binary))
	p.options.Executable = binary
	c := p.ensure()
	require.NoError(t, os.Remove(binary))
	children := childrenOf(t, c.Health().PID)
	require.Len(t, children, 1)
	require.NoError(t, syscall.Kill(children[0], syscall.SIGKILL))
	require.Eventually(t, func() bool {
		_, err := bucket(c.Addresses()).Create(t.Context(), "runs/after", nil)
		return err == nil
	}, patience, 20*time.Millisecond)
	require.NotEqual(t, children, childrenOf(t, c.Health().PID))
}

func TestTakenPortsAreAvoided(t *testing.T) {
	p := newPlace(t)
	var taken []string
	for _, port := range []int{7233, 8233, usualS3Port} {
		l, err := net.Listen("tcp", loopback.Address(port))
		if err == nil { // else somebody else has taken it, which is as good
			defer l.Close()
		}
		taken = append(taken, loopback.Address(port))
	}
	a := p.ensure().Addresses()
	require.NotContains(t, taken, a.Temporal)
	require.NotContains(t, []string{"http://" + taken[1], "http://" + taken[2]}, a.UI)
	require.NotEqual(t, "http://"+taken[2], a.S3.Endpoint)
	page, err := http.Get(a.UI)
	require.NoError(t, err)
	page.Body.Close()
	require.Equal(t, http.StatusOK, page.StatusCode)
}

func TestAnIdleStackEndsAndAnOpenRunKeepsIt(t *testing.T) {
	t.Setenv(idleVariable, "500ms")
	p := newPlace(t)
	c := p.ensure()
	time.Sleep(1500 * time.Millisecond)
	require.True(t, p.live(), "a client keeps it")

	p.startWaiting(c, "open")
	p.countsOpen(c, 1) // which the stack does as well
	require.NoError(t, c.Close())
	time.Sleep(1500 * time.Millisecond)
	require.True(t, p.live(), "an open run keeps it")

	c = p.ensure()
	p.finishWaiting(c, "open", "done")
	require.NoError(t, c.Close())
	p.gone()
	_, err := Inspect(t.Context(), p.layout.dir)
	require.ErrorIs(t, err, ErrNotRunning)
}

func TestAClosedTerminalOrCtrlCDoesNotReachTheStack(t *testing.T) {
	p := newPlace(t)
	pid := p.ensure().Health().PID
	session, err := unix.Getsid(pid)
	require.NoError(t, err)
	require.Equal(t, pid, session, "it has a session of its own, without a terminal")
	require.NoError(t, syscall.Kill(pid, syscall.SIGHUP))
	time.Sleep(200 * time.Millisecond)
	require.Equal(t, pid, p.ensure().Health().PID)
}

func TestTheStackIsPrivate(t *testing.T) {
	p := newPlace(t)
	p.ensure()
	for _, path := range []string{p.layout.state(), p.layout.s3Credentials(), p.layout.lock(), p.layout.stackLog()} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, path)
	}
	s, err := readState(p.layout.state())
	require.NoError(t, err)
	for _, token := range []string{"", "wrong", s.Token + "x"} {
		err := connection{address: s.Control, token: token}.call(t.Context(), http.MethodPost, "/stop", stopRequest{}, nil)
		var r refusal
		require.ErrorAs(t, err, &r)
		require.Equal(t, http.StatusUnauthorized, r.status)
	}
	require.True(t, p.live())
}

func TestAModelIsSetInMemoryAlone(t *testing.T) {
	p := newPlace(t)
	c := p.ensure()
	const key = "sk-3141592653589793"
	require.NoError(t, c.SetModel(t.Context(), config.Model{BaseURL: "http://localhost:1/v1", APIKey: key, Name: "m", SubagentModel: "s"}))
	run, err := p.temporal(c).ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: testQueue}, whichModel)
	require.NoError(t, err)
	var got string
	require.NoError(t, run.Get(t.Context(), &got))
	require.Equal(t, "m at http://localhost:1/v1, key of 19 bytes", got)

	err = c.SetModel(t.Context(), config.Model{Name: "unknown"})
	require.EqualError(t, err, "set the model: the stack answers 422: no such model: unknown")
	require.NoError(t, filepath.WalkDir(p.layout.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Dir(path) == p.layout.binaries() { // this test's own binary holds the key
			return err
		}
		body, err := os.ReadFile(path)
		require.False(t, bytes.Contains(body, []byte(key)), path)
		return err
	}))
}

func TestOneProcessServesADataDirectory(t *testing.T) {
	p := newPlace(t)
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan Health), make(chan error)
	o := ServeOptions{
		Config: p.options.Config, Foreground: true, IdleAfter: time.Millisecond, StartWorker: startTestWorker,
		Ready: func(h Health) { ready <- h },
	}
	go func() { ended <- Serve(ctx, o) }()
	h := <-ready
	require.Equal(t, os.Getpid(), h.PID)
	require.ErrorIs(t, Serve(ctx, o), ErrRunning)
	time.Sleep(50 * time.Millisecond)
	require.Equal(t, h.PID, p.ensure().Health().PID, "a stack in the foreground is found and never idle")
	_, err := s3server.Client(h.Addresses.S3.Endpoint, h.Addresses.S3.Region, h.Addresses.S3.AccessKey, h.Addresses.S3.SecretKey.Reveal()).
		HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String(bucketName)})
	require.NoError(t, err)
	cancel()
	require.NoError(t, <-ended)
	require.False(t, p.live())
}
