package proof

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// defaultResults is how many results web_search asks for that is not told.
const defaultResults = 10

// searchQuery is what web_search is asked, as the gateway records it.
type searchQuery struct {
	Query    string `json:"query"`
	Num      int    `json:"num"`
	Page     int    `json:"page"`
	Country  string `json:"country"`
	Language string `json:"language"`
}

func (q searchQuery) key() string {
	return fmt.Sprintf("search %q %d %d %q %q", q.Query, q.Num, q.Page, strings.ToLower(q.Country), strings.ToLower(q.Language))
}

// pageKey is an address in the one form in which it goes over the wire. What is no address is its own key.
func pageKey(address string) string {
	address = strings.TrimSpace(address)
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "page " + address
	}
	host := strings.ToLower(u.Host)
	if ascii, err := idna.Lookup.ToASCII(u.Hostname()); err == nil && u.Port() == "" {
		host = ascii
	}
	plain := "page " + strings.ToLower(u.Scheme) + "://" + host + strings.TrimSuffix(quoted(u.EscapedPath()), "/")
	if u.RawQuery != "" {
		plain += "?" + quoted(u.RawQuery)
	}
	return plain
}

// quoted escapes what stands unescaped in a part of an address and cannot go over the wire.
func quoted(part string) string {
	var b strings.Builder
	for _, c := range []byte(part) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{}", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// conversation is what a model is asked, as the gateway records it and as OpenAI's wire form has it: there the system text is
// a message like others. Limits and the model's name make no difference.
type conversation struct {
	System   string    `json:"system"`
	Messages []message `json:"messages"`
}

type message struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"` // a text, a list of parts, or null
}

// part is a piece of a message in either form.
type part struct {
	Type     string `json:"type"` // text; image in the record, image_url on the wire
	Text     string `json:"text"`
	SHA256   string `json:"sha256"`
	ImageURL struct {
		URL string `json:"url"` // a data: URL
	} `json:"image_url"`
}

func (c conversation) key() string {
	messages := c.Messages
	if c.System != "" {
		text, _ := json.Marshal(c.System) // a text always encodes
		messages = append([]message{{Role: "system", Content: text}}, messages...)
	}
	sum := sha256.New()
	for _, m := range messages {
		fmt.Fprintf(sum, "%q %q\n", m.Role, m.said())
	}
	return "model " + hex.EncodeToString(sum.Sum(nil))
}

// said is the content in one form: its texts, and the digests of its images.
func (m message) said() []string {
	content := bytes.TrimSpace(m.Content)
	var text string
	if json.Unmarshal(content, &text) == nil {
		return []string{"text " + text}
	}
	var parts []part
	if json.Unmarshal(content, &parts) != nil {
		return []string{"other " + string(content)}
	}
	all := make([]string, 0, len(parts))
	for _, p := range parts {
		all = append(all, p.said())
	}
	return all
}

func (p part) said() string {
	switch {
	case p.Type == "text":
		return "text " + p.Text
	case p.SHA256 != "":
		return "image " + p.SHA256
	}
	_, encoded, _ := strings.Cut(p.ImageURL.URL, ",")
	data, _ := base64.StdEncoding.DecodeString(encoded) // what is no image has the digest of none
	return "image " + digest(data)
}

// audio is what is transcribed, as the gateway records it.
type audio struct {
	Name     string `json:"name"`
	Language string `json:"language"`
	SHA256   string `json:"sha256"`
}

func (a audio) key() string { return fmt.Sprintf("audio %q %q %s", a.Name, a.Language, a.SHA256) }

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
