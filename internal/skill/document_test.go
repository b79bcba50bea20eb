package skill_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/skill"
	"agentfactory/internal/skill/skillsref"
)

// documents are judged by us and by the reference validator. Ours is stricter where strict says so; what we accept,
// it must accept.
var documents = []struct {
	name   string
	front  string
	valid  bool
	strict bool // refused by us alone
}{
	{name: "name and description", front: "name: x\ndescription: d\n", valid: true},
	{name: "every field", front: "name: x\ndescription: d\nlicense: MIT\ncompatibility: any\nallowed-tools: Bash Read\nmetadata:\n  a: b\n", valid: true},
	{name: "numbers and booleans are text", front: "name: x\ndescription: 12\nmetadata:\n  version: 1.0\n  1: true\n", valid: true},
	{name: "a literal block", front: "name: x\ndescription: |\n  a\n  b\n", valid: true},
	{name: "a folded block", front: "name: x\ndescription: >\n  a\n  b\n", valid: true},
	{name: "a plain value on two lines", front: "name: x\ndescription: a\n  b\n", valid: true},
	{name: "quotes and escapes", front: "name: \"x\"\ndescription: \"a: \\\"b\\\" \\u00e9\"\n", valid: true},
	{name: "single quotes", front: "name: 'x'\ndescription: 'it''s'\n", valid: true},
	{name: "a comment", front: "# hi\nname: x\ndescription: d # not this\n", valid: true},
	{name: "another language", front: "name: x\ndescription: Überträgt Töne, 音声\n", valid: true},
	{name: "indented", front: "  name: x\n  description: d\n", valid: true},
	{name: "empty metadata", front: "name: x\ndescription: d\nmetadata:\n", valid: true},
	{name: "allowed-tools as a list", front: "name: x\ndescription: d\nallowed-tools:\n  - Bash\n  - Read\n", valid: true},
	{name: "1024 characters of description", front: "name: x\ndescription: " + strings.Repeat("é", 1024) + "\n", valid: true},

	{name: "no name", front: "description: d\n"},
	{name: "no description", front: "name: x\n"},
	{name: "an empty description", front: "name: x\ndescription:\n"},
	{name: "a description of spaces", front: "name: x\ndescription: '  '\n"},
	{name: "a description as a list", front: "name: x\ndescription:\n  - a\n"},
	{name: "1025 characters of description", front: "name: x\ndescription: " + strings.Repeat("é", 1025) + "\n"},
	{name: "501 characters of compatibility", front: "name: x\ndescription: d\ncompatibility: " + strings.Repeat("a", 501) + "\n"},
	{name: "compatibility as a list", front: "name: x\ndescription: d\ncompatibility:\n  - a\n"},
	{name: "an unknown field", front: "name: x\ndescription: d\nentry_file: x.py\n"},
	{name: "another directory's name", front: "name: y\ndescription: d\n"},
	{name: "upper case", front: "name: X\ndescription: d\n"},
	{name: "snake case", front: "name: x_y\ndescription: d\n"},
	{name: "a duplicate key", front: "name: x\nname: x\ndescription: d\n"},
	{name: "an anchor", front: "name: &a x\ndescription: *a\n"},
	{name: "a tag", front: "name: !!str x\ndescription: d\n"},
	{name: "a flow mapping", front: "name: x\ndescription: d\nmetadata: {a: b}\n"},
	{name: "a flow sequence", front: "name: x\ndescription: d\nallowed-tools: [a, b]\n"},
	{name: "a colon in a plain value", front: "name: x\ndescription: a: b\n"},
	{name: "a value that begins like an alias", front: "name: x\ndescription: **Bold**: text\n"},
	{name: "a value that begins with a per cent sign", front: "name: x\ndescription: %d\n"},
	{name: "a value that begins with @", front: "name: x\ndescription: @d\n"},
	{name: "a value that begins with a backquote", front: "name: x\ndescription: `d`\n"},
	{name: "a scalar", front: "hello\n"},
	{name: "nothing", front: ""},
	{name: "an unclosed bracket", front: "name: [x\n"},

	{name: "angle brackets", front: "name: x\ndescription: a <b>\n", strict: true},
	{name: "three hyphens in a value", front: "name: x\ndescription: a --- b\n", strict: true},
	{name: "a control character", front: "name: x\ndescription: \"a\\0b\"\n", strict: true},
	{name: "metadata as a list", front: "name: x\ndescription: d\nmetadata:\n  - a\n", strict: true},
	{name: "nested metadata", front: "name: x\ndescription: d\nmetadata:\n  a:\n    b: c\n", strict: true},
	{name: "a licence as a list", front: "name: x\ndescription: d\nlicense:\n  - a\n", strict: true},
}

func judge(data []byte, dir string) error {
	d, err := skill.Parse(data)
	if err != nil {
		return err
	}
	if problems := d.Validate(dir); len(problems) > 0 {
		return fmt.Errorf("%v", problems)
	}
	return nil
}

