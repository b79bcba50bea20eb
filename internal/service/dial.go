package service

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"agentfactory/internal/config"
	"agentfactory/internal/objectstore"
)

// Temporal is a connection to a Temporal server and the namespace that it uses.
type Temporal struct {
	client.Client
	Namespace string
}

// DialTemporal connects to the server at address, or with "" to the one that is
// configured in Temporal's own way (TEMPORAL_ADDRESS, TEMPORAL_PROFILE, its TOML file).
func DialTemporal(ctx context.Context, address string) (Temporal, error) {
	options := client.Options{HostPort: address}
	if address == "" {
		configured, err := envconfig.LoadDefaultClientOptions()
		if err != nil {
			return Temporal{}, fmt.Errorf("read the Temporal configuration: %w", err)
		}
		options = configured
	}
	options.Logger = slog.New(slog.DiscardHandler) // the SDK reports through errors as well
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return Temporal{}, fmt.Errorf("connect to Temporal at %s: %w; check TEMPORAL_ADDRESS, or unset it to use the embedded server", options.HostPort, err)
	}
	return Temporal{Client: c, Namespace: cmp.Or(options.Namespace, client.DefaultNamespace)}, nil
}

// OpenBucket opens the configured S3 bucket with the AWS SDK's standard settings.
// Retries belong to the callers, who own one policy for all services.
func OpenBucket(ctx context.Context, c config.Config) (*objectstore.Bucket, error) {
	settings, err := awsconfig.LoadDefaultConfig(ctx,
		awsconfig.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }), awsconfig.WithLogger(logging.Nop{}))
	if err != nil {
		return nil, fmt.Errorf("read the AWS configuration: %w", err)
	}
	api := s3.NewFromConfig(settings, func(o *s3.Options) {
		// Servers other than AWS rarely resolve a host name for each bucket.
		o.UsePathStyle = os.Getenv("AWS_ENDPOINT_URL_S3")+os.Getenv("AWS_ENDPOINT_URL") != ""
	})
	return objectstore.NewBucket(api, c.S3.Bucket), nil
}
