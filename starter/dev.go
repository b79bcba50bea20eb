package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"agentfactory/internal/embedded"
)

func (a *app) devCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Show the embedded servers, and keep them running meanwhile",
		Long: `Show where the embedded servers are (Temporal, its UI, S3) and keep them running until
Ctrl-C. They run in the background, are shared by all commands on the same data
directory (AGENTFACTORY_DATA), and end by themselves when nobody has needed them for ten
minutes; runs that were interrupted go on at the next start.

With --json the addresses are printed and the command returns.`,
		Example: `  starter dev
  starter dev --json | jq -r .addresses.ui
  starter dev stop`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return a.dev(cmd.Context())
		},
	}
	cmd.AddCommand(a.devStopCommand(), a.devServeCommand())
	return cmd
}

func (a *app) devStopCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stop",
		Short: "End the embedded servers; open runs go on at the next start",
		Example: `  starter dev stop
  AGENTFACTORY_DATA=/tmp/try starter dev stop`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.devStop(cmd.Context()) },
	}
}

func (a *app) dev(ctx context.Context) error {
	c, err := a.open(ctx, wanted{})
	if err != nil {
		return err
	}
	defer c.Close()
	if c.Stack == nil {
		return badInput("nothing is embedded: Temporal and S3 are both configured; `starter doctor` shows them")
	}
	if err := c.setModel(ctx); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(withFiles(c.Stack.Health(), c.Config.Data))
	}
	describeStack(a.stdout, c.Stack.Health(), c.Config.Data)
	a.say("\nCtrl-C leaves; the servers stay for ten minutes after the last use. `starter dev stop` ends them.")
	select {
	case <-ctx.Done():
		return nil
	case <-c.gone():
		return withCode(exitUnreachable, errors.New("the embedded servers have ended; `starter dev` starts them again"))
	}
}

// stackDocument is what `dev --json` prints.
type stackDocument struct {
	embedded.Health
	Data          string `json:"data"`
	Log           string `json:"log"`
	S3Credentials string `json:"s3_credentials"` // file with access_key and secret_key
}

func withFiles(h embedded.Health, data string) stackDocument {
	return stackDocument{Health: h, Data: data, Log: embedded.LogFile(data), S3Credentials: filepath.Join(data, "s3-credentials.json")}
}

func describeStack(w io.Writer, h embedded.Health, data string) {
	d := withFiles(h, data)
	fmt.Fprintf(w, "The embedded servers run as process %d since %s.\n\n", h.PID, h.StartedAt.Local().Format(time.DateTime))
	if at := h.Addresses; at.Temporal != "" {
		fmt.Fprintf(w, "Temporal   %s\nUI         %s\n", at.Temporal, at.UI)
	}
	if s3 := h.Addresses.S3; s3.Endpoint != "" {
		fmt.Fprintf(w, "S3         %s, bucket %s (keys in %s)\n", s3.Endpoint, s3.Bucket, d.S3Credentials)
	}
	fmt.Fprintf(w, "Data       %s\nLog        %s\n", d.Data, d.Log)
	if h.Addresses.Temporal == "" {
		return
	}
	fmt.Fprintln(w, "\nThe same with the Temporal CLI:")
	for _, line := range []string{
		`temporal workflow start --type Install --task-queue agentfactory --input '{"task":"…"}'`,
		`temporal workflow list --query 'WorkflowType="Install"'`,
		`temporal workflow metadata --workflow-id ID`,
		`temporal workflow query --type status --workflow-id ID`,
		`temporal workflow cancel --workflow-id ID`,
	} {
		fmt.Fprintf(w, "  %s\n", strings.Replace(line, "temporal workflow", "temporal --address "+h.Addresses.Temporal+" workflow", 1))
	}
}

func (a *app) devStop(ctx context.Context) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	err = embedded.Stop(ctx, cfg.Data)
	wasRunning := !errors.Is(err, embedded.ErrNotRunning) && !errors.Is(err, fs.ErrNotExist) // no data directory yet
	if err != nil && wasRunning {
		return fmt.Errorf("stop the embedded servers: %w", err)
	}
	if a.json {
		return a.printJSON(map[string]any{"stopped": wasRunning, "data": cfg.Data})
	}
	if !wasRunning {
		a.say("nothing was running in %s", cfg.Data)
		return nil
	}
	a.say("the embedded servers have ended; open runs go on at the next start")
	return nil
}
