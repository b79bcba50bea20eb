package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/gateway"
)

func FuzzHTML(f *testing.F) {
	f.Add([]byte("<html><title>T</title><base href=/x/><p>text <a href=y>link</a>"), "text/html; charset=utf-8")
	f.Add([]byte("<table><tr><td>\xff<svg><title>x</svg><template><p>"), "text/html")
	f.Add([]byte("<!-- <ul><li><pre>``` [a](b) <img src=data:,x>"), "")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		at := &url.URL{Scheme: "https", Host: "example.org", Path: "/a"}
		p, err := extractHTML(answer{url: at, header: http.Header{"Content-Type": {contentType}}, body: body})
		var e *gateway.Error
		require.True(t, err == nil || errors.As(err, &e), "%v", err)
		require.True(t, err != nil || p.text != "")
		require.True(t, utf8.ValidString(p.text))
		one := 1
		require.LessOrEqual(t, utf8.RuneCountInString(p.shown(&one).Text), 1)
	})
}

func FuzzText(f *testing.F) {
	f.Add([]byte("Z\xfcrich"), "text/plain; charset=utf-8")
	f.Add([]byte("\xff\xfea\x00"), "text/plain; charset=utf-16")
	f.Add([]byte("\x1b$B"), "x; charset=iso-2022-jp")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		require.True(t, utf8.ValidString(decodeText(body, contentType)))
	})
}

func FuzzServiceAnswers(f *testing.F) {
	f.Add([]byte(`{"organic": [{"title": "a", "link": "b", "position": 1}], "answerBox": {"answer": "x"}}`))
	f.Add([]byte(`{"data": {"title": "a", "content": "b", "warning": "c"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if found, err := readResults(body, 3); err == nil {
			require.LessOrEqual(t, len(found.Results), 3)
			r, err := reply(found)
			require.NoError(t, err)
			require.True(t, json.Valid(r.Body))
		}
		if p, err := readJinaAnswer(answer{body: body}, &url.URL{Scheme: "https", Host: "example.org"}); err == nil {
			require.NotEmpty(t, p.text)
		}
		require.NotContains(t, line(string(body)), "\n")
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, value := range []string{"3", "-1", "99999999999", "Sat, 21 Nov 2026 12:00:00 GMT", "soon"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		require.GreaterOrEqual(t, retryAfter(http.Header{"Retry-After": {value}}, time.Unix(0, 0)), time.Duration(0))
	})
}

func BenchmarkAnArticle(b *testing.B) {
	var body []byte
	for range 300 {
		body = append(body, "<p>K2, at 8,611 metres above sea level, is the <b>second-highest</b> mountain on Earth, after <a href=/e>Mount Everest</a>. "+
			"It lies in the Karakoram range, partly in one country and partly in another.</p>\n"...)
	}
	got := answer{url: &url.URL{Scheme: "https", Host: "example.org"}, header: http.Header{}, body: body}
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := extractHTML(got); err != nil {
			b.Fatal(err)
		}
	}
}
