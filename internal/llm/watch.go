package llm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// More than any model's reply takes on the wire, reasoning included.
	maxReplyBytes = 64 << 20
	// Enough of an error page to find the message in it.
	maxErrorBytes = 1 << 20
)

// watch ends a request when the server has been silent for too long. Every byte counts as a sign of life, the comments
// with which servers keep a connection open included.
type watch struct {
	ctx      context.Context // its cause is a KindStalled error once the watch gave up
	cancel   context.CancelCauseFunc
	timer    *time.Timer
	patience atomic.Int64 // a time.Duration
}

func newWatch(parent context.Context, patience time.Duration) *watch {
	w := &watch{}
	w.ctx, w.cancel = context.WithCancelCause(parent)
	w.patience.Store(int64(patience))
	w.timer = time.AfterFunc(patience, w.giveUp)
	return w
}

func (w *watch) giveUp() {
	w.cancel(&Error{Kind: KindStalled, Message: fmt.Sprintf("the server sent nothing for %s", time.Duration(w.patience.Load()))})
}

// expectWithin sets the patience from now on.
func (w *watch) expectWithin(patience time.Duration) {
	w.patience.Store(int64(patience))
	w.timer.Reset(patience)
}

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// errEndless: the reply is larger than maxReplyBytes. A stream is cut off there, as at the token limit.
var errEndless = errors.New("the reply does not end")

// guard returns the body as the watch sees it being read; past maxReplyBytes it fails with errEndless.
func (w *watch) guard(body io.Reader) io.Reader {
	return &guardedBody{watch: w, body: body}
}

type guardedBody struct {
	watch *watch
	body  io.Reader
	total int
}

func (g *guardedBody) Read(p []byte) (int, error) {
	n, err := g.body.Read(p)
	if n > 0 {
		g.watch.timer.Reset(time.Duration(g.watch.patience.Load()))
	}
	if g.total += n; g.total > maxReplyBytes {
		return 0, errEndless
	}
	return n, err
}

// limitErrorBodies keeps a broken server from filling the memory with an endless error page.
type limitErrorBodies struct{ next http.RoundTripper }

func (l limitErrorBodies) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := l.next.RoundTrip(request)
	if err == nil && response.StatusCode >= 400 {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, maxErrorBytes), response.Body}
	}
	return response, err
}
