package egress

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// newForward passes requests on: headers of one connection removed, upgrades relayed, replies that break off broken off.
func (p *Proxy) newForward() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.RawQuery = r.In.URL.RawQuery // as it was written
			r.Out.Header.Del("Expect")             // the body is here
			if !strings.EqualFold(r.Out.Header.Get("Upgrade"), "websocket") {
				r.Out.Header.Del("Upgrade") // h2c and the like are offers that a proxy does without
				r.Out.Header.Del("Connection")
			}
			r.Out.Host = "" // the URL's
		},
		Transport:    roundTrip(p.roundTrip),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { asRefusal(err).write(w, r) },
		ErrorLog:     silent,
	}
}

// roundTrip answers one request; an error is a refusal.
func (p *Proxy) roundTrip(r *http.Request) (*http.Response, error) {
	asked, err := describe(r)
	if err != nil {
		return nil, err
	}
	large, err := p.readBody(r, &asked)
	if err != nil {
		return nil, err
	}
	resp, err := p.answer(r, asked, large)
	if err != nil {
		return nil, p.note(r.Context(), asked, err)
	}
	return resp, nil
}

// readBody reads the body of a request, so that its digest can be told; large: it is more than is kept, and follows as
// it is sent.
func (p *Proxy) readBody(r *http.Request, asked *Request) (large bool, err error) {
	if r.Body == nil {
		return false, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, p.config.Limits.Recorded+1))
	if err != nil {
		return false, refuse(http.StatusBadRequest, "the body of the request broke off: %v", err)
	}
	if int64(len(body)) > p.config.Limits.Recorded {
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
		return true, nil
	}
	r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	if len(body) > 0 {
		asked.Body = digest(body)
	}
	return false, nil
}

