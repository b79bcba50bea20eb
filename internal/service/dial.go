package service

import (
	"cmp"
	"context"
	"errors"
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

// ErrTemporalConfig says that Temporal's settings cannot be used: no server will change that.
var ErrTemporalConfig = errors.New("the Temporal configuration cannot be used")

// TemporalOptions are those of a connection to the server at address, or with "" to the one that is configured in Temporal's
// own way: TEMPORAL_ADDRESS and further variables, TEMPORAL_PROFILE, its TOML file; TLS, client certificates and API keys
// with it. An error is ErrTemporalConfig and never shows a key.
func TemporalOptions(address string) (client.Options, error) {
	options := client.Options{HostPort: address}
	if address == "" {
		configured, err := envconfig.LoadDefaultClientOptions()
		if err != nil {
			return client.Options{}, fmt.Errorf("%w: %w", ErrTemporalConfig, err)
		}
		options = configured
	}
	options.Namespace = cmp.Or(options.Namespace, client.DefaultNamespace)
	options.Logger = slog.New(slog.DiscardHandler) // the SDK reports through errors as well
	return options, nil
}

// ConnectTemporal connects once; see TemporalOptions.
func ConnectTemporal(ctx context.Context, options client.Options) (Temporal, error) {
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return Temporal{}, fmt.Errorf("connect to Temporal at %s: %w", options.HostPort, err)
	}
	return Temporal{Client: c, Namespace: options.Namespace}, nil
}

// DialTemporal connects to the server at address, or with "" to the configured one.
func DialTemporal(ctx context.Context, address string) (Temporal, error) {
	options, err := TemporalOptions(address)
	if err != nil {
		return Temporal{}, err
	}
	t, err := ConnectTemporal(ctx, options)
	if err != nil {
		return Temporal{}, fmt.Errorf("%w; check TEMPORAL_ADDRESS, or unset it to use the embedded server", err)
	}
	return t, nil
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
