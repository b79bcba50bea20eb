package secret

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const key = "sk-Abc/def+ghi=jkl mno~ß"

func TestASecretIsBlottedOutHoweverItIsSpelt(t *testing.T) {
	m := NewMask(key, "other")
	for name, c := range map[string]struct{ text, want string }{
		"as it is":      {"a " + key + " b", "a [secret] b"},
		"twice":         {key + key, "[secret][secret]"},
		"hex":           {hex.EncodeToString([]byte(key)), "[secret]"},
		"hex, capitals": {strings.ToUpper(hex.EncodeToString([]byte(key))), "[secret]"},
		"in a query":    {"?k=" + url.QueryEscape(key), "?k=[secret]"},
		"in a path":     {"/" + url.PathEscape(key), "/[secret]"},
		"too short":     {"another other", "another other"},
		"another":       {"sk-Abc", "sk-Abc"},
	} {
		require.Equal(t, c.want, m.Text(c.text), name)
	}
}

// Of base64 the characters stay that hold a bit of what is before or after the secret: at most one at each end.
func TestASecretIsFoundInBase64WhereverItBegins(t *testing.T) {
	m := NewMask(key)
	for _, before := range []string{"", "a", "ab", "abc", "user:"} {
		for _, after := range []string{"", "x", "xy", "xyz"} {
			for name, encoding := range map[string]*base64.Encoding{"standard": base64.StdEncoding, "URL": base64.URLEncoding} {
				masked := m.Text(encoding.EncodeToString([]byte(before + key + after)))
				require.Contains(t, masked, Blot, "%s: %q", name, before)
				left := strings.TrimRight(strings.Replace(masked, Blot, "", 1), "=")
				require.LessOrEqual(t, len(left), len(base64.RawStdEncoding.EncodeToString([]byte(before+after)))+2, "%s: %q %q: %s", name, before, after, masked)
			}
		}
	}
}

func TestOfTwoSecretsTheLongerOneIsFoundFirst(t *testing.T) {
	require.Equal(t, "[secret].", NewMask("secret", "secret-and-more").Text("secret-and-more."))
}

func TestNoSecretsMaskNothing(t *testing.T) {
	require.Equal(t, "text", Mask{}.Text("text"))
	require.Equal(t, "text", NewMask("", "abc").Text("text"))
}

func TestTheSecretOfAnAddressIsItsPasswordOrToken(t *testing.T) {
	for address, want := range map[string]string{
		"https://ann:pass%20word@host/v1": "pass word", "https://token@host": "token", "https://ann:@host": "", "https://host": "", "ann:word@host": "", "::": "",
	} {
		require.Equal(t, want, Login(address), address)
	}
}

func TestTheLoginsOfAddressesAreHidden(t *testing.T) {
	require.Equal(t, "see http://***@host/a@b and https://***@x", WithoutLogins("see http://ann:word@host/a@b and https://token@x"))
	require.Equal(t, "http://host/ann@example.com", WithoutLogins("http://host/ann@example.com"))
}

// Whatever is around a secret, it goes, and what holds none stays as it is.
func FuzzMask(f *testing.F) {
	f.Add("plain text", "x")
	f.Add(base64.StdEncoding.EncodeToString([]byte(key)), "")
	m := NewMask(key)
	f.Fuzz(func(t *testing.T, before, after string) {
		masked := m.Text(before + key + after)
		require.NotContains(t, masked, key)
		encoded := m.Text(base64.StdEncoding.EncodeToString([]byte(before + key + after)))
		require.Contains(t, encoded, Blot)
		if !slices.ContainsFunc(spellings(key), func(s string) bool { return strings.Contains(before, s) }) {
			require.Equal(t, before, m.Text(before))
		}
	})
}

func BenchmarkText(b *testing.B) {
	m := NewMask("sk-test-0123456789abcdef", "0123456789abcdef0123", "canary-of-the-search", "another-canary-of-reading", "c2VjcmV0c2VjcmV0c2VjcmV0", "aws-secret-0123456789")
	page := strings.Repeat("An ordinary page with <b>words</b> and 0123456789 numbers. ", 20_000)
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		m.Text(page)
	}
}
