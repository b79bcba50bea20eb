package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const checkout = "../.."

func TestWhatIsShippedHasNoFindings(t *testing.T) {
	var out strings.Builder
	require.NoError(t, lint(t.Context(), checkout, &out), out.String())
}

// spoil is a checkout whose file has one text in the place of another.
func spoil(t *testing.T, file, old, new string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "docker"), os.DirFS(filepath.Join(checkout, "docker"))))
	for _, name := range []string{"go.mod", "go.sum"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
	}
	path := filepath.Join(dir, "docker", file)
	body, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(body), old)
	require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(body), old, new)), 0o644))
	return dir
}

func TestEachRuleIsBrokenByWhatItForbids(t *testing.T) {
	for name, c := range map[string]struct{ file, old, new, want string }{
		"a base without a version":      {"Dockerfile", "debian:12.11-slim", "debian:latest", "pin it to a version"},
		"a root user":                   {"Dockerfile", "USER 10001:10001", "USER root", "target worker: it runs as root"},
		"a user by name":                {"Dockerfile", "USER 10001:10001", "USER agentfactory", "USER is a name"},
		"no health check":               {"Dockerfile", "HEALTHCHECK NONE\n", "", "target starter: it has no HEALTHCHECK"},
		"a shell as first process":      {"Dockerfile", `ENTRYPOINT ["/starter"]`, "ENTRYPOINT /starter", "target starter: ENTRYPOINT has to be a list"},
		"a source that is not there":    {"Dockerfile", "COPY docker/tools.txt", "COPY docker/tool.txt", "there is no docker/tool.txt in the checkout"},
		"a stage that is not there":     {"Dockerfile", "--from=tools /opt/tools/bin/uv", "--from=tool /opt/tools/bin/uv", "there is no stage tool"},
		"a misspelt instruction":        {"Dockerfile", "WORKDIR /work\n", "WORKDIRR /work\n", "unknown instruction"},
		"a key that compose has not":    {"compose.yaml", "stop_grace_period: 45s", "stop_graceperiod: 45s", "stop_graceperiod"},
		"a service that is not there":   {"compose.yaml", "setup: {condition", "setups: {condition", "setups"},
		"an image without a version":    {"compose.yaml", "postgres:16.10-bookworm", "postgres", "service postgres: image postgres: pin it"},
		"a port for everybody":          {"compose.yaml", `"127.0.0.1:${S3_PORT:-7070}:7070"`, `"7070:7070"`, "service s3: port 7070 is published beyond"},
		"a container with rights":       {"compose.yaml", "read_only: true\n    tmpfs: [\"/tmp:size", "privileged: true\n    tmpfs: [\"/tmp:size", "rights over the machine"},
		"seccomp switched off":          {"compose.yaml", "seccomp=./seccomp.json", "seccomp=unconfined", "seccomp is off"},
		"a password that all know":      {"compose.yaml", "${POSTGRES_PASSWORD:?start with docker/up, which makes the passwords}", "temporal", "without POSTGRES_PASSWORD it has to fail"},
		"a directory that is not there": {"compose.yaml", "./temporal:", "./temporary:", "service temporal: volume"},
		"a job that nobody waits for":   {"compose.yaml", "setup: {condition: service_completed_successfully}", "temporal: {condition: service_healthy}", "service setup: no service waits for its end"},
		"a profile that allows all":     {"seccomp.json", "SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW", "has to be denied"},
		"a profile without mounts":      {"seccomp.json", `"mount", `, "", "bubblewrap needs mount"},
		"a profile with eBPF":           {"seccomp.json", `"brk",`, `"brk", "bpf",`, "nothing needs bpf"},
		"a profile that is no profile":  {"seccomp.json", `"syscalls"`, `"systemcalls"`, "unknown field"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			err := lint(t.Context(), spoil(t, c.file, c.old, c.new), &out)
			require.Error(t, err)
			require.Contains(t, out.String()+err.Error(), c.want)
		})
	}
}

func TestAStepRunsInTheEnvironmentOfItsWholeLineage(t *testing.T) {
	d, err := readDockerfile(filepath.Join(checkout, "docker", "Dockerfile"))
	require.NoError(t, err)
	c := d.config(d.stage("worker"))
	require.Equal(t, "debian:12.11-slim", c.image)
	require.Equal(t, "10001:10001", c.user)
	require.Equal(t, "/var/lib/agentfactory", c.workdir)
	require.Contains(t, c.env, "PLAYWRIGHT_DRIVER_PATH=/opt/playwright")
	require.Equal(t, []string{"/usr/bin/tini", "--", "/usr/local/bin/worker"}, c.entrypoint)
}
