package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"agentfactory/internal/config"
	"agentfactory/internal/version"
)

// command reads the configuration, with the flags before everything else, and hands it on with what is to be done.
func command(getenv func(string) string, run func(context.Context, config.Config, task)) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Serve AgentFactory's task queues of a Temporal server",
		Long: `Serves the task queues of a Temporal server, with a library of skills on S3. Both are configured in their usual
ways: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_* or a profile of Temporal's TOML file;
AGENTFACTORY_S3_BUCKET and the AWS variables. The model and everything else: starter doctor --settings.

` + table() + `
Exit codes
  0  told to end, and drained
  1  something went wrong
  2  wrong usage or configuration
  6  Temporal or S3 did not come within --wait`,
		Example: `  worker --address :9090 --log-format json
  worker setup
  worker --queues sandbox --sandbox-activities 8
  worker --deployment agentfactory --build-id 1.4.2`,
		Version:       version.Line("worker"),
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	cmd.SetVersionTemplate("{{.Version}}\n")
	given := map[string]*string{} // by variable
	for _, s := range flags() {
		set := cmd.Flags()
		if slices.Contains(ofSetupToo, s.Flag) {
			set = cmd.PersistentFlags()
		}
		given[s.Env] = set.String(s.Flag, "", s.Purpose)
	}
	with := func(ctx context.Context, do task) error {
		c, err := config.Load(func(name string) string {
			if value := given[name]; value != nil && *value != "" {
				return *value
			}
			return getenv(name)
		})
		if err != nil {
			return err
		}
		run(ctx, c, do)
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return with(cmd.Context(), work) }
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.AddCommand(setupCommand(with))
	return cmd
}

// ofSetupToo are the flags that `worker setup` takes as well.
var ofSetupToo = []string{"wait", "log-format", "log-level"}

// flags are the settings of a worker.
func flags() []config.Setting {
	var found []config.Setting
	for _, s := range config.Settings() {
		if s.Flag != "" {
			found = append(found, s)
		}
	}
	return found
}

// table shows for each setting its flag, variable, key of config.yaml and default; the first that is set counts.
func table() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "Flag\tVariable\tconfig.yaml\tDefault")
	for _, s := range flags() {
		fmt.Fprintf(w, "--%s\t%s\t%s\t%s\n", s.Flag, s.Env, s.Key, s.Default)
	}
	_ = w.Flush() // into memory
	return text.String()
}
