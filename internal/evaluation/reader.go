package evaluation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// reader decodes JSON values and gathers what is wrong with them.
type reader struct {
	problems   *[]string
	unreadable bool // the line is not a JSON object at all
}

func (r *reader) problem(format string, args ...any) {
	*r.problems = append(*r.problems, fmt.Sprintf(format, args...))
}

// object hands each member of a JSON object to its field. encoding/json alone would take the last of two members of one
// name in silence, and a name in the wrong case.
func (r *reader) object(raw []byte, what string, fields map[string]func(json.RawMessage)) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		r.unreadable = true
		r.problem("%s is a JSON object: %s", what, notJSON(err, "begin it with {"))
		return
	}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		var value json.RawMessage
		if err == nil {
			err = d.Decode(&value)
		}
		if err != nil {
			r.unreadable = true
			r.problem("%s is not valid JSON: %s", what, notJSON(err, "mend it"))
			return
		}
		r.member(fmt.Sprint(token), value, seen, fields)
	}
	if _, err := d.Token(); err != nil {
		r.unreadable = true
		r.problem("%s is not valid JSON: %s", what, notJSON(err, "mend it"))
		return
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		r.problem("%s is followed by something else: give one task a line", what)
	}
}

func (r *reader) member(name string, value json.RawMessage, seen map[string]bool, fields map[string]func(json.RawMessage)) {
	read, known := fields[name]
	switch {
	case !known:
		r.problem("unknown field %.60q; %s", name, nearest(name, fields))
	case seen[name]:
		r.problem("field %q is given twice: keep one of them", name)
	case string(value) != "null":
		read(value)
	}
	seen[name] = true
}

func notJSON(err error, otherwise string) string {
	switch {
	case err == nil:
		return otherwise
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "it ends in the middle; a task must be on one line"
	}
	return err.Error()
}

// nearest names the field that was probably meant, or all of them.
func nearest(name string, fields map[string]func(json.RawMessage)) string {
	known := make([]string, 0, len(fields))
	for field := range fields {
		known = append(known, field)
	}
	slices.Sort(known)
	best := slices.MinFunc(known, func(a, b string) int {
		return distance(name, a) - distance(name, b)
	})
	if distance(name, best) > 3 {
		return "there are " + strings.Join(known, ", ")
	}
	return fmt.Sprintf("did you mean %q?", best)
}

func distance(name, field string) int {
	return levenshtein.ComputeDistance(strings.ToLower(name[:min(len(name), 64)]), field)
}

func (r *reader) text(name string, into *string) func(json.RawMessage) {
	return func(raw json.RawMessage) {
		if json.Unmarshal(raw, into) != nil {
			r.problem("%s: give a text in quotes, not %s", name, kind(raw))
		}
	}
}

// kind says what a JSON value is.
func kind(raw json.RawMessage) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a text"
	case 't', 'f':
		return "a boolean"
	}
	return "a number"
}
