package skill

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// MaxDocument bounds, in bytes, what Parse takes.
const MaxDocument = 1 << 20

// ErrInvalidDocument: a SKILL.md cannot be read. What can be read but breaks a rule is for Validate to say.
var ErrInvalidDocument = errors.New("invalid SKILL.md")

// Parse reads a SKILL.md. The frontmatter is the strict subset of YAML that the reference validator takes: one mapping
// of strings, lists only where the standard has them, no flow style, anchors, tags or duplicate keys; every scalar is
// the text that stands there ("1.0" stays "1.0"). The error is ErrInvalidDocument and names line and remedy.
func Parse(data []byte) (Document, error) {
	front, body, err := SplitFrontmatter(data)
	if err != nil {
		return Document{}, err
	}
	fields, err := mapping(front)
	if err != nil {
		return Document{}, err
	}
	d := Document{Body: body}
	for _, f := range fields {
		if err := d.set(f.key, f.value); err != nil {
			return Document{}, err
		}
	}
	return d, nil
}

// SplitFrontmatter separates frontmatter and body without looking into the frontmatter, for importers of layouts whose
// frontmatter is no YAML. The error is ErrInvalidDocument.
func SplitFrontmatter(data []byte) (front, body string, err error) {
	switch {
	case len(data) > MaxDocument:
		return "", "", invalid("it has %d bytes, at most %d are allowed", len(data), MaxDocument)
	case !utf8.Valid(data):
		return "", "", invalid("it is not UTF-8 text")
	case bytes.IndexByte(data, 0) >= 0:
		return "", "", invalid("it contains a NUL byte")
	}
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	rest, ok := strings.CutPrefix(text, "---\n")
	if !ok {
		return "", "", invalid("its first line must be ---")
	}
	end := 0
	for line := range strings.SplitAfterSeq(rest, "\n") {
		if strings.TrimRight(line, " \t\n") == "---" {
			return rest[:end], strings.TrimSpace(rest[end+len(line):]), nil
		}
		end += len(line)
	}
	return "", "", invalid("the frontmatter is not closed by a line ---")
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalidDocument, fmt.Sprintf(format, args...))
}

type field struct {
	key   string
	value ast.Node
}

// mapping parses the frontmatter and refuses what is not one mapping in block style.
func mapping(front string) ([]field, error) {
	if strings.Contains(front, "---") {
		return nil, invalid("the frontmatter holds --- inside a value, where other readers see its end; write it as \"\\x2d--\"")
	}
	file, err := parser.ParseBytes([]byte(front), 0)
	if err != nil {
		return nil, invalid("frontmatter: %s", yamlMessage(err))
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, invalid("the frontmatter must be one YAML mapping with name and description")
	}
	return entries(file.Docs[0].Body, "the frontmatter")
}

// entries lists the pairs of a mapping in the order in which they stand.
func entries(n ast.Node, what string) ([]field, error) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		return nil, invalid("%s must be a YAML mapping%s", what, line(n))
	}
	if m.IsFlowStyle {
		return nil, invalid("%s is written in braces%s; write one key: value a line", what, line(n))
	}
	var fields []field
	for _, pair := range m.Values {
		key, err := text(pair.Key, "a key of "+what)
		if err != nil {
			return nil, err
		}
		fields = append(fields, field{key, pair.Value})
	}
	return fields, nil
}

func (d *Document) set(key string, value ast.Node) (err error) {
	switch key {
	case "name":
		d.Name, err = trimmed(value, key)
	case "description":
		d.Description, err = trimmed(value, key)
	case "license":
		d.License, err = trimmed(value, key)
	case "compatibility":
		d.Compatibility, err = trimmed(value, key)
	case "allowed-tools":
		d.AllowedTools, err = words(value, key)
	case "metadata":
		d.Metadata, err = stringMap(value, key)
	default:
		if d.Unknown == nil {
			d.Unknown = map[string]string{}
		}
		d.Unknown[key], err = words(value, key)
	}
	return err
}

func trimmed(n ast.Node, what string) (string, error) {
	s, err := text(n, what)
	return strings.TrimSpace(s), err
}

// words reads a string, or a list of strings, which hosts accept in its place.
func words(n ast.Node, what string) (string, error) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		return trimmed(n, what)
	}
	if list.IsFlowStyle {
		return "", invalid("%s is written in brackets%s; write the words with spaces between them", what, line(n))
	}
	var all []string
	for _, item := range list.Values {
		s, err := trimmed(item, what)
		if err != nil {
			return "", err
		}
		all = append(all, s)
	}
	return strings.Join(all, " "), nil
}

func stringMap(n ast.Node, what string) (map[string]string, error) {
	if isEmpty(n) {
		return nil, nil
	}
	fields, err := entries(n, what)
	if err != nil {
		return nil, err
	}
	m := map[string]string{}
	for _, f := range fields {
		if m[f.key], err = text(f.value, what+"."+f.key); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// isEmpty tells "key:" from "key: null".
func isEmpty(n ast.Node) bool { return n.GetToken().Type == token.ImplicitNullType }

// text returns a scalar as it is written, whatever type YAML would give it.
func text(n ast.Node, what string) (string, error) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.MappingKeyNode:
		return text(n.Value, what)
	case *ast.NullNode:
		if isEmpty(n) {
			return "", nil
		}
		return n.GetToken().Value, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, nil
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		return "", invalid("%s uses a YAML anchor, alias or tag%s; put the text in quotes", what, line(n))
	}
	return "", invalid("%s must be a string%s", what, line(n))
}

// line says where a node stands in the file, whose first line is the opening ---.
func line(n ast.Node) string {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return fmt.Sprintf(" (line %d)", t.Position.Line+1)
	}
	return ""
}

// yamlMessage is the parser's complaint in one line, without the source excerpt that it draws.
func yamlMessage(err error) string {
	var located interface {
		GetToken() *token.Token
		GetMessage() string
	}
	if !errors.As(err, &located) {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return first
	}
	message, _, _ := strings.Cut(located.GetMessage(), "\n")
	if t := located.GetToken(); t != nil && t.Position != nil {
		return fmt.Sprintf("line %d: %s; put the value in quotes", t.Position.Line+1, message)
	}
	return message
}
