package standalone_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// readings reads pages of a local site, which alone of all that is not public may be reached.
func readings(t *testing.T, site *service, paths ...string) []outcome {
	t.Helper()
	dir := export(t, map[string]string{"sitecustomize.py": loopbackAlone})
	calls := make([]string, len(paths))
	for i, path := range paths {
		if !strings.Contains(path, "(") {
			path = `web_reading("` + site.URL + path + `")`
		}
		calls[i] = path
	}
	return try(t, dir, []string{"PYTHONPATH=" + dir}, calls...)
}

const article = `<!doctype html><html><head><title> K2,
 the mountain </title><base href="/wiki/"></head><body><nav><ul><li><a href="/">Home</a></ul></nav><main>
<h1>K2 <em>(Chogori)</em></h1><p>K2 is <b>8611 m</b> high, see <a href="list#top">the <i>list</i></a>.<br>It is cold_there.
<ul><li>north<li>south<ol><li>one</li><li>two</li></ol></li></ul>
<table><tr><th>Year<th>People</tr><tr><td>1954<td>Lacedelli|Compagnoni</table>
<pre>def f():
    return 1</pre><blockquote>Savage</blockquote><img src="k2.jpg" alt="K2"><img src="data:image/png;base64,xx" alt="icon">
<script>var hidden = 1</script><style>p{}</style><p>` + "Text of the article. Text of the article. Text of the article. Text of the article. Text of the article. Text of the article. Text of the article." + `</p>
</main><footer>Imprint</footer></body></html>`

func TestAPageIsReadAsMarkdown(t *testing.T) {
	t.Parallel()
	site := serve(t, sends("text/html; charset=utf-8", article))
	got := readings(t, site, "/wiki/K2#x")[0]
	require.Empty(t, got.Message)
	require.Equal(t, "Page", got.Type)
	require.Equal(t, map[string]any{"title": "K2, the mountain", "url": site.URL + "/wiki/K2", "note": "read from its own server, the main article of the page"}, got.Attributes)
	require.Equal(t, strings.ReplaceAll(`# K2 *(Chogori)*

K2 is **8611 m** high, see [the *list*](SITE/wiki/list#top).
It is cold_there.

- north
- south
  1. one
  2. two

| Year | People |
|---|---|
| 1954 | Lacedelli\|Compagnoni |

`+"```\ndef f():\n    return 1\n```"+`

> Savage

![K2](SITE/wiki/k2.jpg)icon

`, "SITE", site.URL)+strings.TrimSpace(strings.Repeat("Text of the article. ", 7)), got.Value)
	require.Equal(t, "Mozilla/5.0 (compatible; AgentFactory/1.0)", site.asked()[0].Header.Get("User-Agent"))
}

func TestDocumentsAreReadByTheirTypeAndEncoding(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	fmt.Fprint(w, "packed ä")
	w.Close()
	for name, c := range map[string]struct {
		kind, body, text, note string
	}{
		"JSON as it stands":              {"application/json", `{"a": "<b>"}`, `{"a": "<b>"}`, "read from its own server as application/json"},
		"CSV":                            {"text/csv", "a,b\n1,2\n", "a,b\n1,2\n", "text/csv"},
		"what looks like HTML":           {"", "<!DOCTYPE html><p>x</p>", "x", "the whole page"},
		"what looks like text":           {"application/octet-stream", "plain", "plain", "as text/plain"},
		"UTF-8 under a wrong name":       {"text/plain; charset=iso-8859-1", "K2 – höher", "K2 – höher", ""},
		"Latin-1":                        {"text/plain; charset=iso-8859-1", "h\xf6her \x80", "höher €", ""},
		"an encoding in the document":    {"text/html", "<meta charset=windows-1251><p>\xcf\xf0\xe8\xe2\xe5\xf2</p>", "Привет", ""},
		"Japanese":                       {"text/html; charset=shift_jis", "<p>\x93\xfa\x96{</p>", "日本", ""},
		"UTF-16":                         {"text/plain", "\xff\xfeh\x00i\x00", "hi", ""},
		"an encoding that nobody knows":  {"text/plain; charset=klingon", "h\xf6her", "höher", ""},
		"one that is no encoding":        {"text/plain; charset=rot13", "h\xf6her", "höher", ""},
		"a fault in UTF-8":               {"text/plain", "höher, \xff größer", "höher, \ufffd größer", ""},
		"characters of HTML":             {"text/html", "<p>a &lt; b &amp;&#8211; &copy;", "a < b &– ©", ""},
		"what is packed without asking":  {"text/plain; gzip", packed.String(), "packed ä", ""},
		"what readers do not see":        {"text/html", "<p>a</p><template>b</template><noscript>c</noscript><svg><text>d</text></svg>e", "a\n\ne", ""},
		"a table that only places":       {"text/html", "<table><tr><td><p>a</p><p>b</p></td></tr></table>", "a b", ""},
		"tags that are never closed":     {"text/html", "<div><p><b>a<div><li>b<svg><a href='x'>", "**a**\n\n- **b**", ""},
		"an element around several":      {"text/html", "<a href='http://a.org/'><h2>A</h2><p>b</p></a>", "## [A](http://a.org/)\n\n[b](http://a.org/)", ""},
		"a link that leads nowhere":      {"text/html", "<a href='javascript:x()'>a</a> <a href='http://[x'>b</a> <a>c</a>", "a b c", ""},
		"a title in the text's encoding": {"text/html", "<title>ä</title><p>x", "x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(c.kind, "gzip") {
					w.Header().Set("Content-Encoding", "gzip")
				}
				sends(c.kind, c.body)(w, r)
			})
			got := readings(t, site, "/")[0]
			require.Empty(t, got.Message)
			require.Equal(t, c.text, got.Value)
			require.Contains(t, got.Attributes["note"], c.note)
		})
	}
}

