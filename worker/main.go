// Worker runs the workflows and activities against a Temporal server and an S3 bucket that are configured through flags, the
// environment and config.yaml, in this order. It waits for both at its start, answers health probes, and hands over what it
// cannot finish when it is told to end. It links none of the embedded servers; for those see the starter command.
//
// It may import everything but internal/embedded, and nothing imports it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"agentfactory/internal/codec"
	"agentfactory/internal/config"
	"agentfactory/internal/service"
	"agentfactory/internal/telemetry"
	"agentfactory/internal/telemetry/runtrace"
	"agentfactory/internal/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// Exit codes, as the help explains them.
const (
	exitDrained     = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnreachable = 6
)

// run is the whole program; it returns the exit code. Logs go to stderr.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	code := exitDrained
	cmd := command(getenv, func(ctx context.Context, c config.Config, do task) {
		log := logger(c.Worker, stderr)
		slog.SetDefault(log) // of packages that have no logger of their own
		if err := do(ctx, c, log); err != nil {
			log.Error("the worker ends", "error", err)
			code = exitCode(err)
		}
	})
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(stderr, "worker:", err)
		return exitUsage
	}
	return code
}

// task is what a command does once it has its configuration.
type task func(context.Context, config.Config, *slog.Logger) error

func exitCode(err error) int {
	switch {
	case errors.Is(err, errUnreachable):
		return exitUnreachable
	case errors.Is(err, errConfig), errors.Is(err, service.ErrTemporalConfig), errors.Is(err, codec.ErrKeys):
		return exitUsage
	}
	return exitFailed
}

// errConfig says that nothing but another configuration will help.
var errConfig = errors.New("wrong configuration")

// work is the story of a worker: wait for what it needs, serve, and leave in good order.
func work(ctx context.Context, c config.Config, log *slog.Logger) error {
	log.Info("worker starts", "version", version.String(), "queues", c.Worker.Queues, "deployment", c.Worker.Deployment, "build_id", c.Worker.BuildID)
	for _, w := range c.Warnings {
		log.Warn(w)
	}
	if err := c.Model.Check(); err != nil && slices.Contains(c.Worker.Queues, config.QueueMain) {
		log.Warn("runs wait until this worker has a model", "error", err)
	}
	observed, err := telemetry.Open(ctx, telemetry.Options{Version: version.String()})
	if err != nil {
		return fmt.Errorf("%w: %w", errConfig, err)
	}
	defer observed.SendLast(log)
	p := &probes{worker: c.Worker, metrics: observed.Handler()}
	closeAddresses, err := listen(ctx, c.Worker, p, log)
	if err != nil {
		return err
	}
	defer closeAddresses()
	parts, err := connect(ctx, c, observed, log)
	if err != nil {
		return ended(ctx, err)
	}
	defer parts.Temporal.Close()
	if err := config.CheckDataDir(c.Data); err != nil {
		return fmt.Errorf("%w: %w", errConfig, err)
	}
	s, err := service.New(ctx, parts)
	if err != nil {
		return ended(ctx, err)
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	p.serve(parts)
	log.Info("worker is ready", "sandbox", s.Level().String(), "namespace", parts.Temporal.Namespace)
	if c.Worker.Deployment != "" {
		go sayRouting(ctx, parts, log)
	}
	failure := untilTheEnd(ctx, s)
	p.leave(failure)
	drain(s, time.Duration(c.Worker.Drain), log)
	return failure
}

// ended tells nothing of an error that came of being told to end.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// untilTheEnd returns when the worker is told to end, or with why it cannot go on.
func untilTheEnd(ctx context.Context, s *service.Service) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.Failed():
		return fmt.Errorf("a task queue is served no longer: %w", err)
	}
}

func drain(s *service.Service, within time.Duration, log *slog.Logger) {
	log.Info("worker drains: what runs is finished or handed over; a second signal ends it at once", "within", within.String())
	began := time.Now()
	s.Stop()
	log.Info("worker has drained", "seconds", time.Since(began).Seconds())
}

// errNoBucket says what is to be set.
var errNoBucket = fmt.Errorf("%w: no S3 bucket: set AGENTFACTORY_S3_BUCKET (and the AWS variables), or use `starter`, which brings its own", errConfig)

// connect waits for the servers and gathers what the service is made of.
func connect(ctx context.Context, c config.Config, observed *telemetry.Telemetry, log *slog.Logger) (service.Parts, error) {
	if c.S3.Bucket == "" {
		return service.Parts{}, errNoBucket
	}
	bucket, err := service.OpenBucket(ctx, c, observed)
	if err != nil {
		return service.Parts{}, fmt.Errorf("%w: %w", errConfig, err)
	}
	options, err := service.TemporalOptions("", c.Encryption)
	if err != nil {
		return service.Parts{}, err
	}
	options.Logger, options.MetricsHandler = temporalLogger(log), runtrace.Metrics(observed)
	w := waiting{log: log, until: time.Now().Add(time.Duration(c.Worker.Wait))}
	if err := w.wait(ctx, "S3 bucket "+c.S3.Bucket, func(ctx context.Context) error { return service.Check(ctx, bucket) }); err != nil {
		return service.Parts{}, err
	}
	var temporal service.Temporal
	err = w.wait(ctx, "Temporal at "+options.HostPort, func(ctx context.Context) (err error) {
		temporal, err = dial(ctx, options)
		return err
	})
	return service.Parts{Config: c, Worker: c.Worker, Temporal: temporal, Objects: bucket, State: filepath.Join(c.Data, "worker"), Telemetry: observed}, err
}
