package skill

import (
	"fmt"
	"strings"
)

// DocumentFile is the name of the file that makes a directory a skill.
const DocumentFile = "SKILL.md"

// LockFile is the file of a skill that says exactly which packages it ran with when it was saved: pinned requirements with
// digests, which pip and uv install as they stand. Skills that need none have none.
const LockFile = "requirements.lock"

// The keys of our own fields in the metadata of a document.
const (
	MetaEntryFile = "agentfactory-entry-file" // the Python file with main(query)
	MetaTools     = "agentfactory-tools"      // the tool skills it is given, separated by spaces
	MetaVersion   = "agentfactory-version"    // of an exported skill
	MetaDigest    = "agentfactory-digest"     // of an exported skill: ContentDigest
)

// Document is a SKILL.md.
type Document struct {
	Name          string
	Description   string
	License       string
	Compatibility string
	AllowedTools  string // separated by spaces
	Metadata      map[string]string
	Body          string // Markdown, without white space at either end

	// Unknown are top-level fields that the standard does not have. Parse keeps them for importers, Validate
	// reports them, Render leaves them out.
	Unknown map[string]string
}

// The limits of the standard, in characters.
const (
	MaxDescription   = 1024
	MaxCompatibility = 500
)

// Problem is one reason why a document is not valid.
type Problem struct {
	Field   string
	Message string
}

func (p Problem) String() string { return p.Field + ": " + p.Message }

// Validate checks a document by the rules of the reference validator (skills-ref 0.1), and by three stricter ones:
// names are ASCII, there is no "<" or ">" in the description (hosts that put descriptions into prompts refuse them),
// and no control characters in any field. dir is the name of the directory that holds the document, "" if there is none. An
// empty result means valid.
func (d Document) Validate(dir string) []Problem {
	var found []Problem
	add := func(field string, err error) {
		if err != nil {
			found = append(found, Problem{Field: field, Message: err.Error()})
		}
	}
	for _, field := range sortedKeys(d.Unknown) {
		add(field, fmt.Errorf("the standard has no such field; put it under metadata"))
	}
	add("name", CheckName(d.Name))
	if dir != "" && dir != d.Name {
		add("name", fmt.Errorf("%s differs from the directory's name %s", shown(d.Name), shown(dir)))
	}
	add("description", CheckDescription(d.Description))
	add("compatibility", checkLength(d.Compatibility, MaxCompatibility))
	for _, f := range []struct{ name, text string }{{"license", d.License}, {"compatibility", d.Compatibility}, {"allowed-tools", d.AllowedTools}} {
		add(f.name, checkPrintable(f.text))
	}
	for _, key := range sortedKeys(d.Metadata) {
		add("metadata."+key, checkPrintable(key))
		add("metadata."+key, checkPrintable(d.Metadata[key]))
	}
	return found
}

// CheckDescription tells whether a text can stand as the description of a skill: 1 to MaxDescription characters, no
// "<" or ">", no control characters but line breaks.
func CheckDescription(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return fmt.Errorf("it is empty; say what the skill does and when to use it")
	case strings.ContainsAny(text, "<>"):
		return fmt.Errorf("it holds < or >, which hosts of skills refuse; use other words")
	}
	if err := checkLength(text, MaxDescription); err != nil {
		return err
	}
	return checkPrintable(text)
}

func checkLength(text string, most int) error {
	if n := len([]rune(text)); n > most {
		return fmt.Errorf("it has %d characters, at most %d are allowed", n, most)
	}
	return nil
}

func checkPrintable(text string) error {
	for _, r := range text {
		if r != '\n' && !printable(r) {
			return fmt.Errorf("it holds the control character %q", r)
		}
	}
	return nil
}
