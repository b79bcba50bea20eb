package web

import (
	"cmp"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"agentfactory/internal/gateway"
)

// ReadingConfig says how web_reading gets at pages.
type ReadingConfig struct {
	BaseURL string        // of a server that speaks Jina Reader's API; "": Jina itself
	APIKey  string        // without one pages are fetched and extracted here
	Client  *http.Client  // how the service is reached; nil: as the environment says. It is never followed to another address.
	Timeout time.Duration // for all attempts at a provider together; 0: 45 s

	// Allow says which addresses pages may be fetched from, by the host as it was asked for and the address that it has;
	// nil: those of the public internet.
	Allow func(host string, addr netip.Addr) bool
	// Own tells hosts of one's own network, whose pages are fetched here in any case: no service reaches them, nor is it
	// told of them. nil: there are none.
	Own func(host string) bool
	// Permit is asked about every address that a page redirects to; the one that the subagent names has been judged by the
	// gateway. Its error is told to the subagent as `denied`. nil permits all that Allow does.
	Permit func(*url.URL) error
	// Dial connects to the hosts of pages, in place of what Allow decides about each address: it has to refuse, with a
	// *netguard.RefusedError, where Allow would. nil: the connections are made here.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// PDF gives the text of a document of at most 32 MiB from an untrusted source: do it in a sandbox. nil: PDF
	// documents are refused. Its error is told to the subagent.
	PDF func(ctx context.Context, document []byte) (text string, err error)
}

const (
	maxText     = 200_000 // bytes of text that are returned
	maxURL      = 4096    // bytes
	readingTime = 45 * time.Second
)

// NewReading returns the tool web_reading.
//
//	{"url": "https://…", "max_chars": 20000}
//	{"text": "…", "title"?: "…", "url": "…", "note": "…"}
//
// Only url is required. text is Markdown for HTML, and what stands there for plain text, JSON and the like; it has at most
// 200 KB, and max_chars characters. url is the address after redirects, note says where the text comes from and what was
// cut. A wrong request is `invalid_request`, an address that may not be visited `denied`, a page that cannot be had
// `unavailable`.
//
// With a key the page is read by Jina Reader, unless it is of one's own network; what that cannot read, for whatever reason, is fetched here, and the note
// says so.
func NewReading(c ReadingConfig) gateway.Tool {
	guard := newGuard(c)
	return &reading{guard: guard, own: c.Own, pdf: c.PDF, pages: newPages(guard, c), jina: newService(service{
		name: "Jina Reader", keySetting: "JINA_API_KEY", urlSetting: "JINA_BASE_URL",
		base: cmp.Or(c.BaseURL, "https://r.jina.ai"), key: c.APIKey,
	}, c.Client, c.Timeout, readingTime)}
}

type reading struct {
	guard guard
	own   func(host string) bool
	pdf   func(context.Context, []byte) (string, error)
	jina  service
	pages exchange
}

// page is what was read, by whichever provider.
type page struct {
	text, title string
	url         string // after redirects
	notes       notes
}

// Call implements gateway.Tool.
func (t *reading) Call(ctx context.Context, r gateway.ToolRequest) (gateway.ToolReply, error) {
	ask, err := parseReading(r.Body)
	if err != nil {
		return gateway.ToolReply{}, err
	}
	if err := t.guard.public(ask.target); err != nil {
		return gateway.ToolReply{}, err
	}
	p, err := t.read(ctx, ask.target)
	if err != nil {
		return gateway.ToolReply{}, err
	}
	return reply(p.shown(ask.MaxChars))
}

type readingRequest struct {
	URL      string `json:"url"`
	MaxChars *int   `json:"max_chars"` // nil: as many as there is room for

	target *url.URL
}

func parseReading(body json.RawMessage) (readingRequest, error) {
	var ask readingRequest
	if err := decode(body, &ask, "url and max_chars"); err != nil {
		return ask, err
	}
	if ask.MaxChars != nil && *ask.MaxChars < 1 {
		return ask, gateway.Errorf(gateway.InvalidRequest, "max_chars is %d; give 1 or more, or leave it out", *ask.MaxChars)
	}
	var err error
	ask.target, err = parseURL(ask.URL)
	return ask, err
}

// read takes the page from Jina Reader where there is a key, else from its own server.
func (t *reading) read(ctx context.Context, target *url.URL) (page, error) {
	if t.jina.key == "" || t.own != nil && t.own(target.Hostname()) {
		return t.fetch(ctx, target)
	}
	p, err := t.readJina(ctx, target)
	if err == nil || ctx.Err() != nil {
		return p, err
	}
	why := err.Error()
	if p, err = t.fetch(ctx, target); err == nil {
		p.notes.add("%s", why)
	}
	return p, err
}

// shown is the reply: cut to size, with a note that says so.
func (p page) shown(maxChars *int) readingReply {
	characters := maxText
	if maxChars != nil {
		characters = min(characters, *maxChars)
	}
	text, cutOff := cut(p.text, characters, maxText)
	if cutOff {
		p.notes.add("the text is cut: these are the first %d of its %d bytes", len(text), len(p.text))
	}
	title, _ := cut(strings.Join(strings.Fields(p.title), " "), maxTitle, len(p.title))
	return readingReply{Text: text, Title: title, URL: p.url, Note: p.notes.String()}
}

// readingReply is what web_reading returns.
type readingReply struct {
	Text  string `json:"text"`
	Title string `json:"title,omitempty"`
	URL   string `json:"url"`
	Note  string `json:"note,omitempty"`
}
