package embedded

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"agentfactory/internal/config"
	"agentfactory/internal/embedded/loopback"
	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/objectstore"
)

const (
	bucketName  = "agentfactory"
	region      = "us-east-1"
	usualS3Port = 9233 // beside Temporal's 7233 and 8233
)

// s3Credentials are made once for a data directory. They keep other users of the
// machine out of the bucket, which listens on loopback like everything here.
type s3Credentials struct {
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`
}

func loadS3Credentials(path string) (s3Credentials, error) {
	var c s3Credentials
	body, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createS3Credentials(path)
	}
	if err != nil {
		return c, fmt.Errorf("read the S3 credentials: %w", err)
	}
	if err := json.Unmarshal(body, &c); err != nil || c.AccessKey == "" || c.SecretKey == "" {
		return c, fmt.Errorf("%s does not hold access_key and secret_key: delete it, new ones are made", path)
	}
	return c, nil
}

func createS3Credentials(path string) (s3Credentials, error) {
	c := s3Credentials{AccessKey: "agentfactory", SecretKey: rand.Text()}
	body, err := json.Marshal(c)
	if err != nil {
		return c, err
	}
	if err := writePrivate(path, append(body, '\n')); err != nil {
		return c, fmt.Errorf("write the S3 credentials: %w", err)
	}
	return c, nil
}

// storage keeps an S3 server running for as long as the stack lives.
type storage struct {
	options s3server.Options
	log     *slog.Logger

	stop context.CancelFunc
	done sync.WaitGroup
}

// startStorage starts the S3 server, on the port of the last time if it can have it,
// and makes sure of the bucket.
func startStorage(ctx context.Context, l layout, lastEndpoint string, out io.Writer, log *slog.Logger) (*storage, S3, error) {
	keys, err := loadS3Credentials(l.s3Credentials())
	if err != nil {
		return nil, S3{}, err
	}
	options := s3server.Options{Dir: l.s3(), AccessKey: keys.AccessKey, SecretKey: keys.SecretKey, Region: region, Log: out}
	server, err := startOnUsualPort(ctx, options, portOf(lastEndpoint), usualS3Port)
	if err != nil {
		return nil, S3{}, err
	}
	if err := objectstore.EnsureBucket(ctx, server.Client(), bucketName); err != nil {
		server.Stop()
		return nil, S3{}, err
	}
	s := &storage{log: log, options: options}
	s.options.Addr = strings.TrimPrefix(server.Endpoint, "http://")
	watched, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.done.Go(func() { s.keep(watched, server) })
	return s, S3{
		Endpoint: server.Endpoint, Region: region, Bucket: bucketName,
		AccessKey: keys.AccessKey, SecretKey: config.Secret(keys.SecretKey),
	}, nil
}

// startOnUsualPort tries the ports in turn and then any. It does not ask before whether
// one is free: the server of a stack that was just killed still holds the port, and
// Start waits for that one's end.
func startOnUsualPort(ctx context.Context, o s3server.Options, ports ...int) (*s3server.Server, error) {
	for _, port := range ports {
		if port == 0 {
			continue
		}
		o.Addr = loopback.Address(port)
		if server, err := s3server.Start(ctx, o); !errors.Is(err, s3server.ErrAddress) {
			return server, err
		}
	}
	o.Addr = ""
	return s3server.Start(ctx, o)
}

// keep starts the server again, at the same address, whenever it dies.
func (s *storage) keep(ctx context.Context, server *s3server.Server) {
	for server != nil {
		select {
		case <-ctx.Done():
			server.Stop()
			return
		case <-server.Done():
		}
		s.log.Error("the S3 server died and is started again", "error", server.Err())
		server = s.restart(ctx)
	}
}

// restart tries until it succeeds: without storage the stack is of no use, and runs
// wait for it. It returns nil when the stack ends.
func (s *storage) restart(ctx context.Context) *s3server.Server {
	for delay := 50 * time.Millisecond; ; delay = min(2*delay, 5*time.Second) {
		server, err := s3server.Start(ctx, s.options)
		if err == nil {
			return server
		}
		s.log.Error("the S3 server does not start", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(delay):
		}
	}
}

// Stop ends the server; what it acknowledged is kept.
func (s *storage) Stop() {
	s.stop()
	s.done.Wait()
}

// portOf returns the port of a URL or a host:port, 0 when there is none.
func portOf(address string) int {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		u = &url.URL{Host: address}
	}
	port, _ := strconv.Atoi(u.Port())
	return port
}
