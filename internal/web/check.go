package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// CheckSearch asks a server that speaks Serper's API for a search without a query: it looks at the key, refuses the
// request, and no search is spent. The error says in a line what is wrong with the key or the server.
func CheckSearch(ctx context.Context, c SearchConfig) error {
	s := NewSearch(c).(*search).service
	_, err := s.exchange.do(ctx, func(ctx context.Context) (*http.Request, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/search", bytes.NewReader([]byte("{}")))
		if err != nil {
			return nil, err
		}
		r.Header.Set("X-API-KEY", s.key)
		r.Header.Set("Content-Type", "application/json")
		return r, nil
	})
	var f *failure
	if errors.As(err, &f) {
		if f.status == http.StatusBadRequest || f.status == http.StatusUnprocessableEntity {
			return nil // it would have said so before, had it refused the key
		}
		var said struct{ Message string }
		_ = json.Unmarshal(f.body, &said) // without a message the status must do
		return errors.New(s.explain(f, said.Message))
	}
	return err
}

// CheckReading asks a server that speaks Jina Reader's API for its own front page with the key: no page is read. A
// server need not look at the key for that; where it does, the error says in a line that it is refused.
func CheckReading(ctx context.Context, c ReadingConfig) error {
	s := NewReading(c).(*reading).jina
	_, err := s.exchange.do(ctx, func(ctx context.Context) (*http.Request, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/", nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer "+s.key)
		r.Header.Set("Accept", "application/json")
		return r, nil
	})
	var f *failure
	if errors.As(err, &f) {
		return errors.New(s.explain(f, jinaMessage(f.body)))
	}
	return err
}
