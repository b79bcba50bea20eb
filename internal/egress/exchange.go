package egress

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Exchange is a request with what came of it, secrets blotted out.
type Exchange struct {
	Request      Request     `json:"request"`
	Status       int         `json:"status"` // 0: a tunnel
	Header       http.Header `json:"header,omitempty"`
	Body         []byte      `json:"body,omitempty"`         // as it was sent, content encoding included; missing where Unreplayable says so
	BodyBytes    int64       `json:"body_bytes"`             // of the whole body
	BodyDigest   string      `json:"body_digest,omitempty"`  // its SHA-256, hexadecimal
	Unreplayable string      `json:"unreplayable,omitempty"` // why it can't be answered from the record
	Error        string      `json:"error,omitempty"`        // why there was no reply, or only a part of one
	At           time.Time   `json:"at"`                     // when the reply was there
}

// Replayable tells whether the exchange can answer an equal request.
func (e Exchange) Replayable() bool { return e.Unreplayable == "" && e.Error == "" }

// Journal keeps the exchanges of a run. It is safe for concurrent use. Its errors make the run worthless: see Close.
type Journal interface {
	// Replay returns a recorded, replayable exchange for a request that was not returned before, false when none is
	// left: equal requests get their replies in the order in which they were made.
	Replay(ctx context.Context, r Request) (Exchange, bool, error)
	// Record keeps an exchange before it returns.
	Record(ctx context.Context, e Exchange) error
}

// unkept are headers that concern one connection, or that are a credential.
var unkept = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Alt-Svc", "Set-Cookie",
}

func exchangeOf(r Request, resp *http.Response) Exchange {
	header := resp.Header.Clone()
	for _, name := range unkept {
		header.Del(name)
	}
	return Exchange{Request: r, Status: resp.StatusCode, Header: header}
}

// masked is the exchange as it may be kept.
func (e Exchange) masked(mask func(string) string) Exchange {
	e.Request.URL, e.Error = mask(e.Request.URL), mask(e.Error)
	header := make(http.Header, len(e.Header))
	for name, values := range e.Header {
		for _, v := range values {
			header[name] = append(header[name], mask(v))
		}
	}
	e.Header = header
	if utf8.Valid(e.Body) {
		e.Body = []byte(mask(string(e.Body)))
	}
	return e
}

// reply is the recorded reply to a request.
func (e Exchange) reply(r *http.Request) *http.Response {
	header := e.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	length := int64(len(e.Body))
	if r.Method != http.MethodHead && (len(e.Body) > 0 || header.Get("Content-Length") != "") {
		header.Set("Content-Length", strconv.FormatInt(length, 10))
	}
	return &http.Response{
		Status: strconv.Itoa(e.Status) + " " + http.StatusText(e.Status), StatusCode: e.Status, ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: header, Body: io.NopCloser(strings.NewReader(string(e.Body))), ContentLength: length,
	}
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Recording is a Journal in memory.
type Recording struct {
	mu      sync.Mutex
	pending map[string][]Exchange // by key, in the order in which they were made
	made    []Exchange
}

// NewRecording returns a journal that answers from past exchanges.
func NewRecording(past []Exchange) *Recording {
	r := &Recording{pending: map[string][]Exchange{}}
	for _, e := range past {
		if e.Replayable() {
			r.pending[e.Request.Key()] = append(r.pending[e.Request.Key()], e)
		}
	}
	return r
}

// Replay implements Journal.
func (r *Recording) Replay(_ context.Context, q Request) (Exchange, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := r.pending[q.Key()]
	if len(left) == 0 {
		return Exchange{}, false, nil
	}
	r.pending[q.Key()] = left[1:]
	return left[0], true, nil
}

// Record implements Journal.
func (r *Recording) Record(_ context.Context, e Exchange) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.made = append(r.made, e)
	return nil
}

// Exchanges are those recorded since the Recording was made, in the order in which they ended.
func (r *Recording) Exchanges() []Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.made)
}
