package transcript

import (
	"embed"
	"html/template"
	"io"
	"strings"
	text "text/template"
)

//go:embed templates
var templates embed.FS

var (
	page     = template.Must(template.ParseFS(templates, "templates/transcript.html"))
	markdown = text.Must(text.New("transcript.md").Funcs(text.FuncMap{"fence": fence, "line": line, "quote": quote}).ParseFS(templates, "templates/transcript.md"))
)

// HTML writes the document as one page that needs nothing else: it reads on a screen, in
// print, and without scripts.
func HTML(w io.Writer, d Document) error { return page.Execute(w, newView(d)) }

// Markdown writes the document as GitHub-flavoured Markdown.
func Markdown(w io.Writer, d Document) error { return markdown.Execute(w, newView(d)) }

// fence puts a text into a code block whose fence is longer than any in it.
func fence(b block) string {
	longest := 2
	for l := range strings.Lines(b.Text) {
		l = strings.TrimLeft(l, " \t")
		longest = max(longest, len(l)-len(strings.TrimLeft(l, "`")))
	}
	f := strings.Repeat("`", longest+1)
	return f + b.Lang + "\n" + b.Text + "\n" + f
}

// line keeps a text from being read as Markdown or from breaking the line that it stands in.
func line(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.NewReplacer("\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "<", "&lt;", "#", "\\#", "[", "\\[", "|", "\\|").Replace(s)
}

// quote shows running text of a model as a quotation.
func quote(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i, l := range lines {
		lines[i] = "> " + strings.ReplaceAll(l, "<", "&lt;")
	}
	return strings.Join(lines, "\n")
}
