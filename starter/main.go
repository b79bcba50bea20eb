// Starter is the command line of AgentFactory: it gives tasks to the meta-agent,
// watches and shows runs, and shows and moves the skills that they saved. Without any
// configuration it brings its own servers (internal/embedded); with one it uses the
// Temporal server and the S3 bucket that are configured.
//
// One file holds one subcommand. Commands speak to runs through Temporal and read
// their records from S3; they may import everything, and nothing imports them.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/version"
)

func main() {
	s3server.MaybeRun()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program; it returns the exit code.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{getenv: getenv, stdin: stdin, stdout: stdout, stderr: stderr}
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return a.end(root.ExecuteContext(ctx), args)
}

// app is what every command gets from its surroundings.
type app struct {
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
	json           bool // print one JSON document instead of text
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "starter",
		Short: "Solve tasks with agents that learn: what worked is kept as a skill",
		Long: `AgentFactory solves a task by writing, running and repairing small Python programs
(subagents), and keeps those that worked as skills. The next similar task begins with
them, so it costs fewer tokens and less time.

Begin with the demo, which needs no key and no network:
  starter demo

Then with a model of your own:
  export OPENAI_API_KEY=…            # or OPENAI_BASE_URL and AGENTFACTORY_MODEL for Ollama, vLLM, …
  starter solve "Plot the monthly totals of sales.csv" --file sales.csv
  starter skills list

What is configured and what is missing:
  starter doctor

Progress goes to stderr, results to stdout; --json prints one document on stdout.

Exit codes
  0    the run completed, or the command did what it says
  1    the run failed, or something went wrong
  2    wrong usage or bad input; nothing was started
  3    a budget of the run was exhausted
  4    a person rejected the run's result, or the policy does not allow a call
  5    the run was cancelled
  6    Temporal, S3 or the embedded servers cannot be reached
  130  Ctrl-C: the command detached, the run goes on`,
		Args:              cobra.ArbitraryArgs,
		RunE:              group,
		SilenceErrors:     true,
		SilenceUsage:      true,
		Version:           version.Line("starter"),
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print one JSON document on stdout")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(a.demoCommand(), a.solveCommand().Command, a.installCommand().Command, a.evolveCommand().Command, a.deployCommand().Command, a.evaluateCommand().Command, a.evaluationsCommand(), a.scheduleCommand(), a.statsCommand(), a.verifyCommand(), a.gcCommand(), a.fsckCommand(), a.backupCommand(), a.restoreCommand(), a.benchCommand(), a.mcpCommand(), a.runsCommand(), a.skillsCommand(), a.policyCommand(), a.modelCommand(), a.browserCommand(), a.codecServerCommand(), a.doctorCommand(), a.devCommand())
	return root
}

// group is the RunE of a command that only has subcommands: alone it shows its help.
func group(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return unknownCommand(cmd, args[0])
}
