// Package secret blots secrets out of texts that are kept, shown or sent on. Those who deal with our services repeat what
// they are sent: in error messages, in pages that show a request's headers, on purpose. A mask is the last line of
// defence, against accidents: who holds a secret and wants to give it away can spell it as nobody expects.
//
// It imports nothing of this project.
package secret

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Blot is what stands in the place of a secret.
const Blot = "[secret]"

// MinLength is the length in bytes from which a secret is blotted out: shorter ones are parts of ordinary words.
const MinLength = 6

// Mask blots out secrets, wherever in a text they are. The zero Mask blots out nothing. It is safe for concurrent use.
type Mask struct{ replace *strings.Replacer }

// NewMask returns a mask for secrets of at least MinLength bytes. It knows them as they are, in hex, URL-encoded, and in
// base64 wherever they begin in what was encoded, as a password does in the header of HTTP's basic authentication.
func NewMask(secrets ...string) Mask {
	var all []string
	for _, s := range secrets {
		if len(s) >= MinLength {
			all = append(all, spellings(s)...)
		}
	}
	if len(all) == 0 {
		return Mask{}
	}
	slices.SortStableFunc(all, func(a, b string) int { return cmp.Compare(len(b), len(a)) }) // longest first: no rest of one stays
	pairs := make([]string, 0, 2*len(all))
	for _, s := range slices.Compact(all) {
		pairs = append(pairs, s, Blot)
	}
	return Mask{strings.NewReplacer(pairs...)}
}

// Text returns the text without the secrets.
func (m Mask) Text(text string) string {
	if m.replace == nil {
		return text
	}
	return m.replace.Replace(text)
}

// Bytes is Text for bytes.
func (m Mask) Bytes(text []byte) []byte {
	if m.replace == nil {
		return text
	}
	return []byte(m.replace.Replace(string(text)))
}

func spellings(s string) []string {
	inHex := hex.EncodeToString([]byte(s))
	found := []string{s, inHex, strings.ToUpper(inHex), url.QueryEscape(s), url.PathEscape(s)}
	for before := range 3 {
		text := inBase64(s, before)
		found = append(found, text, strings.NewReplacer("+", "-", "/", "_").Replace(text))
	}
	return found
}

// inBase64 is the part of a secret's encoding that does not depend on its surroundings, when so many bytes (modulo 3) are
// encoded before it.
func inBase64(s string, before int) string {
	text := base64.RawStdEncoding.EncodeToString([]byte("xx"[:before] + s))
	begin, end := (before*8+5)/6, (before+len(s))*8/6 // characters that hold bits of the secret alone
	return text[begin:end]
}

// Login returns the secret of an address: the password of https://name:password@host, or the token of
// https://token@host; "" if there is none.
func Login(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User == nil || u.Host == "" {
		return ""
	}
	if password, ok := u.User.Password(); ok {
		return password
	}
	return u.User.Username()
}

var userinfo = regexp.MustCompile(`//[^/@\s]+@`)

// WithoutLogins hides the logins in the addresses that a text holds.
func WithoutLogins(text string) string { return userinfo.ReplaceAllString(text, "//***@") }
