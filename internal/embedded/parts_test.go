package embedded

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// childrenOf lists the live children of a process.
func childrenOf(t testing.TB, pid int) []int {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	require.NoError(t, err)
	var children []int
	for _, task := range tasks {
		body, _ := os.ReadFile(task) // a thread may end meanwhile
		for _, field := range strings.Fields(string(body)) {
			child, err := strconv.Atoi(field)
			require.NoError(t, err)
			if identify(child) != (process{}) {
				children = append(children, child)
			}
		}
	}
	return children
}

func TestAProcessIsMoreThanItsNumber(t *testing.T) {
	sleeper := exec.Command("sleep", "60")
	require.NoError(t, sleeper.Start())
	p := identify(sleeper.Process.Pid)
	require.True(t, p.alive())
	require.False(t, process{PID: p.PID, Start: p.Start + 1}.alive())
	require.False(t, process{}.alive())
	p.signal(9)
	require.True(t, p.waitGone(t.Context(), patience), "a zombie is not alive")
	require.Error(t, sleeper.Wait())
}

func TestLastWords(t *testing.T) {
	for name, test := range map[string]struct{ log, want string }{
		"nothing":                      {"", ""},
		"one line":                     {"no space left\n", "no space left"},
		"the last of several":          {"one\ntwo\n\n", "two"},
		"a panic, not its stack":       {"one\npanic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/x.go:1\n", "panic: boom"},
		"a fatal error":                {"fatal error: all goroutines are asleep\n\ngoroutine 1:\n", "fatal error: all goroutines are asleep"},
		"what an earlier process said": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			const before = "panic: of an earlier process\n"
			require.NoError(t, os.WriteFile(path, []byte(before+test.log), 0o600))
			require.Equal(t, test.want, lastWords(path, int64(len(before))))
		})
	}
}

func TestALogIsRotatedAtItsStartAndWhileItIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(path, make([]byte, maxLog+1), 0o600))
	log, err := newRotatingLog(path)
	require.NoError(t, err)
	defer log.Close()
	size := func(path string) int64 {
		info, err := os.Stat(path)
		require.NoError(t, err)
		return info.Size()
	}
	require.Zero(t, size(path))
	require.EqualValues(t, maxLog+1, size(path+".1"))
	chunk := make([]byte, maxLog/2+1)
	for range 3 {
		_, err := log.Write(chunk)
		require.NoError(t, err)
	}
	require.EqualValues(t, len(chunk), size(path))
	require.EqualValues(t, 2*len(chunk), size(path+".1"))
}

func TestPortsAreReadFromAddresses(t *testing.T) {
	for address, want := range map[string]int{
		"127.0.0.1:7233": 7233, "http://127.0.0.1:8233": 8233, "": 0, "::": 0, "http://host": 0, "x:y": 0, "%zz": 0,
	} {
		require.Equal(t, want, portOf(address), address)
	}
}

func TestRelativePathsSurviveTheChangeOfDirectory(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range pathVariables {
		t.Setenv(name, "")
	}
	t.Setenv("AGENTFACTORY_CONFIG", "config.yaml")
	t.Setenv("AGENTFACTORY_PYTHON", "python3.13")
	t.Setenv("TEMPORAL_CONFIG_FILE", "/etc/temporal.toml")
	require.Equal(t, []string{"AGENTFACTORY_CONFIG=" + filepath.Join(dir, "config.yaml"), "TEMPORAL_CONFIG_FILE=/etc/temporal.toml"}, absolutePaths())
	t.Setenv("AGENTFACTORY_PYTHON", "venv/bin/python")
	require.Contains(t, absolutePaths(), "AGENTFACTORY_PYTHON="+filepath.Join(dir, "venv/bin/python"))
}

func TestCredentialsAreMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	first, err := loadS3Credentials(path)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(first.SecretKey), 26)
	second, err := loadS3Credentials(path)
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.NoError(t, os.WriteFile(path, []byte("{}"), 0o600))
	_, err = loadS3Credentials(path)
	require.EqualError(t, err, path+" does not hold access_key and secret_key: delete it, new ones are made")
}

func FuzzState(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"process":{"pid":1}}`, `{"s3_endpoint":"http://127.0.0.1:9"}`, `{"started_at":"now"}`} {
		f.Add(seed)
	}
	path := filepath.Join(f.TempDir(), "stack.json")
	f.Fuzz(func(t *testing.T, body string) {
		require.NoError(t, os.WriteFile(path, []byte(body), 0o600))
		s, err := readState(path)
		require.NoError(t, err, "whatever it holds, a stack can start")
		require.GreaterOrEqual(t, portOf(s.S3), 0)
	})
}
