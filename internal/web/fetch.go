package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"

	"agentfactory/internal/gateway"
	"agentfactory/internal/netguard"
)

const (
	maxRedirects = 10
	maxBody      = 8 << 20  // bytes that are read of a page
	maxPDF       = 32 << 20 // and of a PDF document, which is of no use when it is cut
)

// userAgent names the program, as servers expect of one that is not a browser.
const userAgent = "Mozilla/5.0 (compatible; AgentFactory/1.0)"

// newPages is how the pages themselves are requested.
func newPages(g guard, c ReadingConfig) exchange {
	transport := netguard.Transport(g.allow)
	if c.Dial != nil {
		transport.DialContext = c.Dial
	}
	return exchange{
		client: &http.Client{Transport: transport, CheckRedirect: g.redirected},
		total:  cmp.Or(c.Timeout, readingTime),
		size: func(r *http.Response) int64 {
			if mediaType(r.Header) == typePDF {
				return maxPDF
			}
			return maxBody
		},
	}
}

// fetch requests the page from its own server and extracts its text.
func (t *reading) fetch(ctx context.Context, target *url.URL) (page, error) {
	got, err := t.pages.do(ctx, func(ctx context.Context) (*http.Request, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("User-Agent", userAgent)
		r.Header.Set("Accept", "text/html,application/xhtml+xml,text/*;q=0.9,application/json;q=0.9,application/pdf;q=0.8,*/*;q=0.5")
		return r, nil
	})
	if err != nil {
		return page{}, unread(target, err)
	}
	p, err := t.extract(ctx, got)
	if err != nil {
		return page{}, err
	}
	p.url = got.url.String()
	return p, nil
}

// unread is why a page was not fetched, as an error for the subagent.
func unread(target *url.URL, err error) error {
	var (
		f       *failure
		ours    *gateway.Error
		refused *netguard.RefusedError
	)
	switch {
	case errors.As(err, &ours):
		return gateway.Errorf(ours.Code, "%s: %s", target.Host, ours.Message)
	case errors.As(err, &refused):
		return gateway.Errorf(gateway.Denied, "%s: %v", target.Host, refused)
	case !errors.As(err, &f):
		return err // of the caller's context
	case f.status == 0:
		return gateway.Errorf(gateway.Unavailable, "%s cannot be read: %s", target.Host, line(f.Error()))
	case f.wait > 0:
		return gateway.Errorf(gateway.Unavailable, "%s answered %v; it asks to wait %v", target.Host, f, f.wait)
	}
	return gateway.Errorf(gateway.Unavailable, "%s answered %v", target.Host, f)
}

// mediaType is the type of a response, lower case and without parameters, "" if there is none.
func mediaType(h http.Header) string {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type")) // of a malformed parameter the type is still given
	return kind
}

// tooMuch says that a document was not read to its end.
func tooMuch(size int64) string { return fmt.Sprintf("only the first %d MiB were read", size>>20) }
