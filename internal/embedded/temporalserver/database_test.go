package temporalserver

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// createIn makes the test binary create a database in the directory it names and exit.
const createIn = "AGENTFACTORY_TEST_CREATE_DATABASE"

func TestMain(m *testing.M) {
	if path := os.Getenv(createIn); path != "" {
		if err := prepareDatabase(path, Options{Retention: time.Hour}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestAKilledFirstStartLeavesNothingInTheWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "temporal.db")
	killed := 0
	for after := time.Duration(0); ; after += 10*time.Millisecond + after/4 { // so that a slow machine comes to the end as well
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), createIn+"="+path)
		child.Stderr = os.Stderr
		require.NoError(t, child.Start())
		timer := time.AfterFunc(after, func() { _ = child.Process.Kill() })
		err := child.Wait()
		timer.Stop()
		if err == nil {
			break
		}
		require.Equal(t, -1, child.ProcessState.ExitCode(), "killed, not failed")
		killed++
	}
	t.Logf("killed %d times before it was quick enough", killed)
	require.Positive(t, killed)
	s := start(t, Options{Dir: filepath.Dir(path)})
	require.NoError(t, s.Stop())
}

func TestAnExistingDatabaseIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "temporal.db")
	require.NoError(t, prepareDatabase(path, Options{}))
	require.NoError(t, os.WriteFile(path, []byte("mine"), 0o600))
	require.NoError(t, prepareDatabase(path, Options{}))
	body, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "mine", string(body))
}

func TestADatabaseOfAnotherVersionIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "temporal.db")
	require.NoError(t, prepareDatabase(path, Options{}))
	require.NoError(t, os.WriteFile(schemaFile(path), []byte("0.1/0.1"), 0o600))
	_, err := Start(t.Context(), Options{Dir: filepath.Dir(path)})
	require.ErrorIs(t, err, ErrOtherSchema)
	require.ErrorContains(t, err, "(schema 0.1/0.1, this one needs "+schema+"): finish open runs with that version, then move "+filepath.Dir(path)+" away")
}
