package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/gateway"
	"agentfactory/internal/web"
)

// request is a call of web_reading.
func request(url string) string { return fmt.Sprintf(`{"url": %q}`, url) }

const article = `<!doctype html><html><head><title>K2 – Mountains</title><style>p{}</style></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/all">All mountains</a></li></ul></nav>
<article><h1>K2</h1>
<p>K2, at 8,611 metres above sea level, is the second-highest mountain on Earth, after <a href="/everest">Mount Everest</a>. It lies in the Karakoram range, partly in one country and partly in another, which makes it hard to say whose it is, and nobody has lived within sight of it.</p>
<p>The mountain has <strong>never</strong> been easy to climb: the weather changes fast, and the slopes are steep on every side of the peak, winter and summer, so that for a long time only one in four of those who have stood on the summit has come back down the way that they went up.</p>
<table><thead><tr><th>Year</th><th>Who</th></tr></thead><tbody><tr><td>1954</td><td>Lacedelli, Compagnoni</td></tr></tbody></table>
<pre><code>height = 8611
unit = "m"</code></pre>
<p><img src="data:image/png;base64,AAAA" alt="A drawing"> The first ascent was made in July of the year 1954 by an Italian expedition under Ardito Desio, and it was not repeated for decades, although many good climbers from many countries tried to, by this ridge and by that one, with oxygen and without it.</p>
</article>
<script>track()</script><footer>Imprint, privacy, cookies</footer></body></html>`

func TestAnArticleIsReadAsMarkdown(t *testing.T) {
	server := serve(t, sends("text/html; charset=utf-8", article))
	got := call(t, reading(), request(server.URL+"/k2#history"))
	require.Equal(t, "K2 – Mountains", got["title"])
	require.Equal(t, server.URL+"/k2", got["url"])
	require.Equal(t, "read from its own server, the main article of the page", got["note"])
	text := got["text"].(string)
	for _, want := range []string{
		"K2, at 8,611 metres", "[Mount Everest](" + server.URL + "/everest)", "**never**", "```\nheight = 8611\nunit = \"m\"\n```", "| Year | Who",
	} {
		require.Contains(t, text, want)
	}
	for _, not := range []string{"track()", "Imprint", "Home", "base64", "p{}"} {
		require.NotContains(t, text, not)
	}
}

func TestAPageWithoutAnArticleIsReadWhole(t *testing.T) {
	var rows strings.Builder
	for i := range 40 {
		fmt.Fprintf(&rows, `<li><a href="item/%d">Item %d</a> costs %d</li>`, i, i, 10*i)
	}
	server := serve(t, sends("text/html", `<html><head><base href="/shop/"><title> Shop </title></head><body><ul>`+rows.String()+`</ul><noscript>Turn on scripts</noscript></body></html>`))
	got := call(t, reading(), request(server.URL))
	require.Equal(t, "Shop", got["title"])
	require.Equal(t, "read from its own server, the whole page", got["note"])
	require.Contains(t, got["text"], "- [Item 39]("+server.URL+"/shop/item/39) costs 390")
	require.NotContains(t, got["text"], "Turn on")
}

func TestTextIsReadAsItIs(t *testing.T) {
	for contentType, body := range map[string]string{
		"text/plain":                  "a\n  <b> *c*",
		"application/json":            `{"a": [1, 2], "b": "<x>"}`,
		"application/vnd.api+json":    `{"data": null}`,
		"text/csv; charset=utf-8":     "a;b\n1;2",
		"application/rss+xml":         "<rss><item>x</item></rss>",
		"text/markdown":               "# T",
		"":                            "no type at all",
		"application/octet-stream":    "not what it says",
		"text/plain; charset=unknown": "the type is what counts",
	} {
		server := serve(t, sends(contentType, body))
		got := call(t, reading(), request(server.URL))
		require.Equal(t, body, got["text"], contentType)
		require.Contains(t, got["note"], "read from its own server as ")
	}
}

