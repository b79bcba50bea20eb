package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/config"
	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/telemetry"
)

func TestMain(m *testing.M) {
	s3server.MaybeRun()
	os.Exit(m.Run())
}

// program runs the worker with arguments and an environment until it ends by itself.
func program(t *testing.T, env map[string]string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	home := t.TempDir()
	getenv := func(name string) string {
		if name == "HOME" {
			return home
		}
		return env[name]
	}
	var out, complaints bytes.Buffer
	code = run(t.Context(), args, getenv, &out, &complaints)
	return out.String(), complaints.String(), code
}

func TestTheVersionIsOneLine(t *testing.T) {
	out, _, code := program(t, nil, "--version")
	require.Zero(t, code)
	require.Regexp(t, `^worker \S+ \(go\S+, \w+/\w+\)\n$`, out)
}

func TestWrongUsageIsOneLineThatNamesTheFlag(t *testing.T) {
	for says, args := range map[string][]string{
		`--queues (AGENTFACTORY_WORKER_QUEUES, worker.queues) holds "gpu"`:                                    {"--queues", "main,gpu"},
		`--drain (AGENTFACTORY_WORKER_DRAIN, worker.drain): "soon" is no duration`:                            {"--drain", "soon"},
		`--sandbox-activities (AGENTFACTORY_WORKER_SANDBOX_ACTIVITIES, worker.sandbox.acti`:                   {"--sandbox-activities", "-3"},
		`--profiles (AGENTFACTORY_WORKER_PROFILES, worker.profiles) is ":6060": write it like 127.0.0.1:6060`: {"--profiles", ":6060"},
		`unknown flag: --any`: {"--any"},
		`unknown command "x"`: {"x"},
	} {
		_, complaint, code := program(t, nil, args...)
		require.Equal(t, exitUsage, code, args)
		require.Contains(t, complaint, says)
		require.Equal(t, 1, strings.Count(complaint, "\n"), complaint)
	}
}

func TestAFlagComesBeforeTheVariable(t *testing.T) {
	var got config.Worker
	cmd := command(func(name string) string {
		return map[string]string{"HOME": "/x", "AGENTFACTORY_WORKER_DRAIN": "1m", "AGENTFACTORY_WORKER_WAIT": "2m"}[name]
	}, func(_ context.Context, c config.Config, _ task) { got = c.Worker })
	cmd.SetArgs([]string{"--drain", "10s", "--queues", "sandbox", "--sandbox-activities", "7"})
	require.NoError(t, cmd.Execute())
	require.Equal(t, config.Duration(10*time.Second), got.Drain)
	require.Equal(t, config.Duration(2*time.Minute), got.Wait)
	require.Equal(t, []string{"sandbox"}, got.Queues)
	require.Equal(t, 7, got.Sandbox.Activities)
}

func TestWithoutABucketThereIsNothingToWaitFor(t *testing.T) {
	_, log, code := program(t, nil)
	require.Equal(t, exitUsage, code)
	require.Contains(t, log, "set AGENTFACTORY_S3_BUCKET")
}

// awsAt are the variables of an S3 server.
func awsAt(t *testing.T, endpoint, secret string) {
	t.Setenv("AWS_ENDPOINT_URL_S3", endpoint)
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
}

var ofTests = map[string]string{"AGENTFACTORY_S3_BUCKET": "skills", "OPENAI_API_KEY": "sk-test-0123456789abcdef"}

func TestAWorkerWaitsForS3SaysSoAndGivesUp(t *testing.T) {
	awsAt(t, "http://127.0.0.1:1", "test-secret")
	began := time.Now()
	_, log, code := program(t, ofTests, "--wait", "3s", "--log-format", "json")
	require.Equal(t, exitUnreachable, code, log)
	require.Greater(t, time.Since(began), time.Second)
	var lines []map[string]any
	for line := range strings.Lines(log) {
		var entry map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
		lines = append(lines, entry)
	}
	require.Equal(t, "waiting for S3 bucket skills", lines[1]["msg"])
	last := lines[len(lines)-1]
	require.Contains(t, last["error"], "gave up waiting for S3 bucket skills")
	require.NotContains(t, log, "test-secret")
}

func TestAWorkerWaitsForTemporalButNotForAWrongKey(t *testing.T) {
	s3, err := s3server.Start(t.Context(), s3server.Options{Dir: t.TempDir(), AccessKey: "test", SecretKey: "test-secret"})
	require.NoError(t, err)
	t.Cleanup(s3.Stop)
	require.NoError(t, objectstore.EnsureBucket(t.Context(), s3.Client(), "skills"))
	t.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")

	awsAt(t, s3.Endpoint, "wrong-secret")
	_, log, code := program(t, ofTests, "--wait", "1m")
	require.Equal(t, exitUsage, code, log)
	require.Contains(t, log, "check the S3 access key")

	awsAt(t, s3.Endpoint, "test-secret")
	_, log, code = program(t, ofTests, "--wait", "3s")
	require.Equal(t, exitUnreachable, code, log)
	require.Contains(t, log, "waiting for Temporal at 127.0.0.1:1")
	require.NotContains(t, log, "test-secret")
}

func TestAWrongTemporalConfigurationIsNotWaitedFor(t *testing.T) {
	awsAt(t, "http://127.0.0.1:1", "test-secret")
	t.Setenv("TEMPORAL_PROFILE", "none-such")
	t.Setenv("TEMPORAL_CONFIG_FILE", filepath.Join(t.TempDir(), "temporal.toml"))
	_, log, code := program(t, ofTests)
	require.Equal(t, exitUsage, code, log)
	require.Contains(t, log, "none-such")
	require.Contains(t, log, "check TEMPORAL_PROFILE, its file (TEMPORAL_CONFIG_FILE")
}

