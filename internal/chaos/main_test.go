package chaos

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/rs/zerolog"
)

// mounted says that this process has a mount namespace of its own.
const mounted = "CHAOS_TEST_MOUNTED"

// TestMain runs the tests in a mount namespace of their own where it can, so that the disks are gone with the last process of
// the test, however it ends.
func TestMain(m *testing.M) {
	zerolog.SetGlobalLevel(zerolog.Disabled) // some toxics have a logger that nobody can turn off otherwise
	if os.Geteuid() != 0 || os.Getenv(mounted) != "" {
		os.Exit(m.Run())
	}
	runtime.LockOSThread() // the signal of a parent that dies is of its thread
	self := exec.Command(os.Args[0], os.Args[1:]...)
	self.Env = append(os.Environ(), mounted+"=1")
	self.Stdin, self.Stdout, self.Stderr = os.Stdin, os.Stdout, os.Stderr
	self.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if err := self.Run(); self.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "run the tests in a mount namespace:", err)
		os.Exit(1)
	}
	os.Exit(self.ProcessState.ExitCode())
}
