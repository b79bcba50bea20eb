// Package s3server runs a real, persistent S3 server (versitygw on a directory) for the embedded stack and for tests.
//
// The server is a child process: our own executable started again, because versitygw changes the working directory and
// allows one server per process. The first line of main, and of TestMain in tests that don't use s3test, is therefore
//
//	s3server.MaybeRun()
//
// The child ends when its parent does, however that ends. Killing it at any moment loses no acknowledged write; a power
// cut may, since nothing is synced to the disk. The package imports nothing of this module.
package s3server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// The reasons why a server does not start, for errors.Is.
var (
	// ErrInUse: another server works on the directory.
	ErrInUse = errors.New("another S3 server uses this directory")
	// ErrAddress: the address is taken.
	ErrAddress = errors.New("the address is taken")
	// ErrDirectory: the directory cannot be written, or its file system keeps no extended attributes.
	ErrDirectory = errors.New("the directory cannot hold S3 objects")
)

// Options say where a server keeps its objects and whom it serves.
type Options struct {
	Dir       string // kept between starts; its file system must support user extended attributes
	Addr      string // host:port on which to listen; empty: a free port on 127.0.0.1
	AccessKey string
	SecretKey string
	Region    string // empty: us-east-1
	// Ephemeral makes the server remove Dir when it ends.
	Ephemeral bool
	// Log receives what the server prints; nil discards it.
	Log io.Writer `json:"-"`
}

// Server is a running S3 server.
type Server struct {
	Endpoint string // http://host:port; buckets are addressed by path
	opts     Options
	cmd      *exec.Cmd
	lifeline io.Closer // the child's stdin: it ends when this closes
	printed  *tail
	done     chan struct{}
	err      error // why the child ended, once done is closed
}

// portRaces bounds how often a port that was free a moment ago may be taken by someone else before Start gives up.
const portRaces = 5

// Start starts a server and returns when it answers, some 20 ms later. When another server still holds the directory,
// as one does for a moment after its parent was killed, Start waits for it up to three seconds.
func Start(ctx context.Context, opts Options) (*Server, error) {
	opts, err := opts.complete()
	if err != nil {
		return nil, err
	}
	if opts.Addr != "" {
		return start(ctx, opts)
	}
	for range portRaces {
		if opts.Addr, err = freeAddr(); err != nil {
			return nil, err
		}
		var s *Server
		if s, err = start(ctx, opts); !errors.Is(err, ErrAddress) {
			return s, err
		}
	}
	return nil, err
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port for the S3 server: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// Client returns a client with the credentials that the server was started with.
func (s *Server) Client() *s3.Client {
	return Client(s.Endpoint, s.opts.Region, s.opts.AccessKey, s.opts.SecretKey)
}

// Pid is the process ID of the child.
func (s *Server) Pid() int { return s.cmd.Process.Pid }

// Done is closed when the server has ended; whoever owns it starts another one on the same directory.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err tells, after Done, why the server ended; nil after Stop.
func (s *Server) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// stopTime is how long a server may take to finish what it is doing. Killing it then is safe.
const stopTime = 3 * time.Second

// Stop ends the server and waits for its end. Stopping twice is harmless.
func (s *Server) Stop() {
	s.lifeline.Close()
	select {
	case <-s.done:
	case <-time.After(stopTime):
		s.cmd.Process.Kill()
		<-s.done
	}
}

// Client returns a client for an S3 server that addresses buckets by path, as embedded ones do.
func Client(endpoint, region, accessKey, secret string) *s3.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil              // the server is on this machine, whatever HTTP_PROXY says
	transport.MaxIdleConnsPerHost = 64 // the default of 2 makes concurrent writers reconnect all the time
	return s3.New(s3.Options{
		Region: region, BaseEndpoint: &endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secret, ""),
		HTTPClient:  &http.Client{Transport: transport},
		// Without both, a client that is made from bare options sends and checks no checksums.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	})
}
