package topology

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"agentfactory/internal/embedded/loopback"
	"agentfactory/internal/objectstore"
)

type s3Account struct{ key, secret string }

func (top *Topology) s3Address() string { return loopback.Address(top.ports.s3) }

// startS3 starts an S3 server that keeps versions and speaks TLS alone.
func (top *Topology) startS3() {
	top.t.Helper()
	buckets, versions := top.mkdir("s3/buckets"), top.mkdir("s3/versions")
	top.S3 = top.start("s3", func() *exec.Cmd {
		cmd := exec.Command(top.servers.s3, "--port", top.s3Address(), "--cert", top.tls.server(), "--key", top.tls.serverKey(), "--region", Region,
			"--health", "/health", "posix", "--versioning-dir", versions, buckets)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "ROOT_ACCESS_KEY_ID=" + top.s3.key, "ROOT_SECRET_ACCESS_KEY=" + top.s3.secret}
		return cmd
	}, top.serves("https://"+top.s3Address()+"/health"))
}

// BucketDir is where the S3 server keeps the bucket, in a file for each object.
func (top *Topology) BucketDir() string { return top.path("s3", "buckets", Bucket) }

// Objects is the bucket, reached directly.
func (top *Topology) Objects() objectstore.Store {
	return objectstore.NewBucket(top.s3Client(), Bucket)
}

func (top *Topology) s3Client() *s3.Client {
	return s3.New(s3.Options{
		Region: Region, BaseEndpoint: aws.String("https://" + top.s3Address()), UsePathStyle: true,
		Credentials:                credentials.NewStaticCredentialsProvider(top.s3.key, top.s3.secret, ""),
		HTTPClient:                 top.httpClient(),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	})
}

func (top *Topology) httpClient() *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: top.tls.trust(), MaxIdleConnsPerHost: 16}}
}

// serves succeeds when a URL is answered with 200.
func (top *Topology) serves(url string) func(context.Context) error {
	http := top.httpClient()
	return func(ctx context.Context) error { return get(ctx, http, url) }
}

func get(ctx context.Context, via *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := via.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, response.Status)
	}
	return nil
}
