package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"agentfactory/internal/objectstore"
)

// call is one request that the journal knows.
type call struct {
	kind string // an Entry's Kind
	tool string
	body json.RawMessage
	// live carries the call out; n is its number in the journal.
	live func(ctx context.Context, n int) (made, error)
}

// made is what came of a call.
type made struct {
	reply any      // any JSON object
	used  Usage    // booked already
	files []string // that it left in the workspace
}

// journalTime bounds the writing of an entry, which goes on when the run is cancelled: it has been paid for.
const journalTime = 30 * time.Second

// do answers a call from the journal, or carries it out and writes it there before the answer is returned.
func (s *Session) do(ctx context.Context, c call) (json.RawMessage, error) {
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	request, err := s.mask.json(c.body)
	if err != nil {
		return nil, Errorf(InvalidRequest, "%v", err)
	}
	e := Entry{Kind: c.kind, Tool: c.tool, Request: request}
	e.RequestDigest = e.digest()
	if past, ok := s.calls.replay(e.RequestDigest); ok {
		if err := s.restore(ctx, past.Files); !errors.Is(err, objectstore.ErrNotFound) { // else it is a new call
			return s.again(past, err)
		}
	}
	refused, recorded := s.ruled(&e)
	if refused != nil && !recorded {
		return nil, refused
	}
	if e.N, err = s.calls.next(); err != nil {
		return nil, err
	}
	if refused != nil {
		return s.record(ctx, s.complete(e, nil, Usage{}, refused))
	}
	got, err := c.live(ctx, e.N)
	if err != nil && (ctx.Err() != nil || s.outage(err)) {
		return nil, errBroken // not journalled: nobody waits for it, or a rerun makes the call again
	}
	if unspent(err) {
		s.exhausted.Store(true)
		return nil, err // nor this: the budget of a rerun may be larger
	}
	var failed error
	if e.Files, failed = s.keepFiles(ctx, got.files); failed != nil {
		s.fail(fmt.Errorf("keep the files of a call: %w", failed))
		return nil, errBroken
	}
	return s.record(ctx, s.complete(e, got.reply, got.used, err))
}

// again answers from the journal, once the files that the call left are there again.
func (s *Session) again(past Entry, restored error) (json.RawMessage, error) {
	var refused *Error
	switch {
	case restored == nil:
		return past.answer()
	case errors.As(restored, &refused):
		return nil, refused
	}
	s.fail(fmt.Errorf("restore the files of a recorded call: %w", restored))
	return nil, errBroken
}

// load reads the journal once and counts what earlier attempts spent.
func (s *Session) load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), journalTime)
	defer cancel()
	used, err := s.calls.load(ctx)
	if err != nil {
		s.fail(fmt.Errorf("read the journal: %w", err))
		return errBroken
	}
	s.budget.add(used)
	return nil
}

// outage breaks the session when the failure of a call is no answer but a reason to run the step again later.
func (s *Session) outage(err error) bool {
	if !passing(err) {
		return false
	}
	s.fail(err)
	return true
}

// unspent tells that a call was not made for lack of budget.
func unspent(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == BudgetExhausted
}

// complete fills in the outcome of a call.
func (s *Session) complete(e Entry, reply any, used Usage, failed error) Entry {
	e.Usage, e.At = used, time.Now().UTC()
	if failed != nil {
		e.Error = s.mask.error(asError(failed))
		return e
	}
	body, err := encode(reply)
	if err == nil {
		e.Reply, err = s.mask.json(body)
	}
	if err == nil && len(e.Reply) > maxReply {
		err = fmt.Errorf("it has %d bytes, at most %d are passed on", len(e.Reply), maxReply)
	}
	if err != nil {
		e.Reply, e.Error = nil, Errorf(Unavailable, "the reply cannot be used: %v", err)
	}
	return e
}

// maxReply bounds a reply, in bytes.
const maxReply = 8 << 20

// record writes the entry, then gives its answer free.
func (s *Session) record(ctx context.Context, e Entry) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), journalTime)
	defer cancel()
	if err := s.config.Journal.Append(ctx, e); err != nil {
		s.fail(fmt.Errorf("write the journal: %w", err))
		return nil, errBroken
	}
	s.calls.made()
	return e.answer()
}
