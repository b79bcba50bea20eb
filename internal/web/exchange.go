package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"

	"agentfactory/internal/gateway"
	"agentfactory/internal/netguard"
	"agentfactory/internal/secret"
)

// exchange is how requests to one kind of server are made: again after failures that may pass, until the time is over.
type exchange struct {
	client *http.Client
	total  time.Duration              // for all attempts and the waits between them
	size   func(*http.Response) int64 // how many bytes of a body are read
	mask   secret.Mask                // of what a server must not be believed to have said
}

const (
	firstWait = 250 * time.Millisecond // doubled with each attempt
	longest   = 8 * time.Second        // between attempts, unless the server asks for more
	attempts  = 4
	maxOdd    = 64 << 10 // bytes that are read of a body that only explains a failure
)

// answer is a response with status 200 to 299.
type answer struct {
	url    *url.URL // of the last request, after redirects
	header http.Header
	body   []byte
	cut    bool // the body goes on
}

// failure is a request that was not answered as it should be.
type failure struct {
	status int    // 0 without an answer
	body   []byte // what explains a status
	err    error  // what happened where there is no status
	wait   time.Duration
}

func (f *failure) Error() string {
	if f.status == 0 {
		return f.err.Error()
	}
	return fmt.Sprintf("%d %s", f.status, http.StatusText(f.status))
}

// Unwrap tells the retry library how long the server asks to wait.
func (f *failure) Unwrap() []error {
	if f.wait > 0 {
		return []error{f.err, &backoff.RetryAfterError{Duration: f.wait}}
	}
	return []error{f.err}
}

// passes tells whether the same request may succeed later.
func (f *failure) passes() bool {
	switch f.status {
	case 0:
		return transient(f.err)
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return f.status >= 500 && f.status != http.StatusNotImplemented && f.status != http.StatusHTTPVersionNotSupported
}

// transient tells failures of a connection from those that every further attempt would meet.
func transient(err error) bool {
	var (
		refused *netguard.RefusedError
		ours    *gateway.Error
		dns     *net.DNSError
		cert    *tls.CertificateVerificationError
	)
	if errors.As(err, &dns) {
		return dns.Temporary()
	}
	return !errors.As(err, &refused) && !errors.As(err, &ours) && !errors.As(err, &cert) && !errors.Is(err, errUnusable)
}

// errUnusable: a request that no server could answer.
var errUnusable = errors.New("the address cannot be used")

// do makes the request until it is answered. build is called once for each attempt. The error is a *failure, or that of
// ctx.
func (e exchange) do(ctx context.Context, build func(context.Context) (*http.Request, error)) (answer, error) {
	within, stop := context.WithTimeout(ctx, e.total)
	defer stop()
	var last *failure
	got, err := backoff.Retry(within, func() (answer, error) {
		a, failed := e.attempt(within, build)
		if failed == nil {
			return a, nil
		}
		if last == nil || failed.status != 0 || within.Err() == nil {
			last = failed // not the end of the time, if the server has said more before
		}
		if !failed.passes() {
			return a, backoff.Permanent(failed)
		}
		return a, failed
	}, backoff.WithBackOff(&backoff.ExponentialBackOff{
		InitialInterval: firstWait, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: longest,
	}), backoff.WithMaxTries(attempts), backoff.WithMaxElapsedTime(e.total))
	switch {
	case err == nil:
		return got, nil
	case ctx.Err() != nil:
		return answer{}, ctx.Err()
	}
	return answer{}, last
}

func (e exchange) attempt(ctx context.Context, build func(context.Context) (*http.Request, error)) (answer, *failure) {
	request, err := build(ctx)
	if err != nil {
		return answer{}, &failure{err: fmt.Errorf("%w: %w", errUnusable, err)}
	}
	response, err := e.client.Do(request)
	if err != nil {
		return answer{}, &failure{err: e.timed(ctx, err)}
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		body, _ := io.ReadAll(io.LimitReader(response.Body, maxOdd)) // the status says enough
		return answer{}, &failure{status: response.StatusCode, body: e.mask.Bytes(body), err: errors.New(http.StatusText(response.StatusCode)), wait: retryAfter(response.Header, time.Now())}
	}
	size := e.size(response)
	body, err := io.ReadAll(io.LimitReader(response.Body, size+1))
	if err != nil {
		return answer{}, &failure{err: e.timed(ctx, fmt.Errorf("the answer broke off after %d bytes: %w", len(body), err))}
	}
	return answer{url: response.Request.URL, header: response.Header, body: e.mask.Bytes(body[:min(int64(len(body)), size)]), cut: int64(len(body)) > size}, nil
}

// timed says in plain words that the time is over, and else what happened, without the URL, which the caller knows.
func (e exchange) timed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("no complete answer within %v: %w", e.total, ctx.Err())
	}
	var at *url.Error
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// retryAfter is how long a server asks to wait (RFC 9110, 10.2.3: seconds or a date), 0 if it does not say.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return max(0, time.Duration(min(seconds, 86400))*time.Second)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