func TestDocumentsAreJudgedByTheStandard(t *testing.T) {
	for _, c := range documents {
		t.Run(c.name, func(t *testing.T) {
			err := judge([]byte("---\n"+c.front+"---\n\nBody\n"), "x")
			if c.valid {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestTheReferenceValidatorAgrees(t *testing.T) {
	var dirs []string
	for _, c := range documents {
		dirs = append(dirs, writeSkill(t, "x", []byte("---\n"+c.front+"---\n\nBody\n")))
	}
	for i, complaints := range skillsref.Validate(t, dirs...) {
		c := documents[i]
		require.Equal(t, c.valid || c.strict, len(complaints) == 0, "%s: %v", c.name, complaints)
	}
}

func writeSkill(t *testing.T, name string, document []byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, skill.DocumentFile), document, 0o644))
	return dir
}

// TestRenderedDocumentsPassTheReferenceValidator takes random documents made of the pieces that break YAML writers.
func TestRenderedDocumentsPassTheReferenceValidator(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var dirs []string
	for range 300 {
		d := randomDocument(random)
		require.Empty(t, d.Validate("x"))
		parsed, err := skill.Parse(d.Render())
		require.NoError(t, err, "%q", d.Render())
		require.Empty(t, cmp.Diff(d, parsed, cmpopts.EquateEmpty()), "%s", d.Render())
		dirs = append(dirs, writeSkill(t, "x", d.Render()))
	}
	for i, complaints := range skillsref.Validate(t, dirs...) {
		require.Empty(t, complaints, dirs[i])
	}
}

func randomDocument(r *rand.Rand) skill.Document {
	pieces := []string{"word", "---", "--", "-", ": ", ":", " #", "#", "'", `"`, `\`, "\n", "  ", "{", "}", "[a]", "*x", "&y", "!z", "%", "@", "`",
		"|", "? ", "é", "音", "😀", "null", "yes", "1.0", "0x1f", "2026-01-01", "~", ",", "\u00a0", "\\x2d", "=", "e\u0301"}
	text := func() string {
		var b strings.Builder
		for range 1 + r.IntN(8) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		return strings.TrimSpace("a" + b.String() + "z")
	}
	d := skill.Document{Name: "x", Description: text(), License: text(), AllowedTools: text(), Compatibility: text(), Body: text(), Metadata: map[string]string{}}
	for range r.IntN(4) {
		d.Metadata[text()] = pieces[r.IntN(len(pieces))] + text()
	}
	return d
}

func TestRenderIsReadable(t *testing.T) {
	d := skill.Document{
		Name: "csv-summary", Description: "Summarises CSV files: rows, columns, missing values.",
		Metadata: map[string]string{skill.MetaEntryFile: "main.py", skill.MetaVersion: "3"}, Body: "# CSV summary\n\nText.",
	}
	want := `---
name: csv-summary
description: "Summarises CSV files: rows, columns, missing values."
metadata:
  agentfactory-entry-file: main.py
  agentfactory-version: "3"
---

# CSV summary

Text.
`
	require.Empty(t, cmp.Diff(want, string(d.Render())))
}

func TestParseRefusesWhatIsNoDocument(t *testing.T) {
	for _, c := range []struct{ name, data, says string }{
		{"an empty file", "", "its first line must be ---"},
		{"Markdown alone", "# Title\n", "its first line must be ---"},
		{"an unclosed frontmatter", "---\nname: x\n", "not closed"},
		{"a NUL byte", "---\nname: x\x00\n---\n", "NUL"},
		{"Latin-1", "---\nname: \xe9\n---\n", "not UTF-8"},
		{"two megabytes", "---\n" + strings.Repeat("#", 2<<20), "at most 1048576 are allowed"},
		{"an alias", "---\nname: x\ndescription: **Bold** text\n---\n", "line 3"},
		{"a duplicate key", "---\nname: x\nname: y\n---\n", "line 3"},
		{"a list where a string belongs", "---\nname:\n  - x\n---\n", "name must be a string"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := skill.Parse([]byte(c.data))
			require.ErrorIs(t, err, skill.ErrInvalidDocument)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestParseTakesWindowsLineEnds(t *testing.T) {
	d, err := skill.Parse([]byte("---\r\nname: x\r\ndescription: d\r\n---\r\n\r\nBody\r\n"))
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(skill.Document{Name: "x", Description: "d", Body: "Body"}, d))
}

func TestParseKeepsUnknownFieldsForImporters(t *testing.T) {
	d, err := skill.Parse([]byte("---\nname: x\ndescription: d\nentry_file: x.py\n---\n"))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"entry_file": "x.py"}, d.Unknown)
	require.Equal(t, "entry_file: the standard has no such field; put it under metadata", d.Validate("x")[0].String())
}

func FuzzParse(f *testing.F) {
	for _, c := range documents {
		f.Add([]byte("---\n" + c.front + "---\nBody\n"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := skill.Parse(data)
		if err != nil {
			require.ErrorIs(t, err, skill.ErrInvalidDocument)
			return
		}
		if len(d.Validate("")) > 0 {
			return
		}
		again, err := skill.Parse(d.Render())
		require.NoError(t, err, "%q", d.Render())
		require.Empty(t, cmp.Diff(d, again, cmpopts.EquateEmpty()))
	})
}
