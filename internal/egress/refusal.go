package egress

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// The statuses that the proxy itself answers with, besides 400 and 421 for what is no proper request.
const (
	statusDenied      = http.StatusForbidden          // by policy, or the address is not public
	statusFailed      = http.StatusBadGateway         // the server cannot be reached or trusted
	statusSilent      = http.StatusGatewayTimeout     // the server does not answer
	statusExhausted   = 509                           // the run may send or receive no more
	statusUnrecorded  = http.StatusServiceUnavailable // the run's record cannot be read or written
	statusNotRecorded = statusFailed                  // a replay has no answer to this
)

// refusal is an error as the program in the sandbox sees it. Its message is the reason phrase of the reply as well as its
// body, since that is what exceptions of HTTP libraries show.
type refusal struct {
	status  int
	message string
}

func (r *refusal) Error() string { return r.message }

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status: status, message: oneLine(fmt.Sprintf(format, args...))}
}

// asRefusal is err as a refusal; anything unknown is a failure on the way.
func asRefusal(err error) *refusal {
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	return refuse(statusFailed, "%v", err)
}

// maxMessage bounds a reason phrase, in bytes.
const maxMessage = 400

// oneLine makes a text fit for a status line: printable ASCII (RFC 9112 §4).
func oneLine(s string) string {
	s = strings.Map(func(c rune) rune {
		switch {
		case c == '\n' || c == '\r' || c == '\t':
			return ' '
		case c < ' ' || c > '~':
			return '?'
		}
		return c
	}, s)
	if len(s) > maxMessage {
		s = s[:maxMessage] + "..."
	}
	return s
}

func (r *refusal) response(req *http.Request) *http.Response {
	body := r.message + "\n"
	return &http.Response{
		Status: fmt.Sprintf("%d %s", r.status, r.message), StatusCode: r.status, ProtoMajor: 1, ProtoMinor: 1, Request: req, Close: true,
		Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
		Body:   io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// maxDrain bounds what is read of a refused request's body, in bytes.
const maxDrain = 64 << 20

// write sends the refusal on the connection itself: a ResponseWriter has no reason phrases. The body of the request is
// read before, since a client that is still sending it would see a broken connection and not the reply.
func (r *refusal) write(w http.ResponseWriter, req *http.Request) {
	if req.Body != nil {
		_, _ = io.CopyN(io.Discard, req.Body, maxDrain)
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, r.message, r.status)
		return
	}
	defer conn.Close()
	_ = r.response(req).Write(conn) // when the client is gone there is nobody to tell
}
