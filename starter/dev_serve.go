package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/workflowservice/v1"

	"agentfactory/internal/config"
	"agentfactory/internal/embedded"
	"agentfactory/internal/evaluation/batches"
	"agentfactory/internal/service"
	"agentfactory/internal/telemetry"
	"agentfactory/internal/version"
	"agentfactory/workflows"
)

// serveOptions are the flags of the hidden command that is the embedded stack.
type serveOptions struct {
	idle time.Duration
	own  bool // embed everything, whatever is configured
}

// serveArgs is the command line of the stack that a command wants.
func serveArgs(w wanted) []string {
	args := []string{"dev", "serve"}
	if w.embedded {
		args = append(args, "--own")
	}
	return args
}

func (a *app) devServeCommand() *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:    "serve",
		Short:  "Be the background process with the embedded servers",
		Hidden: true, // other commands start it
		Args:   exactly(),
		RunE:   func(cmd *cobra.Command, _ []string) error { return a.devServe(cmd.Context(), o) },
	}
	cmd.Flags().DurationVar(&o.idle, "idle", 0, "end after this time without clients and open runs")
	cmd.Flags().BoolVar(&o.own, "own", false, "embed Temporal and S3 even when others are configured")
	return cmd
}

func (a *app) devServe(ctx context.Context, o serveOptions) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if o.own {
		cfg.Temporal.Configured, cfg.S3.Bucket = false, ""
	}
	keys, err := service.PayloadKeys(cfg.Encryption)
	if err != nil {
		return err
	}
	observed, err := telemetry.Open(ctx, telemetry.Options{Version: version.String()})
	if err != nil {
		return withCode(exitUsage, err)
	}
	log := slog.New(slog.NewTextHandler(a.stderr, nil)) // the stack's log file
	defer observed.SendLast(log)
	return embedded.Serve(ctx, embedded.ServeOptions{
		Config:      cfg,
		IdleAfter:   o.idle,
		PayloadKeys: keys.IDs(),

		SearchAttributes: workflows.SearchAttributes(),
		StartWorker: func(ctx context.Context, at embedded.Addresses) (embedded.Worker, error) {
			return startWorker(ctx, cfg, at, observed)
		},
		Log: log,
	})
}

// worker is the service inside the embedded stack.
type worker struct {
	*service.Service
	temporal service.Temporal
}

// startWorker runs the service on the stack's servers, and on the configured ones for
// those that the stack leaves out.
func startWorker(ctx context.Context, cfg config.Config, at embedded.Addresses, observed *telemetry.Telemetry) (embedded.Worker, error) {
	temporal, err := service.DialTemporal(ctx, at.Temporal, cfg.Encryption)
	if err != nil {
		return nil, err
	}
	objects, err := bucket(ctx, cfg, at.S3)
	if err != nil {
		temporal.Close()
		return nil, err
	}
	s, err := service.New(ctx, service.Parts{
		Config: cfg, Temporal: temporal, Objects: objects, State: filepath.Join(cfg.Data, "worker"), Telemetry: observed, Scripts: map[string][]byte{service.ScriptedDemoModel: demoScript, service.ScriptedEvaluationModel: batches.Script()},
	})
	if err == nil {
		err = s.Start(ctx)
	}
	if err != nil {
		temporal.Close()
		return nil, err
	}
	return &worker{s, temporal}, nil
}

// OpenRuns counts the runs that are not closed, whatever their type.
func (w *worker) OpenRuns(ctx context.Context) (int64, error) {
	n, err := w.temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: "ExecutionStatus = 'Running'"})
	if err != nil {
		return 0, fmt.Errorf("count open runs: %w", err)
	}
	return n.GetCount(), nil
}

// Stop ends the service, then its connection.
func (w *worker) Stop() {
	w.Service.Stop()
	w.temporal.Close()
}
