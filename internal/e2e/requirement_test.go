package e2e

import (
	"os"
	"os/exec"
	"testing"
)

// requirement is something that a test needs and that this repository does not build.
type requirement struct {
	variable string                      // environment variable that names it; CI sets it
	usual    string                      // where it is looked for without the variable
	check    func(path string) *exec.Cmd // succeeds if it is there and works
	install  string                      // how to get it
}

// takes checks a program by running it.
func takes(args ...string) func(string) *exec.Cmd {
	return func(program string) *exec.Cmd { return exec.Command(program, args...) }
}

// find returns where it is. A test that lacks it is skipped, or fails if
// AGENTFACTORY_TEST_REQUIRE is "all".
func (r requirement) find(t testing.TB) string {
	t.Helper()
	path := os.Getenv(r.variable)
	if path == "" {
		path = r.usual
	}
	out, err := r.check(path).CombinedOutput()
	if err == nil {
		return path
	}
	complain := t.Skipf
	if os.Getenv("AGENTFACTORY_TEST_REQUIRE") == "all" {
		complain = t.Fatalf
	}
	complain("%s does not work: %v %s; %s, and name it in %s", path, err, out, r.install, r.variable)
	return ""
}
