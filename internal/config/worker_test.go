package config

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAWorkerThatIsToldNothingServesBothQueuesUnversioned(t *testing.T) {
	c, err := Load(environment(t, nil))
	require.NoError(t, err)
	require.Equal(t, Worker{
		Queues: []string{QueueMain, QueueSandbox}, LogFormat: "text", LogLevel: "info",
		Wait: Duration(5 * time.Minute), Drain: Duration(30 * time.Second),
	}, c.Worker)
}

func TestAWorkerIsConfiguredByFileAndVariable(t *testing.T) {
	c, err := Load(environment(t, map[string]string{
		"AGENTFACTORY_CONFIG": configFile(t, `
worker:
  queues: [sandbox]
  drain: 2m
  main: {workflow_tasks: 40, activity_pollers: 5}
  sandbox: {activities: 3}
  deployment: agentfactory
  build_id: "1.4.2"
`),
		"AGENTFACTORY_WORKER_SANDBOX_ACTIVITIES": "8",
		"AGENTFACTORY_WORKER_WAIT":               "10s",
	}))
	require.NoError(t, err)
	require.Equal(t, []string{QueueSandbox}, c.Worker.Queues)
	require.Equal(t, MainQueue{WorkflowTasks: 40, ActivityPollers: 5}, c.Worker.Main)
	require.Equal(t, SandboxQueue{Activities: 8}, c.Worker.Sandbox)
	require.Equal(t, []Duration{Duration(10 * time.Second), Duration(2 * time.Minute)}, []Duration{c.Worker.Wait, c.Worker.Drain})
	require.Equal(t, []string{"agentfactory", "1.4.2"}, []string{c.Worker.Deployment, c.Worker.BuildID})
}

func TestMistakesAboutTheWorkerNameFlagVariableAndKey(t *testing.T) {
	const v = "AGENTFACTORY_WORKER_"
	for says, env := range map[string]map[string]string{
		`--queues (AGENTFACTORY_WORKER_QUEUES, worker.queues) holds "gpu": choose from main, sandbox`:                      {v + "QUEUES": "main,gpu"},
		`--address (AGENTFACTORY_WORKER_ADDRESS, worker.address) is "9090": write it like :9090`:                           {v + "ADDRESS": "9090"},
		`worker.address) is "host:http": write it like`:                                                                    {v + "ADDRESS": "host:http"},
		`worker.profiles) is "6060": write it like 127.0.0.1:6060`:                                                         {v + "PROFILES": "6060"},
		`worker.profiles) is "10.0.0.5:6060": write it like 127.0.0.1:6060, as`:                                            {v + "PROFILES": "10.0.0.5:6060"},
		`--log-format (AGENTFACTORY_WORKER_LOG_FORMAT, worker.log_format) is "xml": choose one of text, json`:              {v + "LOG_FORMAT": "xml"},
		`worker.log_level) is "loud": choose one of debug, info, warn, error`:                                              {v + "LOG_LEVEL": "loud"},
		`--drain (AGENTFACTORY_WORKER_DRAIN, worker.drain): "soon" is no duration`:                                         {v + "DRAIN": "soon"},
		`worker.wait) is -1s: give a positive duration`:                                                                    {v + "WAIT": "-1s"},
		`--main-workflow-tasks (AGENTFACTORY_WORKER_MAIN_WORKFLOW_TASKS, worker.main.workflow_tasks) is 1: give 2 or more`: {v + "MAIN_WORKFLOW_TASKS": "1"},
		`worker.sandbox.activities) is -1: give 1 or more`:                                                                 {v + "SANDBOX_ACTIVITIES": "-1"},
		`worker.sandbox.activities): "four" is no number`:                                                                  {v + "SANDBOX_ACTIVITIES": "four"},
		`go together: give both for a versioned worker, or neither`:                                                        {v + "DEPLOYMENT": "agentfactory"},
		`worker.deployment) is "a.b"`:                                                                                      {v + "DEPLOYMENT": "a.b", v + "BUILD_ID": "1"},
		`worker.build_id) is "__1"`:                                                                                        {v + "DEPLOYMENT": "a", v + "BUILD_ID": "__1"},
	} {
		_, err := Load(environment(t, env))
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "\n")
	}
}
