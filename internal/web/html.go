package web

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"

	"codeberg.org/readeck/go-readability/v2"
	"codeberg.org/readeck/go-readability/v2/render"
	"github.com/JohannesKaufmann/html-to-markdown/v2/converter"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/base"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/commonmark"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/strikethrough"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/table"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"agentfactory/internal/gateway"
)

const (
	// maxNodes bounds the documents of which an article is sought and Markdown made: the time for both can grow with the
	// square of their size, and is a second or two here. Larger ones are read as plain text.
	maxNodes = 100_000
	// minArticle is the number of bytes from which on an article is one, and not a teaser.
	minArticle = 200
	// minShare is the part of a page's text that its article has at least: on a page of lists and tables what looks like
	// an article is often a paragraph among them.
	minShare = 0.2
)

// extractHTML makes Markdown of the article of a page, or of the whole page where there is none.
func extractHTML(got answer) (p page, err error) {
	defer func() {
		if failed := recover(); failed != nil { // whatever a page brings about ends this call and not the worker
			p, err = page{}, gateway.Errorf(gateway.Unavailable, "%s cannot be read: its HTML makes the reader fail", got.url.Host)
		}
	}()
	root, err := html.Parse(strings.NewReader(decodeText(got.body, got.header.Get("Content-Type"))))
	if err != nil {
		return page{}, gateway.Errorf(gateway.Unavailable, "%s cannot be read as HTML: %s", got.url.Host, line(err.Error()))
	}
	baseURL := documentBase(root, got.url)
	p = page{title: documentTitle(root)}
	text, note, err := p.render(root, baseURL)
	if err != nil {
		return page{}, gateway.Errorf(gateway.Unavailable, "%s cannot be read: %s", got.url.Host, line(err.Error()))
	}
	if p.text = strings.TrimSpace(text); p.text == "" {
		return page{}, gateway.Errorf(gateway.Unavailable, "%s holds no text; it may be made by scripts, for which there is browser_automation", got.url)
	}
	p.notes.add("read from its own server, %s", note)
	if got.cut {
		p.notes.add("%s", tooMuch(maxBody))
	}
	return p, nil
}

// render is the text of the article of a document, or of all of it; note says which. An article may know a better title.
func (p *page) render(root *html.Node, at *url.URL) (text, note string, err error) {
	if moreThan(root, maxNodes) {
		return render.InnerText(root), "the whole page as plain text, for it has too many parts for more", nil
	}
	if found, ok := article(root, at); ok {
		p.title = cmp.Or(found.Title(), p.title)
		text, err = toMarkdown(found.Node, at)
		return text, "the main article of the page", err
	}
	text, err = toMarkdown(root, at)
	return text, "the whole page", err
}

func moreThan(root *html.Node, most int) bool {
	n := 0
	for range root.Descendants() {
		if n++; n > most {
			return true
		}
	}
	return false
}

// article finds the main content of a document, if that is most of it.
func article(root *html.Node, at *url.URL) (readability.Article, bool) {
	if !readability.CheckDocument(root) {
		return readability.Article{}, false
	}
	found, err := readability.FromDocument(root, at)
	return found, err == nil && found.Node != nil && enough(textLength(found.Node), textLength(root))
}

func enough(article, all int) bool {
	return article >= minArticle && float64(article) >= minShare*float64(all)
}

// invisible are elements whose text is not for readers.
var invisible = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Noscript: true, atom.Template: true, atom.Head: true, atom.Svg: true, atom.Iframe: true,
}

// textLength is the size of what a reader sees, in bytes, white space left out.
func textLength(n *html.Node) int {
	length := 0
	for d := range n.Descendants() {
		if d.Type == html.TextNode && (d.Parent == nil || !invisible[d.Parent.DataAtom]) {
			for word := range strings.FieldsSeq(d.Data) {
				length += len(word)
			}
		}
	}
	return length
}

func documentTitle(root *html.Node) string {
	for d := range root.Descendants() {
		if d.DataAtom == atom.Title && d.Namespace == "" && d.FirstChild != nil {
			return strings.TrimSpace(d.FirstChild.Data)
		}
	}
	return ""
}

// documentBase is what relative links start from.
func documentBase(root *html.Node, at *url.URL) *url.URL {
	for d := range root.Descendants() {
		if d.DataAtom != atom.Base {
			continue
		}
		for _, a := range d.Attr {
			if u, err := at.Parse(a.Val); a.Key == "href" && err == nil && (u.Scheme == "http" || u.Scheme == "https") {
				return u
			}
		}
	}
	return at
}

// toMarkdown renders a document, links made absolute.
func toMarkdown(n *html.Node, at *url.URL) (string, error) {
	absolute(n, at)
	c := converter.NewConverter(
		converter.WithEscapeMode(converter.EscapeModeDisabled), // what is read is snake_case and not snake\_case; and escaping takes minutes for half a MiB of "["
		converter.WithPlugins(base.NewBasePlugin(), commonmark.NewCommonmarkPlugin(), strikethrough.NewStrikethroughPlugin(), table.NewTablePlugin()),
	)
	for _, tag := range []string{"noscript", "template", "svg", "iframe"} {
		c.Register.TagType(tag, converter.TagTypeRemove, converter.PriorityEarly)
	}
	markdown, err := c.ConvertNode(n)
	if err != nil {
		return "", fmt.Errorf("render as Markdown: %w", err)
	}
	return string(markdown), nil
}

// absolute resolves links and images against the document's address, and drops those that hold their data themselves.
func absolute(n *html.Node, at *url.URL) {
	for d := range n.Descendants() {
		for i, a := range d.Attr {
			if a.Key != "href" && a.Key != "src" {
				continue
			}
			u, err := at.Parse(strings.TrimSpace(a.Val))
			switch {
			case err != nil || u.Scheme == "data" || u.Scheme == "javascript":
				d.Attr[i].Val = ""
			default:
				d.Attr[i].Val = u.String()
			}
		}
	}
}
