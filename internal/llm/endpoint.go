package llm

import (
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"

	"agentfactory/internal/secret"
)

// DefaultBaseURL is where OpenAI answers.
const DefaultBaseURL = "https://api.openai.com/v1"

// Endpoint is a model server and the right to use it. Printing, logging or encoding it never shows the key.
type Endpoint struct {
	BaseURL      string `json:"base_url"` // with the version path, as in OPENAI_BASE_URL; empty means DefaultBaseURL
	APIKey       string `json:"-"`        // may be empty for servers that ask for none
	Organization string `json:"organization,omitempty"`
	Project      string `json:"project,omitempty"`
}

// String returns the address without the key and without credentials in the URL.
func (e Endpoint) String() string {
	u, err := url.Parse(e.BaseURL)
	if err != nil {
		return "(an unreadable URL)"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// GoString keeps the key out of %#v.
func (e Endpoint) GoString() string { return fmt.Sprintf("llm.Endpoint{BaseURL:%q}", e.String()) }

// LogValue keeps the key out of structured logs.
func (e Endpoint) LogValue() slog.Value { return slog.StringValue(e.String()) }

func (e Endpoint) normalised() (Endpoint, error) {
	e.BaseURL, e.APIKey = strings.TrimSpace(e.BaseURL), strings.TrimSpace(e.APIKey)
	if e.BaseURL == "" {
		e.BaseURL = DefaultBaseURL
	}
	u, err := url.Parse(e.BaseURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return e, fmt.Errorf("model base URL %s is not an http(s) URL; set OPENAI_BASE_URL to something like %s", e, DefaultBaseURL)
	}
	if strings.ContainsFunc(e.APIKey, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return e, fmt.Errorf("the API key for %s holds a space, a line break or a character outside ASCII; check OPENAI_API_KEY", e)
	}
	return e, nil
}

// realKey is the length in bytes from which a key is taken for one in what a model says. Servers that ask for no key are
// given words, such as ollama, which models have to be able to say.
const realKey = 16

// secrets are what the server is sent to let us in, if it is at least so long.
func (e Endpoint) secrets(length int) (found []string) {
	for _, s := range []string{e.APIKey, secret.Login(e.BaseURL)} {
		if len(s) >= length {
			found = append(found, s)
		}
	}
	return found
}

// keyShape finds what providers echo of a wrong key, masked halves included.
var keyShape = regexp.MustCompile(`\b(sk|pk|rk|gsk|xai|AIza)[-_][A-Za-z0-9_*.-]{6,}`)

// withoutKeys removes whatever looks like a key from an error that came from outside.
func withoutKeys(text string) string { return keyShape.ReplaceAllString(text, secret.Blot) }
