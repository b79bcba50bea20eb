package main

import (
	"crypto/rand"
	"regexp"
	"strings"
)

// newRunID says nothing of the task where payloads are encrypted: IDs are not.
func (c *connection) newRunID(kind, task string) string {
	if c.Temporal.Keys.Encrypting() != "" {
		task = ""
	}
	return newRunID(kind, task)
}

// newRunID is readable and unique: <kind>-<words of the task>-<6 random characters>.
func newRunID(kind, task string) string {
	suffix := strings.ToLower(rand.Text()[:6])
	if s := slug(task); s != "" {
		return kind + "-" + s + "-" + suffix
	}
	return kind + "-" + suffix
}

const maxSlug = 40 // characters

// slug keeps whole words of a–z and 0–9, as many as fit. A task in another alphabet
// has none.
func slug(text string) string {
	words := strings.FieldsFunc(strings.ToLower(clip(text, 400)), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	var s string
	for _, w := range words {
		if len(s)+1+len(w) > maxSlug {
			break
		}
		s = strings.TrimPrefix(s+"-"+w, "-")
	}
	if s == "" && len(words) > 0 {
		return words[0][:maxSlug]
	}
	return s
}

// idGrammar is what a workflow ID must match to appear as itself in the run's keys on S3.
var idGrammar = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$`)

func checkID(id string) error {
	if id != "" && !idGrammar.MatchString(id) {
		return badInput("--id %q: use at most 120 letters, digits, '.', '_' and '-', a letter or digit first", clip(id, 130))
	}
	return nil
}
