package browser

import (
	"encoding/json"
	"slices"

	"agentfactory/internal/secret"
)

// minToken is the length in bytes from which a value of a stored login is taken for a credential: shorter ones are languages,
// consents, numbers, which pages have to be able to say.
const minToken = 16

// tokens are what lets someone in who knows it: cookies, and what the site keeps in local storage.
func (s State) tokens() (found []string) {
	for _, c := range s.Cookies {
		found = append(found, c.Value)
	}
	for _, o := range s.Origins {
		for _, item := range o.LocalStorage {
			found = append(found, item.Value)
		}
	}
	return found
}

// remember adds what must not be shown.
func (s *session) remember(tokens []string) {
	known := len(s.tokens)
	for _, t := range tokens {
		if len(t) >= minToken && !slices.Contains(s.tokens, t) {
			s.tokens = append(s.tokens, t)
		}
	}
	if len(s.tokens) > known {
		s.mask = secret.NewMask(s.tokens...)
	}
}

// hide takes the credentials of a stored login out of a reply: some sites show them, to whoever looks for a fault. Those in
// pictures and files stay. The cookies are asked for anew, since sites hand out new ones for old ones.
func (s *session) hide(reply *Reply) {
	if s.name == "" {
		return
	}
	if s.alive() {
		cookies, _ := s.context.Cookies() // of a browser that has just ended there are none
		values := make([]string, len(cookies))
		for i, c := range cookies {
			values[i] = c.Value
		}
		s.remember(values)
	}
	reply.mask(s.mask)
}

// mask blots secrets out of all that a page has a say in.
func (r *Reply) mask(m secret.Mask) {
	texts := []*string{&r.URL, &r.Title}
	for i := range r.Results {
		texts = append(texts, r.Results[i].texts()...)
		switch value := r.Results[i].Value.(type) {
		case json.RawMessage:
			r.Results[i].Value = json.RawMessage(m.Bytes(value))
		case string:
			r.Results[i].Value = m.Text(value)
		}
	}
	for i := range r.Tabs {
		texts = append(texts, &r.Tabs[i].URL)
	}
	for i := range r.Dialogs {
		texts = append(texts, &r.Dialogs[i].Message)
	}
	for i := range r.Notes {
		texts = append(texts, &r.Notes[i])
	}
	if r.Error != nil {
		texts = append(texts, &r.Error.Message, &r.Error.Snapshot)
	}
	for _, t := range texts {
		*t = m.Text(*t)
	}
}

func (r *Result) texts() []*string {
	found := []*string{&r.Snapshot, &r.Note}
	if r.Text != nil {
		found = append(found, r.Text)
	}
	for _, list := range [][]string{r.Matches, r.Selected} {
		for i := range list {
			found = append(found, &list[i])
		}
	}
	for i := range r.Tabs {
		found = append(found, &r.Tabs[i].URL)
	}
	return found
}
