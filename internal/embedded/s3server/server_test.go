package s3server_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/objectstore"
)

// orphanEnv makes the test binary a parent that starts a server, says where, and waits to be killed.
const orphanEnv = "S3SERVER_TEST_ORPHAN"

func TestMain(m *testing.M) {
	s3server.MaybeRun()
	if dir := os.Getenv(orphanEnv); dir != "" {
		s, err := s3server.Start(context.Background(), options(dir))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := os.WriteFile(filepath.Join(dir, "pid"), []byte(strconv.Itoa(s.Pid())), 0o600); err != nil {
			os.Exit(1)
		}
		select {}
	}
	os.Exit(m.Run())
}

func options(dir string) s3server.Options {
	return s3server.Options{Dir: dir, AccessKey: "local", SecretKey: "local-secret"}
}

func start(t testing.TB, o s3server.Options) *s3server.Server {
	t.Helper()
	s, err := s3server.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(s.Stop)
	return s
}

func bucket(t testing.TB, s *s3server.Server) *objectstore.Bucket {
	t.Helper()
	require.NoError(t, objectstore.EnsureBucket(t.Context(), s.Client(), "main"))
	return objectstore.NewBucket(s.Client(), "main")
}

func TestObjectsSurviveAStopAndAKill(t *testing.T) {
	dir := t.TempDir()
	s := start(t, options(dir))
	b := bucket(t, s)
	_, err := b.Create(t.Context(), "a.json", []byte("one"))
	require.NoError(t, err)

	s.Stop()
	require.NoError(t, s.Err())
	s = start(t, options(dir))
	b = bucket(t, s)
	_, err = b.Create(t.Context(), "b.json", []byte("two"))
	require.NoError(t, err)

	require.NoError(t, syscall.Kill(s.Pid(), syscall.SIGKILL))
	<-s.Done()
	require.ErrorContains(t, s.Err(), "killed")
	s = start(t, options(dir))
	found, err := bucket(t, s).List(t.Context(), "", "", 0)
	require.NoError(t, err)
	require.Len(t, found, 2)
}

func TestManyServersRunBesideEachOther(t *testing.T) {
	endpoints := map[string]bool{}
	for range 6 {
		endpoints[start(t, options(t.TempDir())).Endpoint] = true
	}
	require.Len(t, endpoints, 6)
}

func TestASecondServerOnTheSameDirectoryIsRefused(t *testing.T) {
	dir := t.TempDir()
	first := start(t, options(dir))
	_, err := s3server.Start(t.Context(), options(dir))
	require.ErrorIs(t, err, s3server.ErrInUse)
	require.ErrorContains(t, err, dir)

	_, err = bucket(t, first).Create(t.Context(), "a.json", nil)
	require.NoError(t, err, "the first one still serves")
}

func TestATakenAddressIsAnError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	o := options(t.TempDir())
	o.Addr = l.Addr().String()
	_, err = s3server.Start(t.Context(), o)
	require.ErrorIs(t, err, s3server.ErrAddress)
	require.ErrorContains(t, err, o.Addr)
}

func TestAnotherServerOnThePortIsNotTakenForOurs(t *testing.T) {
	first := start(t, options(t.TempDir()))
	o := options(t.TempDir())
	o.Addr = first.Endpoint[len("http://"):]
	_, err := s3server.Start(t.Context(), o)
	require.ErrorIs(t, err, s3server.ErrAddress)
}

func TestADirectoryThatCannotBeWrittenIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := s3server.Start(t.Context(), options(filepath.Join(file, "data")))
	require.ErrorIs(t, err, s3server.ErrDirectory)
	require.ErrorContains(t, err, file)
}

func TestMissingKeysAreAnError(t *testing.T) {
	_, err := s3server.Start(t.Context(), s3server.Options{Dir: t.TempDir()})
	require.ErrorContains(t, err, "secret key")
}

func TestTheKeysAreNotInTheChildsCommandLineOrEnvironment(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-must-not-travel")
	s := start(t, options(t.TempDir()))
	for _, name := range []string{"cmdline", "environ"} {
		shown, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", s.Pid(), name))
		require.NoError(t, err)
		require.NotContains(t, string(shown), "local-secret")
		require.NotContains(t, string(shown), "sk-must-not-travel")
	}
}

func TestAWrongSecretIsDenied(t *testing.T) {
	s := start(t, options(t.TempDir()))
	bucket(t, s)
	wrong := s3server.Client(s.Endpoint, "us-east-1", "local", "wrong-secret")
	_, err := objectstore.NewBucket(wrong, "main").Get(t.Context(), "a.json")
	require.ErrorIs(t, err, objectstore.ErrDenied)
}

func TestAnEphemeralServerRemovesItsDirectory(t *testing.T) {
	o := options(filepath.Join(t.TempDir(), "data"))
	o.Ephemeral = true
	s := start(t, o)
	bucket(t, s)
	s.Stop()
	require.NoDirExists(t, o.Dir)
}

func TestTheChildServesOnWhenItsWholeGroupIsToldToEnd(t *testing.T) {
	s := start(t, options(t.TempDir()))
	store := bucket(t, s)
	for _, told := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		require.NoError(t, syscall.Kill(s.Pid(), told))
		_, err := store.Create(t.Context(), "written/after/"+told.String(), []byte("x"))
		require.NoError(t, err)
	}
	s.Stop()
	require.NoError(t, s.Err())
}

func TestTheChildEndsWithAParentThatIsKilled(t *testing.T) {
	dir := t.TempDir()
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), orphanEnv+"="+dir)
	require.NoError(t, parent.Start())
	var pid int
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(filepath.Join(dir, "pid"))
		if err == nil {
			pid, err = strconv.Atoi(string(text))
		}
		return err == nil
	}, 2*time.Minute, 10*time.Millisecond)

	require.NoError(t, parent.Process.Kill())
	parent.Wait()
	require.NoError(t, start(t, options(dir)).Err(), "the directory is free again")
	require.Eventually(t, func() bool { return !running(pid) }, 2*time.Minute, 10*time.Millisecond)
}

// running is false for a zombie too: whoever adopted the child may not have waited for it yet.
func running(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && !strings.Contains(string(status), "State:\tZ")
}

func BenchmarkStart(b *testing.B) {
	o := options(b.TempDir())
	for b.Loop() {
		s, err := s3server.Start(b.Context(), o)
		require.NoError(b, err)
		b.StopTimer()
		s.Stop()
		b.StartTimer()
	}
}
