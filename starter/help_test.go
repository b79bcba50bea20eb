package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

func TestEveryCommandTeachesItself(t *testing.T) {
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
		if cmd.Hidden || !cmd.HasParent() {
			return
		}
		require.NotEmpty(t, cmd.Short, cmd.CommandPath())
		require.Contains(t, cmd.Example, cmd.CommandPath(), "an example of %s", cmd.CommandPath())
		require.NotNil(t, cmd.Args, "%s must refuse surplus arguments", cmd.CommandPath())
		require.NotNil(t, cmd.RunE, cmd.CommandPath())
		for line := range strings.Lines(cmd.Long + "\n" + cmd.Example) {
			require.LessOrEqual(t, len([]rune(line)), 110, line)
		}
	}
	visit((&app{}).rootCommand())
}

func TestBadUsageIsOneLineWithAHint(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"an unknown command":          {[]string{"instal"}, "did you mean `starter install`?"},
		"a stranger command":          {[]string{"fly"}, "see `starter --help`"},
		"an unknown subcommand":       {[]string{"runs", "shw", "x"}, "did you mean `starter runs show`?"},
		"an unknown flag":             {[]string{"runs", "list", "--any"}, "unknown flag: --any; see `starter runs list --help`"},
		"a missing argument":          {[]string{"runs", "show"}, "needs the ID of a run"},
		"a task that is not quoted":   {[]string{"install", "plot", "it"}, `not "it"; quote text with spaces`},
		"a surplus argument":          {[]string{"doctor", "now"}, `takes no argument, not "now"`},
		"a number that is none":       {[]string{"runs", "list", "--limit", "many"}, `invalid argument "many" for "-n, --limit" flag; see`},
		"a limit of nothing":          {[]string{"runs", "list", "--limit", "0"}, "give a positive number"},
		"a budget of nothing":         {[]string{"install", "x", "--max-turns", "0"}, "--max-turns is 0: give a positive number"},
		"a negative cost":             {[]string{"install", "x", "--budget-cost", "-1"}, "--budget-cost is -1: give a positive number"},
		"a negative duration":         {[]string{"install", "x", "--budget-time", "-1s"}, "--budget-time is -1s: give a positive number"},
		"more turns than a run takes": {[]string{"install", "x", "--max-turns", "5000"}, "at most 1000 turns"},
		"an empty task":               {[]string{"install", " "}, "task is empty"},
		"a task that is no text":      {[]string{"install", "a\xff"}, "not valid UTF-8"},
		"a task of 1 MB":              {[]string{"install", strings.Repeat("a", 1<<20)}, "put long material into an input file"},
		"an unknown method":           {[]string{"solve", "x", "--method", "magic"}, `--method is "magic": give agentfactory, react or textual`},
		"a method without skills":     {[]string{"solve", "x", "--method", "react", "--approval", "save"}, "ReAct saves no skills that you could release"},
		"a missing file":              {[]string{"install", "x", "--file", "none.csv"}, "--file none.csv: there is no such file"},
		"an ID that is a path":        {[]string{"install", "x", "--id", "../x"}, "--id"},
		"no model":                    {[]string{"install", "x"}, "no API key is configured: set OPENAI_API_KEY"},
		"no model at another server":  {[]string{"install", "x", "--model", ""}, "`starter demo` shows a run without one"},
		"a schedule of nothing":       {[]string{"schedule", "create", "x", "--cron", "@daily"}, "needs a NAME and, behind --, the COMMAND"},
		"a schedule of a stranger":    {[]string{"schedule", "create", "x", "--cron", "@daily", "--", "runs", "list"}, "give one of solve, install, evolve, deploy, evaluate"},
		"a schedule without a time":   {[]string{"schedule", "create", "x", "--", "evolve"}, "--cron is empty: say when"},
		"a cron that is none":         {[]string{"schedule", "create", "x", "--cron", "0 3 * *", "--", "evolve"}, `--cron "0 3 * *" has 4 fields`},
		"a place that is no zone":     {[]string{"schedule", "create", "x", "--cron", "@daily", "--timezone", "Berlin", "--", "evolve"}, "--timezone \"Berlin\" is unknown"},
		"an unknown overlap":          {[]string{"schedule", "create", "x", "--cron", "@daily", "--overlap", "queue", "--", "evolve"}, `--overlap is "queue": give one of skip`},
		"a window that is too short":  {[]string{"schedule", "create", "x", "--cron", "@daily", "--catchup", "1s", "--", "evolve"}, "--catchup is 1s: give at least 10s"},
		"a schedule that is a path":   {[]string{"schedule", "create", "a/b", "--cron", "@daily", "--", "evolve"}, "at most 99 letters"},
		"an ID for many runs":         {[]string{"schedule", "create", "x", "--cron", "@daily", "--", "evolve", "--id", "y"}, "--id is of no use in a schedule"},
		"a wrong flag of the command": {[]string{"schedule", "create", "x", "--cron", "@daily", "--", "evolve", "--tsk", "y"}, "unknown flag: --tsk; see `starter evolve --help`"},
		"a task that is none":         {[]string{"schedule", "create", "x", "--cron", "@daily", "--", "solve", " "}, "task is empty"},
		"no task":                     {[]string{"schedule", "create", "x", "--cron", "@daily", "--", "solve"}, "`starter solve` needs a TASK"},
		"help behind the dashes":      {[]string{"schedule", "create", "x", "--cron", "@daily", "--", "evolve", "--help"}, "`starter evolve --help` tells"},
		"a scheduled missing file":    {[]string{"schedule", "create", "x", "--cron", "@daily", "--", "solve", "x", "--file", "none.csv"}, "there is no such file"},
		"a load of nothing":           {[]string{"bench", "--runs", "0"}, "--runs is 0: give 1 to"},
		"a load of both sorts":        {[]string{"bench", "--runs", "5", "--duration", "1m"}, "--runs and --duration exclude each other"},
		"a load of an unknown kind":   {[]string{"bench", "--task-kind", "evolve"}, `--task-kind is "evolve": give install, solve-reuse, mixed`},
		"a load for no worker":        {[]string{"bench", "--workers", "0"}, "--workers is 0: give 1 to"},
		"a worker that is not there":  {[]string{"bench", "--worker-program", "/none"}, "--worker-program"},
		"a skill that is not there":   {[]string{"skills", "import", "nowhere"}, "nowhere: no such file or directory"},
		"a skill that is a file":      {[]string{"skills", "import", "help_test.go"}, "it is no export of a skill in one file"},
		"a directory without a skill": {[]string{"skills", "import", "testdata"}, "testdata"},
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			getenv := func(name string) string { return map[string]string{"AGENTFACTORY_DATA": data}[name] }
			var out, errs bytes.Buffer
			code := run(t.Context(), c.args, getenv, strings.NewReader(""), &out, &errs)
			require.Equal(t, exitUsage, code, errs.String())
			require.Contains(t, errs.String(), c.want)
			require.Equal(t, 1, strings.Count(errs.String(), "\n"), errs.String())
			require.Less(t, len(errs.String()), 400)
			require.Empty(t, out.String())
		})
	}
}

func TestATaskFromStdinIsRead(t *testing.T) {
	var out, errs bytes.Buffer
	getenv := func(name string) string { return map[string]string{"AGENTFACTORY_DATA": t.TempDir()}[name] }
	code := run(t.Context(), []string{"install", "-"}, getenv, strings.NewReader(strings.Repeat("a", 100_000)), &out, &errs)
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs.String(), "task has 100000 bytes")
}