func TestWhatIsNoTextIsRefused(t *testing.T) {
	for name, test := range map[string]struct{ contentType, body, want string }{
		"an image":               {"image/png", "\x89PNG\r\n\x1a\n", "is of the type image/png, which cannot be read as text"},
		"an unnamed archive":     {"", "PK\x03\x04....", "is of the type application/zip, which cannot be read as text"},
		"an empty page":          {"text/html", "", "holds no text; it may be made by scripts, for which there is browser_automation"},
		"a page made by scripts": {"text/html", "<html><body><div id=app></div><script>start()</script></body></html>", "holds no text; it may be made by scripts"},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, sends(test.contentType, test.body))
			require.Contains(t, fails(t, reading(), request(server.URL), gateway.Unavailable), test.want)
		})
	}
}

func TestTheEncodingIsFoundEvenWhereItIsNamedWrongly(t *testing.T) {
	const umlauts = "Z\xfcrich liegt am See, und Gr\xfc\xdfe kommen von dort."
	for name, test := range map[string]struct{ contentType, body, want string }{
		"named":                                {"text/plain; charset=iso-8859-1", umlauts, "Zürich"},
		"named in the page":                    {"text/html", "<meta charset=windows-1252><p>" + umlauts, "Zürich"},
		"not named":                            {"text/plain", umlauts, "Zürich"},
		"named UTF-8 and is not":               {"text/plain; charset=utf-8", umlauts, "Zürich"},
		"named otherwise and is UTF-8":         {"text/html; charset=iso-8859-1", "<p>Zürich", "Zürich"},
		"UTF-16 with a byte order mark":        {"text/plain", "\xff\xfeZ\x00\xfc\x00r\x00i\x00c\x00h\x00", "Zürich"},
		"UTF-8 with a byte order mark":         {"text/plain", "\xef\xbb\xbfZürich", "Zürich"},
		"Japanese, named":                      {"text/plain; charset=shift_jis", "\x93\xfa\x96{", "日本"},
		"Japanese in seven bits":               {"text/plain; charset=iso-2022-jp", "\x1b$BF|K\\\x1b(B", "日本"},
		"Russian, named in the page otherwise": {"text/html; charset=utf-8", "<html><head><meta charset='windows-1251'></head><p>\xcc\xee\xf1\xea\xe2\xe0", "Москва"},
		"UTF-8 with one fault":                 {"text/plain; charset=utf-8", "Zürich und Grüße aus K\xf6ln", "Zürich und Grüße aus K�ln"},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, sends(test.contentType, test.body))
			require.Contains(t, call(t, reading(), request(server.URL))["text"], test.want)
		})
	}
}

func TestWhatIsCutIsSaid(t *testing.T) {
	huge := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		line := strings.Repeat("0123456789", 100) + "\n"
		for range 20 << 20 / len(line) {
			if _, err := io.WriteString(w, line); err != nil {
				return // the reader has enough
			}
		}
	}
	got := call(t, reading(), request(serve(t, huge).URL))
	require.Len(t, got["text"], 200_000)
	require.Equal(t, "read from its own server as text/plain; only the first 8 MiB were read; the text is cut: these are the first 200000 of its 8388608 bytes", got["note"])

	server := serve(t, sends("text/plain; charset=utf-8", strings.Repeat("äöü", 200)))
	got = call(t, reading(), fmt.Sprintf(`{"url": %q, "max_chars": 4}`, server.URL))
	require.Equal(t, "äöüä", got["text"])
	require.Equal(t, "read from its own server as text/plain; the text is cut: these are the first 8 of its 1200 bytes", got["note"])
	require.NotContains(t, call(t, reading(), fmt.Sprintf(`{"url": %q, "max_chars": 600}`, server.URL))["note"], "cut")
}

func TestAWrongRequestIsRefusedWithItsRemedy(t *testing.T) {
	for body, want := range map[string]string{
		`{}`:                                   `url "" is neither http nor https; nothing else is read`,
		`{"url": "example.org"}`:               `url "example.org" is neither http nor https; nothing else is read`,
		`{"url": "file:///etc/x"}`:             `url "file:///etc/x" is neither http nor https; nothing else is read`,
		`{"url": "https://"}`:                  `url "https://" names no host; write it like https://example.org/page`,
		`{"url": "http://[::1"}`:               `url "http://[::1" is not a URL; write it like https://example.org/page`,
		`{"url": "https://a:b@c/"}`:            `url holds a user name or password; pages are read without any`,
		`{"url": "https://a", "max_chars": 0}`: `max_chars is 0; give 1 or more, or leave it out`,
		`{"url": "https://a", "format": "x"}`:  `unknown field "format"; there are url and max_chars`,
	} {
		require.Equal(t, want, fails(t, reading(), body, gateway.InvalidRequest))
	}
}

