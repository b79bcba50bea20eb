// Worker runs the workflows and activities against a Temporal server and an S3 bucket
// that are configured through the environment. It links none of the embedded servers;
// for those see the starter command.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"agentfactory/internal/config"
	"agentfactory/internal/service"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Getenv, os.Stderr))
}

func run(ctx context.Context, getenv func(string) string, stderr io.Writer) int {
	if err := work(ctx, getenv, stderr); err != nil {
		fmt.Fprintln(stderr, "worker:", err)
		return 1
	}
	return 0
}

func work(ctx context.Context, getenv func(string) string, stderr io.Writer) error {
	c, err := config.Load(getenv)
	if err != nil {
		return err
	}
	if c.S3.Bucket == "" {
		return errors.New("no S3 bucket is configured: set AGENTFACTORY_S3_BUCKET (and the AWS variables), or use `starter`, which brings its own")
	}
	bucket, err := service.OpenBucket(ctx, c)
	if err != nil {
		return err
	}
	if err := service.Check(ctx, bucket); err != nil {
		return fmt.Errorf("use bucket %s: %w", c.S3.Bucket, err)
	}
	temporal, err := service.DialTemporal(ctx, "")
	if err != nil {
		return err
	}
	defer temporal.Close()
	if err := config.CheckDataDir(c.Data); err != nil {
		return err
	}
	s, err := service.New(ctx, service.Parts{Config: c, Temporal: temporal, Objects: bucket, State: filepath.Join(c.Data, "worker")})
	if err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	defer s.Stop()
	fmt.Fprintf(stderr, "worker: ready; subagents run %s\n", s.Level())
	<-ctx.Done()
	return nil
}
