package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"agentfactory/internal/codec"
	"agentfactory/internal/config"
	"agentfactory/internal/lease"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/telemetry"
)

// Temporal is a connection to a Temporal server and the namespace that it uses.
type Temporal struct {
	client.Client
	Namespace string
	Payloads  codec.Converters // for what the client hands out as it is stored
	Keys      *codec.Keys      // that payloads are encrypted with
	Leases    *lease.Leases    // of activities that its workers carry out
}

// TemporalSettings are the options of a client, with what encrypts its payloads.
type TemporalSettings struct {
	client.Options
	payloads codec.Converters
	keys     *codec.Keys
	leases   *lease.Leases
}

// ErrTemporalConfig says that Temporal's settings cannot be used: no server will change that.
var ErrTemporalConfig = errors.New("the Temporal configuration cannot be used")

// TemporalOptions are those of a connection to the server at address, or with "" to the one that is configured in Temporal's
// own way: TEMPORAL_ADDRESS and further variables, TEMPORAL_PROFILE, its TOML file; TLS, client certificates and API keys
// with it. Payloads are encrypted as e says. An error is ErrTemporalConfig, or of the keys, and never shows a key.
func TemporalOptions(address string, e config.Encryption) (TemporalSettings, error) {
	keys, err := PayloadKeys(e)
	if err != nil {
		return TemporalSettings{}, err
	}
	options := client.Options{HostPort: address}
	if address == "" {
		configured, err := envconfig.LoadDefaultClientOptions()
		if err != nil {
			return TemporalSettings{}, fmt.Errorf("%w: %w; check TEMPORAL_PROFILE, its file (TEMPORAL_CONFIG_FILE, else %s) and the other TEMPORAL_ variables",
				ErrTemporalConfig, err, envconfig.DefaultConfigFilePath())
		}
		options = configured
	}
	options.Namespace = cmp.Or(options.Namespace, client.DefaultNamespace)
	payloads := keys.Converters()
	options.DataConverter, options.FailureConverter = payloads.Data, payloads.Failure
	leases := &lease.Leases{}
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, leases.Dial())
	options.Logger = slog.New(slog.DiscardHandler) // the SDK reports through errors as well
	return TemporalSettings{options, payloads, keys, leases}, nil
}

// ConnectTemporal connects once; see TemporalOptions.
func ConnectTemporal(ctx context.Context, s TemporalSettings) (Temporal, error) {
	c, err := client.DialContext(ctx, s.Options)
	if err != nil {
		return Temporal{}, fmt.Errorf("connect to Temporal at %s: %w; check that it runs, TEMPORAL_ADDRESS and TEMPORAL_TLS_*, or the profile", s.HostPort, err)
	}
	return Temporal{Client: c, Namespace: s.Namespace, Payloads: s.payloads, Keys: s.keys, Leases: s.leases}, nil
}

// DialTemporal connects to the server at address, or with "" to the configured one.
func DialTemporal(ctx context.Context, address string, e config.Encryption) (Temporal, error) {
	s, err := TemporalOptions(address, e)
	if err != nil {
		return Temporal{}, err
	}
	t, err := ConnectTemporal(ctx, s)
	if err != nil {
		return Temporal{}, fmt.Errorf("%w; without them the embedded server is used", err)
	}
	return t, nil
}

// OpenBucket opens the configured S3 bucket, or the part of it that is ours, with the AWS SDK's standard settings.
// Requests are counted by to; nil counts nothing.
func OpenBucket(ctx context.Context, c config.Config, to *telemetry.Telemetry) (*objectstore.Bucket, error) {
	if err := checkPrefix(c.S3.Prefix); err != nil {
		return nil, err
	}
	api, err := s3Client(ctx)
	if err != nil {
		return nil, err
	}
	with := []objectstore.Setting{objectstore.WithEncryption(c.S3.SSE, c.S3.SSEKMSKey)}
	if to != nil {
		with = append(with, counted(to, c.S3.Prefix))
	}
	return objectstore.NewBucket(api, c.S3.Bucket, with...).Under(c.S3.Prefix)
}

// checkPrefix refuses a prefix below which `starter gc` of whoever uses the bucket without it, or with the part before, would
// take everything for old runs or evaluations.
func checkPrefix(prefix string) error {
	for segment := range strings.SplitSeq(prefix, "/") {
		if segment == "runs" || segment == "evaluations" {
			return fmt.Errorf("prefix %s of the bucket: %s/ is where runs or evaluations lie that gc takes away; choose another (AGENTFACTORY_S3_PREFIX)", prefix, segment)
		}
	}
	return nil
}

// s3Client has the SDK's standard settings but for idle connections and for retries: these belong to the callers, who own one
// policy for all services.
func s3Client(ctx context.Context) (*s3.Client, error) {
	settings, err := awsconfig.LoadDefaultConfig(ctx,
		awsconfig.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }), awsconfig.WithLogger(logging.Nop{}),
		awsconfig.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(keepConnections)))
	if err != nil {
		return nil, fmt.Errorf("read the AWS configuration: %w", err)
	}
	api := s3.NewFromConfig(settings, func(o *s3.Options) {
		// Servers other than AWS, which are named by an endpoint, rarely resolve a host name for each bucket.
		o.UsePathStyle = o.BaseEndpoint != nil
	})
	return api, checkS3(api.Options())
}

// checkS3 finds what the SDK says with each request alone, when it looks like a server that may still come.
func checkS3(o s3.Options) error {
	if o.Region == "" {
		return errors.New("no S3 region: set AWS_REGION; for a server other than AWS, to the one that it is run with, such as us-east-1")
	}
	if o.BaseEndpoint == nil {
		return nil
	}
	if u, err := url.Parse(*o.BaseEndpoint); err != nil || u.Host == "" {
		return errors.New("the S3 endpoint (AWS_ENDPOINT_URL_S3) is no URL: write it like https://s3.example.org:7070")
	}
	return nil
}

// keepConnections keeps as many idle connections to one server as to all: the SDK keeps 10, so that a worker with more
// activities at once would shake hands anew for most of its requests.
func keepConnections(t *http.Transport) { t.MaxIdleConnsPerHost = t.MaxIdleConns }
