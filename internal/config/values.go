package config

import (
	"encoding"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Secret is a value that no error, log or document may show. Every way to print it
// gives "set" or nothing; Reveal is the one way to read it.
type Secret string

// Reveal returns the value itself.
func (s Secret) Reveal() string { return string(s) }

// String tells only whether it is set.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "set"
}

// Format covers every verb of fmt, %x and %#v included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText covers JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue covers slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Bytes is a size, written like "2GiB", "256 MB" or a plain number of bytes.
type Bytes int64

// UnmarshalText parses a size.
func (b *Bytes) UnmarshalText(text []byte) error {
	n, err := humanize.ParseBytes(string(text))
	if err != nil || n > math.MaxInt64 {
		return fmt.Errorf("%q is no size: write it like 512MiB or 2GB", text)
	}
	*b = Bytes(n)
	return nil
}

// UnmarshalYAML parses a size and says where a wrong one stands.
func (b *Bytes) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(b, node) }

// MarshalText is the inverse, in binary units.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// String shows the size in binary units, like "2.0 GiB".
func (b Bytes) String() string { return humanize.IBytes(uint64(max(b, 0))) }

// Duration is a time.Duration, written like "90s", "1h30m" or "90d".
type Duration time.Duration

// UnmarshalText parses a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if days, inDays := strings.CutSuffix(string(text), "d"); inDays {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16) // up to 179 years
		parsed = time.Duration(n) * 24 * time.Hour
	}
	if err != nil {
		return fmt.Errorf("%q is no duration: write it like 90s, 1h30m or 90d", text)
	}
	*d = Duration(parsed)
	return nil
}

// UnmarshalYAML parses a duration and says where a wrong one stands.
func (d *Duration) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(d, node) }

// MarshalText is the inverse.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String shows the duration like "1h30m0s".
func (d Duration) String() string { return time.Duration(d).String() }

// separated is a list in a variable: commas or spaces stand between its members.
type separated []string

// UnmarshalText never fails.
func (l *separated) UnmarshalText(text []byte) error {
	*l = strings.FieldsFunc(string(text), func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	return nil
}

// count is a number in a variable.
type count int

// UnmarshalText parses a whole number in decimal digits.
func (n *count) UnmarshalText(text []byte) error {
	parsed, err := strconv.Atoi(string(text))
	if err != nil {
		return fmt.Errorf("%q is no number", text)
	}
	*n = count(parsed)
	return nil
}

// unmarshalScalar exists because the YAML library drops the line of an error that
// UnmarshalText returns.
func unmarshalScalar(value encoding.TextUnmarshaler, node ast.Node) error {
	err := errors.New("a single value is expected here")
	if _, ok := node.(ast.ScalarNode); ok {
		err = value.UnmarshalText([]byte(node.GetToken().Value))
	}
	if err != nil {
		return &yaml.SyntaxError{Message: err.Error(), Token: node.GetToken()}
	}
	return nil
}
