package topology

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

const (
	serversVariable = "AGENTFACTORY_TEST_TOPOLOGY"
	cliVariable     = "AGENTFACTORY_TEST_TEMPORAL_CLI"
)

// servers are the programs that are not built here.
type servers struct {
	postgres string // directory of PostgreSQL's programs
	temporal string // temporal-server
	sqlTool  string // temporal-sql-tool
	s3       string // versitygw
	ui       string // ui-server
	cli      string // temporal
}

func findServers(t testing.TB) servers {
	t.Helper()
	dir := os.Getenv(serversVariable)
	built := "build it from internal/topology/programs as .ci/run does, and name its directory in " + serversVariable
	return servers{
		postgres: postgresPrograms(t),
		temporal: find(t, filepath.Join(dir, "temporal-server"), built, "--version"),
		sqlTool:  find(t, filepath.Join(dir, "temporal-sql-tool"), built, "--version"),
		s3:       find(t, filepath.Join(dir, "versitygw"), built, "version"),
		ui:       find(t, filepath.Join(dir, "ui-server"), built, "--version"),
		cli:      find(t, orUsual(os.Getenv(cliVariable), "temporal"), "go install github.com/temporalio/cli/cmd/temporal@v1.5.1, and name it in "+cliVariable, "--version"),
	}
}

func orUsual(named, usual string) string {
	if named != "" {
		return named
	}
	return usual
}

// find returns the program's absolute path if it runs.
func find(t testing.TB, program, remedy string, args ...string) string {
	t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		Lacks(t, "%s does not run: %v %s; %s", program, err, out, remedy)
	}
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// postgresPrograms is where Debian keeps those of the newest version that is installed; they are not in PATH.
func postgresPrograms(t testing.TB) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // a pattern that is right
	if len(found) == 0 {
		Lacks(t, "PostgreSQL is not installed in /usr/lib/postgresql: apt-get install postgresql")
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1])
}

// Lacks skips a test for want of something, or fails it if AGENTFACTORY_TEST_REQUIRE is "all".
func Lacks(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("AGENTFACTORY_TEST_REQUIRE") == "all" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
