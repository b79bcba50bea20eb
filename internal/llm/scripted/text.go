package scripted

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/template"
)

// placeholder finds the parts of a text that depend on the conversation. Only actions that begin with a capitalised
// field count, so that the doubled braces of Python code stay what they are.
var placeholder = regexp.MustCompile(`\{\{\s*\.[A-Z][^\n]*?\}\}`)

// Text is a text with placeholders; see view for what they may name.
type Text struct {
	source   string
	template *template.Template // nil if the text is literal
}

// literal is a text whose braces mean nothing.
func literal(text string) *Text { return &Text{source: text} }

// escape returns the source of a text that means exactly this.
func escape(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		return "{{.Open}}" + strings.TrimPrefix(found, "{{")
	})
}

// UnmarshalYAML reads a text and checks its placeholders.
func (t *Text) UnmarshalYAML(decode func(any) error) error {
	var source string
	if err := decode(&source); err != nil {
		return err
	}
	parsed, err := newText(source)
	if err != nil {
		return err
	}
	*t = *parsed
	return nil
}

// MarshalYAML writes the text as it was read.
func (t Text) MarshalYAML() (any, error) { return t.source, nil }

func newText(source string) (*Text, error) {
	spans := placeholder.FindAllStringIndex(source, -1)
	if spans == nil {
		return literal(source), nil
	}
	parsed, err := template.New("").Parse(quoteLiterals(source, spans))
	if err != nil {
		return nil, fmt.Errorf("placeholder: %w", err)
	}
	// A trial shows misspelt names now and not in the middle of a run.
	if err := parsed.Execute(io.Discard, view{trial: true}); err != nil {
		return nil, fmt.Errorf("placeholder: %w", err)
	}
	return &Text{source: source, template: parsed}, nil
}

// quoteLiterals turns everything but the placeholders into template string constants.
func quoteLiterals(source string, spans [][]int) string {
	var out strings.Builder
	end := 0
	for _, span := range spans {
		fmt.Fprintf(&out, "{{%q}}%s", source[end:span[0]], source[span[0]:span[1]])
		end = span[1]
	}
	fmt.Fprintf(&out, "{{%q}}", source[end:])
	return out.String()
}

func (t *Text) render(v view) (string, error) {
	if t == nil {
		return "", nil
	}
	if t.template == nil {
		return t.source, nil
	}
	var out strings.Builder
	if err := t.template.Execute(&out, v); err != nil {
		return "", fmt.Errorf("fill in %q: %w", t.source, err)
	}
	return out.String(), nil
}

// view is what placeholders see of a request.
type view struct {
	Model       string
	Task        string // the first user message
	LastMessage string
	Turn        int // 1 for the first reply

	groups []string
	trial  bool
}

// Open returns two opening braces, for texts that would look like a placeholder.
func (v view) Open() string { return "{{" }

// Match returns what the nth group of the conversation's regular expression matched, 0 being all of it.
func (v view) Match(n int) (string, error) {
	switch {
	case v.trial:
		return "", nil
	case n < 0 || n >= len(v.groups):
		return "", fmt.Errorf("the conversation's pattern has no group %d", n)
	}
	return v.groups[n], nil
}

// Find searches the last message for a regular expression, and returns its first group or, without one, all of it.
func (v view) Find(expression string) (string, error) {
	compiled, err := regexp.Compile(expression)
	if err != nil || v.trial {
		return "", err
	}
	groups := compiled.FindStringSubmatch(v.LastMessage)
	if groups == nil {
		return "", fmt.Errorf("the last message does not match %q", expression)
	}
	return groups[min(1, len(groups)-1)], nil
}