func TestSettingsThatNoServerMakesRightAreNotWaitedFor(t *testing.T) {
	for says, c := range map[string]struct{ variable, value string }{
		"set AWS_REGION": {"AWS_REGION", ""},
		"(AWS_ENDPOINT_URL_S3) is no URL: write it like https://":      {"AWS_ENDPOINT_URL_S3", "127.0.0.1:7070"},
		"OTEL_EXPORTER_OTLP_ENDPOINT is no URL: write it like http://": {"OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"},
	} {
		t.Run(c.variable, func(t *testing.T) {
			awsAt(t, "http://127.0.0.1:1", "test-secret")
			t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
			t.Setenv(c.variable, c.value)
			_, log, code := program(t, ofTests, "--wait", "10m")
			require.Equal(t, exitUsage, code, log)
			require.Contains(t, log, says)
		})
	}
}

func TestWhatAWorkerLacksIsToldWithWhatMakesIt(t *testing.T) {
	s3, err := s3server.Start(t.Context(), s3server.Options{Dir: t.TempDir(), AccessKey: "test", SecretKey: "test-secret"})
	require.NoError(t, err)
	t.Cleanup(s3.Stop)
	awsAt(t, s3.Endpoint, "test-secret")
	_, log, code := program(t, map[string]string{"AGENTFACTORY_S3_BUCKET": "skills"}, "--wait", "2s")
	require.Equal(t, exitUnreachable, code, log)
	require.Contains(t, log, "no such bucket")
	require.Contains(t, log, "`worker setup` makes it")
	require.Contains(t, log, "runs wait until this worker has a model")
	require.Contains(t, log, "set OPENAI_API_KEY")
}

func TestSetupTakesTheFlagsThatConcernIt(t *testing.T) {
	awsAt(t, "http://127.0.0.1:1", "test-secret")
	_, log, code := program(t, ofTests, "setup", "--wait", "1s", "--log-format", "json")
	require.Equal(t, exitUnreachable, code, log)
	require.Contains(t, log, `{"time":`)
}

func TestAnOrderToEndWhileWaitingIsObeyedAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	w := waiting{log: slog.New(slog.DiscardHandler), until: time.Now().Add(time.Hour)}
	err := w.wait(ctx, "nothing", func(context.Context) error { return errors.New("not there") })
	require.ErrorIs(t, err, context.Canceled)
}

func TestProbesTellThatAWorkerHasNotBegunThatItDrainsAndThatItFailed(t *testing.T) {
	p := &probes{metrics: telemetry.New().Handler()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	closeAddresses, err := listen(t.Context(), config.Worker{Address: address}, p, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(closeAddresses)

	code, body := get(t, "http://"+address+"/healthz")
	require.Equal(t, http.StatusOK, code, body)
	code, body = get(t, "http://"+address+"/metrics")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, "agentfactory_turns_total 0")
	code, body = get(t, "http://"+address+"/readyz")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Contains(t, body, `"detail":"starting: waits for Temporal and S3`)

	p.leave(errors.New("the namespace is gone"))
	code, body = get(t, "http://"+address+"/healthz")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Contains(t, body, "the namespace is gone")

	_, err = listen(t.Context(), config.Worker{Address: address}, p, slog.New(slog.DiscardHandler))
	require.ErrorIs(t, err, errConfig)
	require.ErrorContains(t, err, "--address "+address)
}

func TestProfilesAreThereWhereTheyAreAskedForAlone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	closeAddresses, err := listen(t.Context(), config.Worker{Profiles: address}, &probes{metrics: http.NotFoundHandler()}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(closeAddresses)
	code, body := get(t, "http://"+address+"/debug/pprof/goroutine?debug=1")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, "TestProfilesAreThere")
	code, _ = get(t, "http://"+address+"/debug/pprof/profile?seconds=1")
	require.Equal(t, http.StatusOK, code)
	code, _ = get(t, "http://"+address+"/debug/pprof/cmdline")
	require.Equal(t, http.StatusNotFound, code)

	probes := httptest.NewServer((&probes{metrics: http.NotFoundHandler()}).handler())
	defer probes.Close()
	code, _ = get(t, probes.URL+"/debug/pprof/")
	require.Equal(t, http.StatusNotFound, code)
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	require.NoError(t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return r.StatusCode, string(body)
}

func TestLogLinesNameRunsAsTheRestOfTheSystemDoes(t *testing.T) {
	var out bytes.Buffer
	log := temporalLogger(logger(config.Worker{LogFormat: "json", LogLevel: "info"}, &out))
	log.Debug("not shown")
	log.Info("activity done", "WorkflowType", "Install", "WorkflowID", "w", "RunID", "r", "ActivityType", "Think", "Attempt", 2)
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line), out.String())
	delete(line, "time")
	require.Equal(t, map[string]any{"level": "INFO", "msg": "activity done", "workflow": "Install", "workflow_id": "w", "run_id": "r", "activity": "Think", "attempt": 2.0}, line)
}

func TestTheDocumentedTableIsTheOneOfTheProgram(t *testing.T) {
	text, err := os.ReadFile("../docs/operations.md")
	require.NoError(t, err)
	for _, s := range flags() {
		require.Contains(t, string(text), "| `--"+s.Flag+"` | `"+s.Env+"` | `"+s.Key+"` | "+s.Default+" |")
	}
	help, _, code := program(t, nil, "--help")
	require.Zero(t, code)
	require.Contains(t, help, "AGENTFACTORY_WORKER_DRAIN")
}
