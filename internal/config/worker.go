package config

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Worker is how a worker process serves its task queues. The embedded worker has none of it.
type Worker struct {
	Queues    []string `yaml:"queues"`     // of QueueMain and QueueSandbox; none means both
	Address   string   `yaml:"address"`    // host:port of /healthz and /readyz; "" means none
	Profiles  string   `yaml:"profiles"`   // host:port of /debug/pprof/ on this machine; "" means none
	LogFormat string   `yaml:"log_format"` // text or json
	LogLevel  string   `yaml:"log_level"`  // debug, info, warn or error
	Wait      Duration `yaml:"wait"`       // for Temporal and S3 at the start
	Drain     Duration `yaml:"drain"`      // from the first signal to the end

	Main    MainQueue    `yaml:"main"`
	Sandbox SandboxQueue `yaml:"sandbox"`

	Deployment string `yaml:"deployment"` // worker deployment; "" means that the worker is not versioned
	BuildID    string `yaml:"build_id"`   // the version of that deployment
}

// MainQueue is how much a worker takes on of the queue of workflows, model calls and the library. Zero leaves the SDK's
// default in force.
type MainQueue struct {
	WorkflowTasks   int `yaml:"workflow_tasks"` // carried out at once
	Activities      int `yaml:"activities"`     // carried out at once
	WorkflowPollers int `yaml:"workflow_pollers"`
	ActivityPollers int `yaml:"activity_pollers"`
}

// SandboxQueue is how much a worker takes on of the queue of subagent runs. Zero leaves the default in force.
type SandboxQueue struct {
	Activities      int `yaml:"activities"` // carried out at once
	ActivityPollers int `yaml:"activity_pollers"`
}

// The task queues as settings name them.
const (
	QueueMain    = "main"
	QueueSandbox = "sandbox"
)

// What a worker does when nothing is said.
const (
	defaultWait  = Duration(5 * time.Minute)
	defaultDrain = Duration(30 * time.Second)
)

var (
	queueNames = []string{QueueMain, QueueSandbox}
	logFormats = []string{"text", "json"}
	logLevels  = []string{"debug", "info", "warn", "error"}
)

func (w Worker) orDefault() Worker {
	if len(w.Queues) == 0 {
		w.Queues = slices.Clone(queueNames)
	}
	w.LogFormat, w.LogLevel = cmp.Or(w.LogFormat, logFormats[0]), cmp.Or(w.LogLevel, "info")
	w.Wait, w.Drain = cmp.Or(w.Wait, defaultWait), cmp.Or(w.Drain, defaultDrain)
	return w
}

// check names each setting by its flag as well: most people meet it there.
func (w Worker) check() error {
	for _, c := range []struct {
		key   string
		wrong error
	}{
		{"worker.queues", w.checkQueues()},
		{"worker.address", checkAddress(w.Address)},
		{"worker.profiles", checkLoopback(w.Profiles)},
		{"worker.log_format", oneOf(w.LogFormat, logFormats)},
		{"worker.log_level", oneOf(w.LogLevel, logLevels)},
		{"worker.wait", positive(w.Wait)},
		{"worker.drain", positive(w.Drain)},
		{"worker.main.workflow_tasks", atLeast(2, w.Main.WorkflowTasks)},
		{"worker.main.activities", atLeast(1, w.Main.Activities)},
		{"worker.main.workflow_pollers", atLeast(2, w.Main.WorkflowPollers)},
		{"worker.main.activity_pollers", atLeast(1, w.Main.ActivityPollers)},
		{"worker.sandbox.activities", atLeast(1, w.Sandbox.Activities)},
		{"worker.sandbox.activity_pollers", atLeast(1, w.Sandbox.ActivityPollers)},
		{"worker.deployment", checkVersionPart(w.Deployment, ".:")},
		{"worker.build_id", checkVersionPart(w.BuildID, "")},
	} {
		if c.wrong != nil {
			return fmt.Errorf("%s %w", settingOf(c.key).name(), c.wrong)
		}
	}
	if (w.Deployment == "") != (w.BuildID == "") {
		return fmt.Errorf("%s and %s go together: give both for a versioned worker, or neither", settingOf("worker.deployment").name(), settingOf("worker.build_id").name())
	}
	return nil
}

func (w Worker) checkQueues() error {
	for _, q := range w.Queues {
		if !slices.Contains(queueNames, q) {
			return fmt.Errorf("holds %q: choose from %s", q, strings.Join(queueNames, ", "))
		}
	}
	return nil
}

func checkAddress(address string) error {
	if address == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("is %q: write it like :9090 or 127.0.0.1:9090", address)
	}
	return nil
}

// checkLoopback keeps profiles to the machine: memory holds tasks, answers and keys.
func checkLoopback(address string) error {
	if address == "" {
		return nil
	}
	if checkAddress(address) != nil {
		return fmt.Errorf("is %q: write it like 127.0.0.1:6060", address)
	}
	host, port, _ := net.SplitHostPort(address)
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("is %q: write it like 127.0.0.1:%s, as profiles are for the machine itself", address, port)
	}
	return nil
}

func oneOf(value string, choices []string) error {
	if slices.Contains(choices, value) {
		return nil
	}
	return fmt.Errorf("is %q: choose one of %s", value, strings.Join(choices, ", "))
}

func positive(d Duration) error {
	if d > 0 {
		return nil
	}
	return fmt.Errorf("is %v: give a positive duration, or leave it out for the default", d)
}

// atLeast lets zero pass, which means the default. The SDK cannot do with one workflow slot or poller: it divides them between
// two queues.
func atLeast(least, n int) error {
	if n == 0 || n >= least {
		return nil
	}
	return fmt.Errorf("is %d: give %d or more, or leave it out for the default", n, least)
}

// maxVersionPart is what Temporal's command line and our own messages show in a line.
const maxVersionPart = 100

// checkVersionPart refuses what Temporal does; name may not hold the given characters.
func checkVersionPart(name, reserved string) error {
	switch {
	case len(name) > maxVersionPart:
		return fmt.Errorf("has %d characters: give at most %d", len(name), maxVersionPart)
	case strings.HasPrefix(name, "__"):
		return fmt.Errorf("is %q: Temporal keeps names that begin with __ to itself", name)
	case strings.ContainsAny(name, reserved+" \t\n"):
		return fmt.Errorf("is %q: leave out spaces and any of %q, which Temporal parts versions by", name, reserved)
	}
	return nil
}
