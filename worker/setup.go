package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"agentfactory/internal/config"
	"agentfactory/internal/service"
)

// shortestRetention is Temporal's own.
const shortestRetention = 24 * time.Hour

func setupCommand(with func(context.Context, task) error) *cobra.Command {
	retention := config.Duration(30 * 24 * time.Hour)
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Make the bucket, the namespace and the search attributes that workers need",
		Long: `Makes what workers need and is not there: the configured bucket, with versions kept; the Temporal namespace; the
search attributes by which runs are listed. What is there stays as it is, so that it can be run before every start.

It takes the settings of a worker, waits for both servers as long as one, and needs more rights: to create a bucket and
set its versioning (s3:CreateBucket, s3:GetBucketVersioning, s3:PutBucketVersioning), and to administer the namespace.`,
		Example: `  worker setup --retention 90d`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if time.Duration(retention) < shortestRetention {
				return fmt.Errorf("--retention is %s: closed runs are kept for a day at least", time.Duration(retention))
			}
			return with(cmd.Context(), func(ctx context.Context, c config.Config, log *slog.Logger) error {
				return setup(ctx, c, time.Duration(retention), cmd.OutOrStdout(), log)
			})
		},
	}
	cmd.Flags().TextVar(&retention, "retention", retention, "how long Temporal keeps closed runs of a namespace that is made")
	return cmd
}

// setup says of each thing how it is now, in a line on stdout.
func setup(ctx context.Context, c config.Config, retention time.Duration, stdout io.Writer, log *slog.Logger) error {
	if c.S3.Bucket == "" {
		return errNoBucket
	}
	options, err := service.TemporalOptions("", c.Encryption)
	if err != nil {
		return err
	}
	options.Logger = temporalLogger(log)
	if _, err := service.OpenBucket(ctx, c, nil); err != nil { // settings that are wrong are not waited for
		return fmt.Errorf("%w: %w", errConfig, err)
	}
	w := waiting{log: log, until: time.Now().Add(time.Duration(c.Worker.Wait))}
	if err := w.wait(ctx, "S3 bucket "+c.S3.Bucket, func(ctx context.Context) error { return service.PrepareBucket(ctx, c) }); err != nil {
		return ended(ctx, err)
	}
	fmt.Fprintf(stdout, "bucket %s: is there and keeps versions\n", c.S3.Bucket)
	return ended(ctx, w.wait(ctx, "Temporal at "+options.HostPort, func(ctx context.Context) error {
		return prepareTemporal(ctx, options, retention, stdout)
	}))
}

// prepareTemporal is tried again as a whole: a namespace that was made is known to all of the server's parts some seconds later.
func prepareTemporal(ctx context.Context, options service.TemporalSettings, retention time.Duration, stdout io.Writer) error {
	t, err := service.ConnectTemporal(ctx, options)
	if err != nil {
		return err
	}
	defer t.Close()
	created, err := service.PrepareNamespace(ctx, t, retention)
	if err != nil {
		return err
	}
	if created {
		fmt.Fprintf(stdout, "namespace %s: made; closed runs are kept for %s\n", t.Namespace, retention)
	}
	registered, err := service.PrepareSearchAttributes(ctx, t)
	if err != nil {
		return err
	}
	said := "all are there"
	if len(registered) > 0 {
		said = "registered " + strings.Join(registered, ", ")
	}
	fmt.Fprintf(stdout, "search attributes of namespace %s: %s\n", t.Namespace, said)
	return nil
}
