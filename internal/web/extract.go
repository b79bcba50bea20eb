package web

import (
	"bytes"
	"context"
	"net/http"
	"strings"

	"agentfactory/internal/gateway"
)

const (
	typeHTML  = "text/html"
	typeXHTML = "application/xhtml+xml"
	typePDF   = "application/pdf"
)

// extract makes text of what a server sent, by its media type or, where that says nothing, by what it looks like.
func (t *reading) extract(ctx context.Context, got answer) (page, error) {
	kind := mediaType(got.header)
	if kind == "" || kind == "application/octet-stream" || kind == "binary/octet-stream" {
		kind, _, _ = strings.Cut(http.DetectContentType(got.body), ";")
	}
	switch {
	case kind == typePDF || bytes.HasPrefix(got.body, []byte("%PDF-")):
		return t.extractPDF(ctx, got)
	case kind == typeHTML || kind == typeXHTML:
		return extractHTML(got)
	case isText(kind):
		p := page{text: decodeText(got.body, got.header.Get("Content-Type")), notes: notes{"read from its own server as " + kind}}
		if got.cut {
			p.notes.add("%s", tooMuch(maxBody))
		}
		return p, nil
	}
	return page{}, gateway.Errorf(gateway.Unavailable, "%s is of the type %.60s, which cannot be read as text", got.url.Host, kind)
}

// isText tells media types whose documents people read as they stand.
func isText(kind string) bool {
	switch kind {
	case "application/json", "application/xml", "application/javascript", "application/ecmascript", "application/yaml", "application/toml",
		"application/x-yaml", "application/x-sh", "application/sql", "application/graphql", "application/x-ndjson", "application/csv", "application/rtf", "application/x-tex", "image/svg+xml":
		return true
	}
	return strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "+json") || strings.HasSuffix(kind, "+xml") || strings.HasSuffix(kind, "+yaml")
}

func (t *reading) extractPDF(ctx context.Context, got answer) (page, error) {
	switch {
	case t.pdf == nil:
		return page{}, gateway.Errorf(gateway.Unavailable, "%s is a PDF document, and this worker has nothing that reads them: set JINA_API_KEY, or find the text elsewhere", got.url)
	case got.cut:
		return page{}, gateway.Errorf(gateway.Unavailable, "%s is a PDF document of more than %d MiB, which is too large to be read", got.url, len(got.body)>>20)
	}
	text, err := t.pdf(ctx, got.body)
	if ctx.Err() != nil {
		return page{}, ctx.Err()
	}
	if err != nil {
		return page{}, gateway.Errorf(gateway.Unavailable, "the PDF document %s cannot be read: %s", got.url, line(err.Error()))
	}
	text = strings.TrimSpace(strings.ToValidUTF8(text, "�"))
	if text == "" {
		return page{}, gateway.Errorf(gateway.Unavailable, "the PDF document %s holds no text; it may be made of scanned images", got.url)
	}
	return page{text: text, notes: notes{"read from its own server, text of a PDF document"}}, nil
}