func TestPagesThatCannotBeReadSayWhy(t *testing.T) {
	t.Parallel()
	site := serve(t, nil)
	routes := map[string]http.HandlerFunc{
		"/gone": status(410, ""), "/down": status(503, "", "Retry-After", "100"), "/picture": sends("image/png", "\x89PNG"), "/empty": sends("text/html", "<script>x</script>"),
		"/odd": status(799, ""), "/pdf": sends("application/pdf", "%PDF-1.4"), "/loop": status(302, "", "Location", "/loop"), "/private": status(302, "", "Location", "http://10.0.0.1/"),
		"/file": status(302, "", "Location", "file:///etc/passwd"), "/login": status(307, "", "Location", "http://ann:secret@example.org/"), "/binary": sends("", "\x00\x01\x02"),
		"/metadata": status(301, "", "Location", "http://169.254.169.254/latest"), "/nowhere": status(302, ""), "/bad": status(302, "", "Location", "http://[x/"),
		"/mean": sends("text/html", strings.Repeat("<", 200_000)), "/bomb": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			zeros := bytes.Repeat([]byte("a "), 1<<19)
			for range 32 {
				z.Write(zeros)
			}
			z.Close()
		},
		"/ok": sends("text/plain", "ok"), "/there": status(301, "", "Location", "/%C3%A4?q=ü"), "/%C3%A4": sends("text/plain", "arrived"),
	}
	site = serve(t, func(w http.ResponseWriter, r *http.Request) { routes[r.URL.EscapedPath()](w, r) })
	host := strings.TrimPrefix(site.URL, "http://")
	cases := []struct{ path, code, says string }{
		{"/gone", "unavailable", "HOST answered 410 Gone"},
		{"/down", "unavailable", "HOST answered 503 Service Unavailable; it asks to wait 1m40s"},
		{"/odd", "unavailable", "HOST answered 799"},
		{"/picture", "unavailable", "HOST is of the type image/png, which cannot be read as text"},
		{"/binary", "unavailable", "HOST is of the type application/octet-stream, which cannot be read as text"},
		{"/empty", "unavailable", "SITE/empty holds no text; it may be made by scripts, for which there is browser_automation"},
		{"/pdf", "unavailable", "SITE/pdf is a PDF document: install pypdf to read it here (python -m pip install pypdf), or set JINA_API_KEY"},
		{"/loop", "unavailable", "HOST: it redirects more than 10 times"},
		{"/nowhere", "unavailable", "HOST answered 302 Found"},
		{"/private", "denied", "HOST: 10.0.0.1 is not a public address; only the public internet may be reached, unless AGENTFACTORY_ALLOW_PRIVATE=1"},
		{"/metadata", "denied", "HOST: 169.254.169.254 is not a public address"},
		{"/file", "denied", `HOST: it redirects to "file:///etc/passwd"; nothing but http and https without passwords is read`},
		{"/login", "denied", `HOST: it redirects to "example.org/"; nothing but`},
		{"/bad", "denied", "it redirects to"},
		{`web_reading("http://localhost:1/")`, "", ""}, // resolved to an address that the test allows, or to ::1
		{`web_reading("http://[::1]:1/")`, "denied", "::1 is not a public address"},
		{`web_reading("http://[::ffff:10.0.0.1]/")`, "denied", "is not a public address"},
		{`web_reading("http://[64:ff9b::a00:1]/")`, "denied", "is not a public address"},
		{`web_reading("http://10.1.2.3/")`, "denied", "10.1.2.3 is not a public address"},
		{`web_reading("http://167838211/")`, "denied", "10.1.2.3 is not a public address"},
		{`web_reading("http://nobody.invalid/")`, "unavailable", "nobody.invalid cannot be read: "},
		{`web_reading("http://a b/")`, "invalid_request", "is not a URL"},
		{`web_reading("http://a:99999/")`, "invalid_request", "is not a URL"},
		{`web_reading("http://a/\nHost: b")`, "invalid_request", "is not a URL"},
		{`web_reading("")`, "invalid_request", `url "" is neither http nor https`},
		{`web_reading(None)`, "invalid_request", `url "" is neither`},
		{`web_reading("http://a/", max=3)`, "invalid_request", `there is no option "max"; there are url and max_chars`},
	}
	calls := make([]string, len(cases))
	for i, c := range cases {
		calls[i] = c.path
	}
	for i, got := range readings(t, site, calls...) {
		require.Equal(t, "ToolError", got.Error, calls[i])
		if cases[i].code != "" {
			require.Equal(t, cases[i].code, got.Code, calls[i]+got.Message)
			require.Contains(t, got.Message, strings.NewReplacer("HOST", host, "SITE", site.URL).Replace(cases[i].says))
		}
	}

	read := readings(t, site, "/there", "/bomb", "/mean", `[web_reading("`+site.URL+`/ok") for _ in range(3)][-1]`)
	require.Equal(t, "arrived", read[0].Value)
	require.Equal(t, site.URL+"/%C3%A4?q=%C3%BC", read[0].Attributes["url"])
	require.Len(t, read[1].Value, 200_000)
	require.Contains(t, read[1].Attributes["note"], "only the first 8 MiB were read; the text is cut: these are the first 200000 of its 8388608 bytes")
	require.Equal(t, "ok", read[3].Value)
}

