package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"agentfactory/internal/config"
)

func (a *app) doctorCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Show what is configured, found and missing, with the remedies",
		Long: `Look at everything that a run needs: the model, Temporal, S3, the sandbox, Python and its
packages, the policy, the services and programs behind the tools, the data directory. No
server is started, and nothing is asked that costs money. Settings are listed with where they come from, keys
only as "set". The exit code is 0 when a run could start, else 1.`,
		Example: `  starter doctor
  starter doctor --settings     # everything that can be configured
  starter doctor --json | jq -r '.checks[] | select(.status != "ok") | .remedy'`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), all) },
	}
	cmd.Flags().BoolVar(&all, "settings", false, "list all settings, not only those that are set")
	return cmd
}

// finding is what a check has come to.
type finding struct {
	Check  string `json:"check"`
	Status status `json:"status"`
	Detail string `json:"detail"`           // what was found, one line
	Remedy string `json:"remedy,omitempty"` // what to do, one line; "" when all is well
}

// status says what a finding means for a run.
type status string

const (
	fine    status = "ok"
	missing status = "missing" // no run can start
	warning status = "warning" // runs start, but something deserves a look
	unused  status = "unused"  // nothing needs it yet
)

// checkWithin bounds each look at a server.
const checkWithin = 30 * time.Second

func (a *app) doctor(ctx context.Context, all bool) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	findings := diagnose(ctx, cfg, a.getenv)
	ready := true
	for _, f := range findings {
		ready = ready && f.Status != missing
	}
	settings := settingsOf(cfg, a.getenv)
	if a.json {
		err = a.printJSON(map[string]any{"ready": ready, "checks": findings, "settings": settings})
	} else {
		err = errors.Join(a.printFindings(findings), a.printSettings(settings, all), a.printVerdict(ready))
	}
	if err != nil || ready {
		return err
	}
	return ended(exitFailed)
}

func (a *app) printVerdict(ready bool) error {
	verdict := "A run can start."
	if !ready {
		verdict = "No run can start yet; `starter demo` needs no model."
	}
	_, err := fmt.Fprintf(a.stdout, "\n%s\n", verdict)
	return err
}

// diagnose makes all checks, in the order in which one would set things right.
func diagnose(ctx context.Context, cfg config.Config, getenv func(string) string) []finding {
	d := diagnosis{cfg: cfg, getenv: getenv}
	for _, check := range []func(context.Context) []finding{
		d.settings, d.data, d.model, d.temporal, d.encryption, d.storage, d.workers, d.python, d.isolation, d.egress,
		d.packages, d.policy, d.search, d.reading, d.browser, d.transcription,
	} {
		within, cancel := context.WithTimeout(ctx, checkWithin)
		d.findings = append(d.findings, check(within)...)
		cancel()
	}
	return d.findings
}

func (a *app) printFindings(findings []finding) error {
	var rows [][]string
	for _, f := range findings {
		rows = append(rows, []string{f.Check, string(f.Status), oneLine(f.Detail)})
	}
	if err := table(a.stdout, []string{"CHECK", "STATUS", "FOUND"}, rows); err != nil {
		return err
	}
	var remedies strings.Builder
	for _, f := range findings {
		if f.Remedy != "" {
			fmt.Fprintf(&remedies, "  %s: %s\n", f.Check, oneLine(f.Remedy))
		}
	}
	if remedies.Len() > 0 {
		fmt.Fprintf(a.stdout, "\nWhat to do\n%s", remedies.String())
	}
	return nil
}