func TestPrivateAddressesAreDenied(t *testing.T) {
	tool := web.NewReading(web.ReadingConfig{Timeout: time.Minute})
	for _, u := range []string{
		"http://127.0.0.1:1/", "http://169.254.169.254/latest/meta-data/", "http://[::1]:1/", "http://[::ffff:10.0.0.1]/", "http://[64:ff9b::a00:1]/",
		"http://localhost:1/", "http://0.0.0.0:1/", "https://192.168.1.1/", "http://[fd00:ec2::254]/",
	} {
		require.Contains(t, fails(t, tool, request(u), gateway.Denied), "is not a public address; only the public internet may be reached", u)
	}
}

func TestRedirectsAreFollowedWhereTheyMayLead(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch to := r.URL.Query().Get("to"); {
		case r.URL.Path == "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case to != "":
			http.Redirect(w, r, to, http.StatusMovedPermanently)
		default:
			io.WriteString(w, "arrived")
		}
	})
	from := func(to string) string { return request(server.URL + "/?to=" + url.QueryEscape(to)) }
	got := call(t, reading(), from("/there"))
	require.Equal(t, "arrived", got["text"])
	require.Equal(t, server.URL+"/there", got["url"])

	host := strings.TrimPrefix(server.URL, "http://")
	require.Equal(t, host+": it redirects more than 10 times", fails(t, reading(), request(server.URL+"/loop"), gateway.Unavailable))
	for to, want := range map[string]string{
		"http://169.254.169.254/latest/": "169.254.169.254 is not a public address; only the public internet may be reached",
		"http://127.0.0.2:1/":            "127.0.0.2 is not a public address; only the public internet may be reached",
		"file:///etc/passwd":             `it redirects to "file:///etc/passwd"; nothing but http and https without passwords is read`,
		"http://me:pw@127.0.0.1/":        `it redirects to "http://me:xxxxx@127.0.0.1/"; nothing but http and https without passwords is read`,
	} {
		require.Equal(t, host+": "+want, fails(t, reading(), from(to), gateway.Denied))
	}
}

func TestEveryRedirectIsPutToThePolicy(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, map[string]string{"/open": "/middle", "/middle": "/secret"}[r.URL.Path], http.StatusFound)
	})
	var asked []string
	tool := web.NewReading(web.ReadingConfig{Allow: loopback, Permit: func(u *url.URL) error {
		asked = append(asked, u.Path)
		if u.Path == "/secret" {
			return gateway.Errorf(gateway.Denied, "rule no-secrets: it is one")
		}
		return nil
	}})
	require.Equal(t, strings.TrimPrefix(server.URL, "http://")+`: it redirects to "`+server.URL+`/secret": rule no-secrets: it is one`,
		fails(t, tool, request(server.URL+"/open"), gateway.Denied))
	require.Equal(t, []string{"/middle", "/secret"}, asked)
}

func TestAPageThatFailsForTheMomentIsTriedAgain(t *testing.T) {
	for name, first := range map[string]http.HandlerFunc{
		"overloaded": status(503, "Retry-After", "1"), "too fast": status(429), "broken off": breaksOff,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer, n := inTurn(first, sends("text/plain", "there it is"))
			require.Equal(t, "there it is", call(t, reading(), request(serve(t, answer).URL))["text"])
			require.EqualValues(t, 2, n.Load())
		})
	}
}

func TestAPageThatCannotBeHadIsNoOutage(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
		tries  int64
	}{
		"not there":             {status(404), " answered 404 Not Found", 1},
		"forbidden":             {status(403), " answered 403 Forbidden", 1},
		"down":                  {status(500), " answered 500 Internal Server Error", 4},
		"busy for an hour":      {status(503, "Retry-After", "3600"), " answered 503 Service Unavailable; it asks to wait 1h0m0s", 1},
		"never whole":           {breaksOff, " cannot be read: the answer broke off after 13 bytes: unexpected EOF", 4},
		"a redirect to nowhere": {status(302), " answered 302 Found", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer, n := inTurn(test.answer)
			server := serve(t, answer)
			require.Equal(t, strings.TrimPrefix(server.URL, "http://")+test.want, fails(t, reading(), request(server.URL), gateway.Unavailable))
			require.Equal(t, test.tries, n.Load())
		})
	}
	require.Contains(t, fails(t, reading(), request("http://no-such-host.invalid/"), gateway.Unavailable), "no such host")
}

