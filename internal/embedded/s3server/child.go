package s3server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

// childEnv marks a process as the child.
const childEnv = "AGENTFACTORY_S3SERVER_CHILD"

// The exit codes by which the child tells its parent why it did not serve.
const (
	exitFailed = iota + 1
	exitInUse
	exitAddress
	exitDirectory
)

// MaybeRun serves S3 and never returns in a process that Start started; in every other it does nothing.
func MaybeRun() {
	if os.Getenv(childEnv) == "" {
		return
	}
	os.Unsetenv(childEnv)
	err := runChild(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(exitCode(err))
}

func exitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, ErrInUse):
		return exitInUse
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EACCES):
		return exitAddress
	case errors.Is(err, ErrDirectory):
		return exitDirectory
	}
	return exitFailed
}

func runChild(lifeline io.Reader) error {
	// Ctrl-C in a terminal, timeout and service managers signal the whole group: the parent still writes while it ends, and
	// lets go of the child when it has.
	signal.Ignore(os.Interrupt, syscall.SIGHUP, syscall.SIGTERM)

	in := bufio.NewReader(lifeline)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the order: %w", err)
	}
	var o order
	if err := json.Unmarshal(line, &o); err != nil {
		return fmt.Errorf("read the order: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		io.Copy(io.Discard, in) // until the parent closes it or is gone
		cancel()
	}()
	if o.Ephemeral {
		defer os.RemoveAll(o.Dir)
	}
	return serve(ctx, o)
}

func serve(ctx context.Context, o order) error {
	unlock, err := lock(ctx, filepath.Join(o.Dir, "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	store, err := posix.New(o.buckets(), meta.XattrMeta{}, posix.PosixOpts{
		VersioningDir:       o.versions(),
		CopyObjectThreshold: 5 << 30, // zero would refuse every copy
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDirectory, err)
	}
	err = embedgw.RunVersityGW(ctx, store, &embedgw.Config{
		RootUserAccess: o.AccessKey, RootUserSecret: o.SecretKey, Region: o.Region,
		Ports: []string{o.Addr}, HealthPath: o.Health,
		MaxConnections: 4096, MaxRequests: 4096, MultipartMaxParts: 10000,
		Quiet: true, KeepAlive: true, DisableACLs: true,
	})
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// lockTime covers the end of a server whose parent has just died.
const lockTime = 3 * time.Second

// lock keeps two servers off one directory: versitygw compares and swaps atomically within one process.
func lock(ctx context.Context, path string) (unlock func() error, err error) {
	ctx, cancel := context.WithTimeout(ctx, lockTime)
	defer cancel()
	l := flock.New(path)
	ok, err := l.TryLockContext(ctx, 5*time.Millisecond)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("%w: %s", ErrInUse, path)
	}
	if err != nil || !ok {
		return nil, fmt.Errorf("%w: lock %s: %w", ErrDirectory, path, err)
	}
	return l.Unlock, nil
}
