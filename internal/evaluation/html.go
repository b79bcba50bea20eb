package evaluation

import (
	"embed"
	"html/template"
	"io"
	"strings"
)

//go:embed templates
var templates embed.FS

var page = template.Must(template.New("report.html").Funcs(template.FuncMap{
	"right": func(column int, t table) bool { return column >= t.Left },
	// An interval stays on one line.
	"together": func(s string) string { return strings.ReplaceAll(s, "–", "\u2060–\u2060") },
	"words":    func(s string) string { return strings.ReplaceAll(s, "_", " ") },
	"sign":     func(c Change) string { return changeSigns[c] },
	"flips":    Comparison.flips,
}).ParseFS(templates, "templates/report.html", "templates/style.css"))

// HTML writes the report as one page that needs nothing else and asks for nothing: it reads on a phone and on a desk, in
// light, dark and print, without scripts.
func HTML(w io.Writer, r Report) error { return page.Execute(w, newView(r)) }

// changeSigns say a verdict without colour.
var changeSigns = map[Change]string{Better: "▲", Worse: "▼", Same: "=", MixedChange: "▲▼", Incomparable: "?"}