// answer is the story of a request: judged, then answered from the record or by the server.
func (p *Proxy) answer(r *http.Request, asked Request, large bool) (*http.Response, error) {
	ctx := r.Context()
	if err := p.admit(ctx, asked); err != nil {
		return nil, err
	}
	if past, ok, err := p.replay(ctx, asked, large); err != nil || ok {
		return past.reply(r), err
	}
	if err := p.mayGoOut(ctx, asked); err != nil {
		return nil, err
	}
	resp, err := p.transport.RoundTrip(r)
	if err != nil {
		return nil, p.failed(asked, err)
	}
	resp, err = p.received(ctx, asked, resp, large)
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// admit counts a request and puts it to the policy.
func (p *Proxy) admit(ctx context.Context, asked Request) error {
	if err := p.broken(); err != nil {
		return err
	}
	if err := p.meter.request(); err != nil {
		return err
	}
	if err := p.config.Allow(ctx, asked); err != nil {
		return refuse(statusDenied, "%s is refused: %v", asked, err)
	}
	return nil
}

// replay looks for the recorded reply. Bodies that are not kept are not told apart.
func (p *Proxy) replay(ctx context.Context, asked Request, large bool) (Exchange, bool, error) {
	if p.config.Journal == nil || asked.Tunnel || large {
		return Exchange{}, false, nil
	}
	asked.URL = p.config.Mask(asked.URL)
	past, ok, err := p.config.Journal.Replay(ctx, asked)
	if err != nil {
		return Exchange{}, false, p.fail(fmt.Errorf("read the record of a request: %w", err))
	}
	if ok {
		p.replayed.Add(1)
	}
	return past, ok, nil
}

// mayGoOut refuses what a replay must not do, and holds back what comes too fast.
func (p *Proxy) mayGoOut(ctx context.Context, asked Request) error {
	if p.config.Live == LiveNone || p.config.Live == LiveReads && !asked.reads() {
		return refuse(statusNotRecorded, "%s is not recorded, and this replay does not send it", asked)
	}
	if err := p.meter.pace.Wait(ctx); err != nil {
		return refuse(statusFailed, "%s was cancelled", asked)
	}
	return nil
}

// received records a reply and returns it for delivery: after the record is kept where the body is small, while it
// passes where it is large.
func (p *Proxy) received(ctx context.Context, asked Request, resp *http.Response, large bool) (*http.Response, error) {
	e := exchangeOf(asked, resp)
	if large {
		e.Unreplayable = "the body of the request is too large to be kept"
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		p.hosts.tunnel(asked.Host)
		e.Unreplayable = "the connection went over to " + resp.Header.Get("Upgrade") + ", which is not seen"
		return p.recorded(ctx, e, resp)
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "text/event-stream" {
		e.Unreplayable = "a stream of events, which is passed on as it comes"
		return p.recorded(ctx, e, resp)
	}
	if err := p.meter.fits(resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, p.config.Limits.Recorded+1))
	if err != nil {
		resp.Body.Close()
		return nil, p.failed(asked, fmt.Errorf("the reply broke off: %w", err))
	}
	if int64(len(body)) > p.config.Limits.Recorded {
		e.Unreplayable = "the reply is too large to be kept"
		resp.Body = &passing{proxy: p, exchange: e, rest: io.MultiReader(bytes.NewReader(body), resp.Body), body: resp.Body, sum: sha256.New()}
		return resp, nil
	}
	resp.Body.Close() // it has been read to its end: the connection is free
	e.Body, e.BodyBytes, e.BodyDigest = body, int64(len(body)), digest(body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return p.recorded(ctx, e, resp)
}

// recorded gives a reply free once its record is kept.
func (p *Proxy) recorded(ctx context.Context, e Exchange, resp *http.Response) (*http.Response, error) {
	if err := p.record(ctx, e); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// passing is a large body on its way. It is recorded when it ends, however it does.
type passing struct {
	proxy    *Proxy
	exchange Exchange
	rest     io.Reader
	body     io.Closer
	sum      hash.Hash
	ended    bool
}

func (b *passing) Read(to []byte) (int, error) {
	n, err := b.rest.Read(to)
	b.sum.Write(to[:n])
	b.exchange.BodyBytes += int64(n)
	if err != nil {
		if kept := b.end(err); kept != nil {
			return n, kept
		}
	}
	return n, err
}

func (b *passing) Close() error {
	err := b.end(errors.New("the program did not read it to its end"))
	return errors.Join(err, b.body.Close())
}

func (b *passing) end(why error) error {
	if b.ended {
		return nil
	}
	b.ended = true
	if why != io.EOF {
		b.exchange.Error = why.Error()
	}
	b.exchange.BodyDigest = hex.EncodeToString(b.sum.Sum(nil))
	return b.proxy.record(context.Background(), b.exchange)
}

// recordTime bounds the writing of a record, which goes on when the run is cancelled: the request has been made.
const recordTime = 30 * time.Second

func (p *Proxy) record(ctx context.Context, e Exchange) error {
	if p.config.Journal == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	e.At = time.Now().UTC()
	if err := p.config.Journal.Record(ctx, e.masked(p.config.Mask)); err != nil {
		return p.fail(fmt.Errorf("record a request: %w", err))
	}
	return nil
}

// note records a request that got no reply and returns what the program is told. What the journal's failure or the end of
// a limit refuses is not recorded: there is no end to it.
func (p *Proxy) note(ctx context.Context, asked Request, err error) *refusal {
	r := asRefusal(err)
	if r.status == statusDenied || r.status == statusExhausted {
		p.refused.Add(1)
	}
	if r.status == statusExhausted || r.status == statusUnrecorded {
		return r
	}
	if err := p.record(ctx, Exchange{Request: asked, Status: r.status, Error: r.message}); err != nil {
		return asRefusal(err)
	}
	return r
}

// fail breaks the proxy: the program learns no more than that, Close returns why.
func (p *Proxy) fail(err error) error {
	p.mu.Lock()
	if p.failure == nil {
		p.failure = err
	}
	p.mu.Unlock()
	return errBroken
}

var errBroken = refuse(statusUnrecorded, "the record of this run has failed; the run is going to be repeated")

func (p *Proxy) broken() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failure != nil {
		return errBroken
	}
	return nil
}
