package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Requests of ordinary HTTP libraries, which the egress proxy of the run carries out.
const (
	KindHTTP       = "http"
	KindHTTPFailed = "http_failed" // refused, broken off, or too large to be kept: it answers nothing
)

// Permit asks the policy about a request that somebody else carries out for the run; an answer in the journal has been
// permitted. The error is an *Error.
func (s *Session) Permit(ctx context.Context, kind string, request any) error {
	e, err := s.outside(ctx, kind, request)
	if err != nil {
		return err
	}
	if s.calls.has(e.RequestDigest) {
		return nil
	}
	if refused, _ := s.ruled(&e); refused != nil {
		return refused
	}
	return nil
}

// Recorded tells whether the journal has a reply to such a request that was not returned yet.
func (s *Session) Recorded(ctx context.Context, kind string, request any) bool {
	e, err := s.outside(ctx, kind, request)
	return err == nil && s.calls.has(e.RequestDigest)
}

// Recall returns the journalled reply to such a request that was not returned before; false when none is left.
func (s *Session) Recall(ctx context.Context, kind string, request any) (json.RawMessage, bool, error) {
	e, err := s.outside(ctx, kind, request)
	if err != nil {
		return nil, false, err
	}
	past, found := s.calls.replay(e.RequestDigest)
	return past.Reply, found && past.Error == nil, nil
}

// Keep journals such a request with its reply, a JSON object each, before it returns.
func (s *Session) Keep(ctx context.Context, kind string, request, reply any) error {
	e, err := s.outside(ctx, kind, request)
	if err != nil {
		return err
	}
	if e.N, err = s.calls.next(); err != nil {
		return err
	}
	body, err := encode(reply)
	if err == nil {
		e.Reply, err = s.mask.json(body)
	}
	if err != nil {
		return fmt.Errorf("encode a reply for the journal: %w", err)
	}
	if s.config.Policy != nil {
		e.Notes = s.config.Policy(s.question(e)).Notes
	}
	e.At = time.Now().UTC()
	_, err = s.record(ctx, e)
	return err
}

// outside is an entry for a request, with its digest; the journal is read first.
func (s *Session) outside(ctx context.Context, kind string, request any) (Entry, error) {
	if err := s.load(ctx); err != nil {
		return Entry{}, err
	}
	body, err := encode(request)
	if err == nil {
		body, err = s.mask.json(body)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("encode a request for the journal: %w", err)
	}
	e := Entry{Kind: kind, Request: body}
	e.RequestDigest = e.digest()
	return e, nil
}

// Mask blots out secrets in a text that is kept.
func (s *Session) Mask(text string) string { return s.mask.Text(text) }