func TestPrivateAddressesAreReadWhereThatIsAllowed(t *testing.T) {
	t.Parallel()
	site := serve(t, sends("text/plain", "intranet"))
	call := `web_reading("` + site.URL + `/")`
	require.Equal(t, "denied", one(t, nil, call).Code)
	require.Equal(t, "denied", one(t, []string{"AGENTFACTORY_ALLOW_PRIVATE=0"}, call).Code)
	require.Equal(t, "intranet", one(t, []string{"AGENTFACTORY_ALLOW_PRIVATE=1"}, call).Value)
}

func TestPDFDocumentsAreReadByPypdf(t *testing.T) {
	python, _ := playwright(t)
	t.Setenv("AGENTFACTORY_TEST_STANDALONE_PYTHON", python)
	document, err := exec.Command(python, "-c", `
import io, sys, pypdf
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject
writer = pypdf.PdfWriter()
for text in ("first", "second"):
    page = writer.add_blank_page(200, 200)
    content = DecodedStreamObject(); content.set_data(b"BT /F 12 Tf 10 100 Td (%s) Tj ET" % text.encode())
    font = DictionaryObject({NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1"), NameObject("/BaseFont"): NameObject("/Helvetica")})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): DictionaryObject({NameObject("/F"): font})})
    page[NameObject("/Contents")] = content
out = io.BytesIO()
writer.write(out)
sys.stdout.buffer.write(out.getvalue())`).Output()
	require.NoError(t, err)
	routes := map[string]http.HandlerFunc{"/ok": sends("application/pdf", string(document)), "/broken": sends("application/pdf", "%PDF-1.4 garbage"), "/named": sends("application/octet-stream", string(document))}
	site := serve(t, func(w http.ResponseWriter, r *http.Request) { routes[r.URL.Path](w, r) })
	got := readings(t, site, "/ok", "/broken", "/named")
	require.Equal(t, "first\n\nsecond", got[0].Value)
	require.Equal(t, "read from its own server, text of a PDF document", got[0].Attributes["note"])
	require.Contains(t, got[1].Message, "the PDF document "+site.URL+"/broken cannot be read: ")
	require.Equal(t, "first\n\nsecond", got[2].Value)
}
