package s3server

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/versity/versitygw/backend/meta"
)

// complete fills in defaults and makes the directories.
func (o Options) complete() (Options, error) {
	o.Region = cmp.Or(o.Region, "us-east-1")
	if o.AccessKey == "" || o.SecretKey == "" {
		return o, errors.New("start the S3 server: an access key and a secret key are needed")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return o, fmt.Errorf("start the S3 server in %s: %w", o.Dir, err)
	}
	o.Dir = dir
	for _, d := range []string{o.buckets(), o.versions()} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return o, fmt.Errorf("start the S3 server: %w: %w", ErrDirectory, err)
		}
	}
	if err := (meta.XattrMeta{}).Test(o.buckets()); err != nil {
		return o, fmt.Errorf("start the S3 server: %w: %s: %w; choose a directory on ext4, xfs or btrfs", ErrDirectory, dir, err)
	}
	return o, nil
}

func (o Options) buckets() string  { return filepath.Join(o.Dir, "buckets") }
func (o Options) versions() string { return filepath.Join(o.Dir, "versions") }

// order is what the parent tells the child, through its stdin so that no process list shows the keys.
type order struct {
	Options
	// Health is the path of the health check. It is a secret of this start, so that the parent cannot mistake another
	// server on a port that it lost for its own.
	Health string
}

func start(ctx context.Context, opts Options) (*Server, error) {
	s := &Server{Endpoint: "http://" + opts.Addr, opts: opts, printed: &tail{to: opts.Log}, done: make(chan struct{})}
	o := order{Options: opts, Health: "/health-" + strings.ToLower(rand.Text())}
	if err := s.spawn(o); err != nil {
		return nil, fmt.Errorf("start the S3 server: %w", err)
	}
	if err := s.awaitHealth(ctx, s.Endpoint+o.Health); err != nil {
		s.Stop()
		return nil, fmt.Errorf("start the S3 server on %s in %s: %w", opts.Addr, opts.Dir, err)
	}
	return s, nil
}

func (s *Server) spawn(o order) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	s.cmd = exec.Command(exe)
	// Nothing else of our environment: the child has no use for the API keys in it.
	s.cmd.Env = []string{childEnv + "=1", "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}
	s.cmd.Stdout, s.cmd.Stderr = s.printed, s.printed
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		return err
	}
	s.lifeline = stdin
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go s.reap()
	return json.NewEncoder(stdin).Encode(o)
}

func (s *Server) reap() {
	err := s.cmd.Wait()
	if err != nil {
		s.err = fmt.Errorf("%w: %s", reason(s.cmd.ProcessState.ExitCode(), err), s.printed)
	}
	close(s.done)
}

// reason turns the exit code of the child into the error that its parent returns.
func reason(code int, err error) error {
	switch code {
	case exitInUse:
		return ErrInUse
	case exitAddress:
		return ErrAddress
	case exitDirectory:
		return ErrDirectory
	}
	return fmt.Errorf("the S3 server ended: %w", err)
}

// startTime bounds a start; it covers the wait for a directory that is in use.
const startTime = time.Minute

func (s *Server) awaitHealth(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	poll := time.NewTicker(3 * time.Millisecond)
	defer poll.Stop()
	for !healthy(ctx, url) {
		select {
		case <-s.done:
			return cmp.Or(s.err, errors.New("the S3 server ended without a word"))
		case <-ctx.Done():
			return fmt.Errorf("no answer: %w: %s", ctx.Err(), s.printed)
		case <-poll.C:
		}
	}
	return nil
}

func healthy(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	// A transport of its own: HTTP_PROXY must not see the request, and no connection stays behind.
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// tail passes on what the child prints and keeps the end of it for error messages.
type tail struct {
	to  io.Writer
	mu  sync.Mutex
	end []byte
}

const tailBytes = 500

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = append(t.end, p...)
	t.end = bytes.Clone(t.end[max(0, len(t.end)-tailBytes):])
	if t.to != nil {
		t.to.Write(p) // a log that cannot be written must not stop the server
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(strings.Fields(string(t.end)), " ")
}