func TestASilentServerIsNotWaitedForLong(t *testing.T) {
	server := serve(t, hangs)
	tool := web.NewReading(web.ReadingConfig{Allow: loopback, Timeout: 500 * time.Millisecond})
	require.Equal(t, strings.TrimPrefix(server.URL, "http://")+" cannot be read: no complete answer within 500ms: context deadline exceeded",
		fails(t, tool, request(server.URL), gateway.Unavailable))
}

func TestAPDFDocumentIsHandedToWhoeverReadsIt(t *testing.T) {
	const document = "%PDF-1.7 …"
	var text string
	var broken error
	tool := web.NewReading(web.ReadingConfig{Allow: loopback, PDF: func(_ context.Context, got []byte) (string, error) {
		require.Equal(t, document, string(got))
		return text, broken
	}})
	for _, contentType := range []string{"application/pdf", "application/octet-stream", "text/html"} {
		server := serve(t, sends(contentType, document))
		text, broken = " Pages and pages \xff\n", nil
		got := call(t, tool, request(server.URL+"/a.pdf"))
		require.Equal(t, "Pages and pages �", got["text"])
		require.Equal(t, "read from its own server, text of a PDF document", got["note"])
		text = " "
		require.Contains(t, fails(t, tool, request(server.URL), gateway.Unavailable), "holds no text; it may be made of scanned images")
		broken = errors.New("xref\nis missing")
		require.Contains(t, fails(t, tool, request(server.URL), gateway.Unavailable), "cannot be read: xref is missing")
		require.Contains(t, fails(t, reading(), request(server.URL), gateway.Unavailable), "is a PDF document, and this worker has nothing that reads them")
	}
	long := serve(t, sends("application/pdf", "%PDF-1.7"+strings.Repeat("x", 33<<20)))
	require.Contains(t, fails(t, tool, request(long.URL), gateway.Unavailable), "is a PDF document of more than 32 MiB, which is too large to be read")
}

func TestAMeanPageEndsWithItsCall(t *testing.T) {
	const n = 50_000
	for name, body := range map[string]string{
		"deep":               strings.Repeat("<div>", n),
		"deep lists":         strings.Repeat("<ul><li>", n),
		"open links":         strings.Repeat("<a href=x>y", n),
		"tables in tables":   strings.Repeat("<table><tr><td>", n),
		"misplaced tags":     strings.Repeat("<b><p>x</b>", n/10),
		"comments":           strings.Repeat("<!-- x -->y", n),
		"many paragraphs":    strings.Repeat("<p>A line of text, with commas, that is long enough to count.</p>", n/5),
		"a wide table":       "<table><tr>" + strings.Repeat("<td>x", n) + "</table>",
		"many brackets":      "<p>" + strings.Repeat("[", 1<<20),
		"one huge attribute": "<p title='" + strings.Repeat("x", 4<<20) + "'>text",
		"tags cut short":     strings.Repeat("<!--", n) + "<p",
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, sends("text/html", body))
			start := time.Now()
			_, err := reading().Call(t.Context(), gateway.ToolRequest{Body: json.RawMessage(request(server.URL))})
			t.Logf("%d bytes, %v, %v", len(body), time.Since(start).Round(time.Millisecond), err)
			var e *gateway.Error
			require.True(t, err == nil || errors.As(err, &e), "%v", err)
		})
	}
}

func TestAllowDecidesAlone(t *testing.T) {
	server := serve(t, sends("text/plain", "x"))
	tool := web.NewReading(web.ReadingConfig{Allow: func(string, netip.Addr) bool { return false }})
	require.Contains(t, fails(t, tool, request(server.URL), gateway.Denied), "127.0.0.1 is not a public address")
}
