package web

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"agentfactory/internal/secret"
)

// service is a configured web service.
type service struct {
	name, keySetting, urlSetting string // as messages name them
	base                         string
	key                          string
	exchange                     exchange
}

// maxService bounds the answer of a service, in bytes.
const maxService = 16 << 20

// newService fills in defaults. The client follows no redirect: the key is for the configured server alone.
func newService(s service, client *http.Client, total, defaultTotal time.Duration) service {
	if client == nil {
		client = &http.Client{}
	}
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.base = strings.TrimRight(s.base, "/")
	s.exchange = exchange{client: &own, mask: secret.NewMask(s.key, secret.Login(s.base)), total: cmp.Or(total, defaultTotal), size: func(*http.Response) int64 { return maxService }}
	return s
}

// explain says in a line what went wrong and what to do. said is the service's own message, if it has one.
func (s service) explain(f *failure, said string) string {
	said = line(said)
	if said != "" {
		said = ": " + said
	}
	switch {
	case f.status == 0:
		return fmt.Sprintf("%s cannot be reached: %s", s.name, line(f.Error()))
	case f.status == http.StatusUnauthorized || f.status == http.StatusForbidden:
		return fmt.Sprintf("%s refuses the key (%v%s): check %s", s.name, f, said, s.keySetting)
	case f.status == http.StatusPaymentRequired:
		return fmt.Sprintf("the account at %s is out of credit (%v%s)", s.name, f, said)
	case f.status == http.StatusTooManyRequests && f.wait > 0:
		return fmt.Sprintf("%s limits the rate (%v): it takes the next request in %v", s.name, f, f.wait.Round(time.Second))
	case f.status < 400 || f.status == http.StatusNotFound:
		return fmt.Sprintf("%s is not at %s (%v): check %s", s.name, s.host(), f, s.urlSetting)
	}
	return fmt.Sprintf("%s answered %v%s", s.name, f, said)
}

// host is where the service is, without what may be secret in its URL.
func (s service) host() string {
	u, err := url.Parse(s.base)
	if err != nil {
		return "its base URL"
	}
	return u.Scheme + "://" + u.Host
}
