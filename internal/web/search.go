package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"agentfactory/internal/gateway"
)

// SearchConfig says where web_search looks.
type SearchConfig struct {
	BaseURL string        // of a server that speaks Serper's API; "": Serper itself
	APIKey  string        // without one every call answers `unavailable`
	Client  *http.Client  // how the service is reached; nil: as the environment says. It is never followed to another address.
	Timeout time.Duration // for all attempts together; 0: 45 s
}

const (
	defaultResults = 10
	maxResults     = 20
	maxQuery       = 2000 // characters, as are those that follow
	maxTitle       = 500
	maxSnippet     = 2000
	maxPage        = 100
	searchTime     = 45 * time.Second
)

// NewSearch returns the tool web_search, over Serper's Google search (POST /search).
//
//	{"query": "…", "num": 10, "page": 1, "country": "de", "language": "en"}
//	{"results": [{"title", "link", "snippet", "position"?, "date"?}], "answer"?: "…", "note"?: "…"}
//
// Only query is required; num is 1 to 20. answer is that of an answer box, note says what was cut. A wrong request is
// `invalid_request`, a missing or refused key `unavailable`. When the service itself is out of order or limits the rate
// for longer than the time allows, the error says of itself that it is Retryable.
func NewSearch(c SearchConfig) gateway.Tool {
	return &search{newService(service{
		name: "Serper", keySetting: "SERPER_API_KEY", urlSetting: "SERPER_BASE_URL",
		base: cmp.Or(c.BaseURL, "https://google.serper.dev"), key: c.APIKey,
	}, c.Client, c.Timeout, searchTime)}
}

type search struct{ service service }

// Call implements gateway.Tool.
func (s *search) Call(ctx context.Context, r gateway.ToolRequest) (gateway.ToolReply, error) {
	ask, err := parseSearch(r.Body)
	if err != nil {
		return gateway.ToolReply{}, err
	}
	if s.service.key == "" {
		return gateway.ToolReply{}, gateway.Errorf(gateway.Unavailable, "web_search needs a key of serper.dev: whoever runs the worker sets SERPER_API_KEY")
	}
	got, err := s.service.exchange.do(ctx, func(ctx context.Context) (*http.Request, error) { return s.request(ctx, ask) })
	if err != nil {
		return gateway.ToolReply{}, s.failed(err)
	}
	found, err := readResults(got.body, ask.Num)
	if err != nil {
		return gateway.ToolReply{}, gateway.Errorf(gateway.Unavailable, "Serper's answer cannot be read (%s): check SERPER_BASE_URL", line(err.Error()))
	}
	return reply(found)
}

type searchRequest struct {
	Query    string `json:"query"`
	Num      int    `json:"num"`
	Page     int    `json:"page"`     // 0 is the first, like 1
	Country  string `json:"country"`  // two letters, ISO 3166
	Language string `json:"language"` // like en or pt-br
}

var (
	countryRE  = regexp.MustCompile(`^[A-Za-z]{2}$`)
	languageRE = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z]{2,4})?$`)
)

func parseSearch(body json.RawMessage) (searchRequest, error) {
	ask := searchRequest{Num: defaultResults}
	if err := decode(body, &ask, "query, num, page, country and language"); err != nil {
		return ask, err
	}
	refuse := func(format string, args ...any) (searchRequest, error) {
		return ask, gateway.Errorf(gateway.InvalidRequest, format, args...)
	}
	switch n := utf8.RuneCountInString(ask.Query); {
	case strings.TrimSpace(ask.Query) == "":
		return refuse("query is empty; say what to search for")
	case n > maxQuery:
		return refuse("query has %d characters, at most %d are searched for", n, maxQuery)
	case ask.Num < 1 || ask.Num > maxResults:
		return refuse("num is %d; give 1 to %d", ask.Num, maxResults)
	case ask.Page < 0 || ask.Page > maxPage:
		return refuse("page is %d; give 1 to %d", ask.Page, maxPage)
	case ask.Country != "" && !countryRE.MatchString(ask.Country):
		return refuse("country is %.20q; give two letters such as us or de", ask.Country)
	case ask.Language != "" && !languageRE.MatchString(ask.Language):
		return refuse("language is %.20q; give a code such as en or pt-br", ask.Language)
	}
	return ask, nil
}

func (s *search) request(ctx context.Context, ask searchRequest) (*http.Request, error) {
	body, err := json.Marshal(struct {
		Q    string `json:"q"`
		Num  int    `json:"num"`
		Page int    `json:"page,omitempty"`
		GL   string `json:"gl,omitempty"`
		HL   string `json:"hl,omitempty"`
	}{ask.Query, ask.Num, ask.Page, strings.ToLower(ask.Country), strings.ToLower(ask.Language)})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.service.base+"/search", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-API-KEY", s.service.key)
	r.Header.Set("Content-Type", "application/json")
	return r, nil
}

// outage is a failure of the service that no subagent can do anything about.
type outage struct{ message string }

func (o outage) Error() string   { return o.message }
func (o outage) Retryable() bool { return true }

func (s *search) failed(err error) error {
	var f *failure
	if !errors.As(err, &f) {
		return err // of the caller's context
	}
	var said struct{ Message string }
	_ = json.Unmarshal(f.body, &said) // without a message the status must do
	message := s.service.explain(f, said.Message)
	if f.passes() {
		return outage{"web_search: " + message}
	}
	return gateway.Errorf(gateway.Unavailable, "%s", message)
}
