package skillstore_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

func directory(files map[string]string) fstest.MapFS {
	dir := fstest.MapFS{}
	for path, text := range files {
		dir[path] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	return dir
}

const entry = "def main(query):\n    return {'answer': query, 'summary': ''}\n"

func TestImportTakesAStandardSkillAsItIs(t *testing.T) {
	document := `---
name: csv-summary
description: Summarises CSV files.
license: MIT
compatibility: Python 3.11
allowed-tools: Read
metadata:
  agentfactory-entry-file: scripts/run.py
  agentfactory-tools: web_search
  author: someone
---

# CSV summary

Text of its author.
`
	d, changes, err := skillstore.Import(directory(map[string]string{
		"SKILL.md": document, "scripts/run.py": entry, "scripts/helper.py": "x = 1\n", "references/notes.md": "notes",
	}), "csv-summary")
	require.NoError(t, err)
	require.Empty(t, changes)
	require.Empty(t, cmp.Diff(skillstore.Draft{
		Name: "csv-summary", Description: "Summarises CSV files.", EntryFile: "scripts/run.py", Tools: []string{"web_search"},
		Files: map[string][]byte{
			"SKILL.md": []byte(document), "scripts/run.py": []byte(entry), "scripts/helper.py": []byte("x = 1\n"), "references/notes.md": []byte("notes"),
		},
		Lineage: skill.Lineage{Source: skill.SourceImport},
	}, d))
}

// original is a skill as the original AgentFactory saves them.
var original = map[string]string{
	"SKILL.md": `---
name: page_reporter
description: **Problem Category**: Web pages, read and reported
entry_file: page_reporter.py
---

# page_reporter

## Description
**Problem Category**: Web pages, read and reported
**Applicable Questions**: Questions about the content of one <page>
**Key Features**:
- Reads the page --- whatever it is

## Skills Used
playwright, google_search, execute_shell_command

## Usage

**How to call**:
` + "```xml\n<action>run_subagent</action>\n```" + `
`,
	"page_reporter.py": `from tools import (
    read_url_jina,  # the page
    search_serper as search,
)
from llm import call_llm
import page_helper

def main(query):
    return {"answer": page_helper.report(query), "summary": ""}
`,
	"page_helper.py":      "from tools import execute_shell_command\nfrom playwright.sync_api import sync_playwright\n\ndef report(q):\n    return q\n",
	"debug_page.py":       "from tools import google_search\n",
	"page.png":            "\x89PNG\x00",
	"__pycache__/a.pyc":   "\x00",
	".DS_Store":           "x",
	"page_reporter.pyc":   "\x00",
	"subdir/.git/config":  "x",
	"subdir/template.txt": "x",
}

func TestImportNormalisesTheOriginalLayout(t *testing.T) {
	d, changes, err := skillstore.Import(directory(original), "page_reporter")
	require.NoError(t, err)
	require.Equal(t, "page-reporter", d.Name)
	require.Equal(t, "page_reporter.py", d.EntryFile)
	require.Equal(t, "Web pages, read and reported. Use it for: Questions about the content of one ‹page›", d.Description)
	require.Equal(t, []string{"web_reading", "web_search", "shell_command"}, d.Tools)
	require.Equal(t, []string{"SKILL.md", "page.png", "page_helper.py", "page_reporter.py", "subdir/template.txt"}, sortedPaths(d.Files))

	document, err := skill.Parse(d.Files["SKILL.md"])
	require.NoError(t, err)
	require.Empty(t, document.Validate("page-reporter"))
	require.Contains(t, document.Body, `run_subagent {"skill_name": "page-reporter"`)
	require.Contains(t, document.Body, "- Reads the page --- whatever it is")
	require.NotContains(t, document.Body, "<action>")

	report := strings.Join(changes, "\n")
	for _, says := range []string{
		"SKILL.md: its frontmatter is no YAML and was read line by line",
		`name: "page_reporter" became page-reporter`,
		"entry_file: moved to metadata as agentfactory-entry-file",
		"tools: web_reading granted, because page_reporter.py imports read_url_jina",
		"tools: shell_command granted, because page_helper.py imports execute_shell_command",
		`description: became "Web pages, read and reported. Use`,
		"debug_page.py: left out, the entry file does not import it",
		"page_helper.py: drives Playwright itself, which fails in the sandbox; rewrite it with browser_automation",
		"__pycache__: left out, it is compiled Python",
		".DS_Store: left out, it is hidden",
		"SKILL.md: the instructions for the original's own protocol were replaced",
	} {
		require.Contains(t, report, says)
	}
	for _, change := range changes {
		require.NotContains(t, change, "\n")
	}
}

func TestImportTakesTheOriginalLayoutWithValidYAML(t *testing.T) {
	d, changes, err := skillstore.Import(directory(map[string]string{
		"SKILL.md": "---\nname: a_b\ndescription: Counts.\nentry_file: a_b.py\nauthor: me\n---\n", "a_b.py": entry,
	}), "a_b")
	require.NoError(t, err)
	require.Equal(t, "a-b", d.Name)
	require.Contains(t, changes, "author: left out, the standard has no such field")
}

func TestImportFindsTheEntryFile(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string // an entry file, or an error
	}{
		{"the only file with main", map[string]string{"tool.py": entry, "helper.py": "x = 1\n"}, "tool.py"},
		{"a main that is async", map[string]string{"tool.py": "async def main(query):\n    pass\n"}, "tool.py"},
		{"a main from elsewhere", map[string]string{"tool.py": "from .core import run, main\n"}, "tool.py"},
		{"two files with main", map[string]string{"a.py": entry, "b.py": entry}, "2 Python files define main(query) (a.py, b.py); name one in the metadata"},
		{"no Python", map[string]string{"a.sh": "#!/bin/sh\n"}, "0 Python files define main(query)"},
		{"a main that is indented", map[string]string{"a.py": "class A:\n    def main(self):\n        pass\n"}, "0 Python files define main(query)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.files["SKILL.md"] = "---\nname: x\ndescription: d\n---\n"
			d, changes, err := skillstore.Import(directory(c.files), "x")
			if !strings.HasSuffix(c.want, ".py") {
				require.ErrorIs(t, err, skillstore.ErrInvalid)
				require.ErrorContains(t, err, c.want)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, d.EntryFile)
			require.Equal(t, []string{"entry file: " + c.want + ", because it is the one that defines main"}, changes)
		})
	}
}

func TestImportRefuses(t *testing.T) {
	valid := "---\nname: x\ndescription: d\n---\n"
	for _, c := range []struct {
		name, says string
		files      map[string]string
	}{
		{"a directory without SKILL.md", "there is no SKILL.md", map[string]string{"a.py": entry}},
		{"a broken SKILL.md", "line 3", map[string]string{"SKILL.md": "---\nname: x\ndescription: *a\n---\n", "a.py": entry}},
		{"a name in another alphabet", "of another alphabet", map[string]string{"SKILL.md": "---\nname: 音声\ndescription: d\n---\n", "a.py": entry}},
		{"no description", "description: SKILL.md has none", map[string]string{"SKILL.md": "---\nname: x\n---\n", "a.py": entry}},
		{"an entry file that is missing", `entry file: "b.py" is no .py file`, map[string]string{
			"SKILL.md": "---\nname: x\ndescription: d\nentry_file: b.py\n---\n", "a.py": entry}},
		{"an entry file outside", `entry file: "../b.py" is no .py file`, map[string]string{
			"SKILL.md": "---\nname: x\ndescription: d\nentry_file: ../b.py\n---\n", "a.py": entry}},
		{"an entry file without main", "entry file: a.py defines no main(query)", map[string]string{
			"SKILL.md": "---\nname: x\ndescription: d\nentry_file: a.py\n---\n", "a.py": "x = 1"}},
		{"an unknown tool", `there is no tool skill "telepathy"`, map[string]string{
			"SKILL.md": "---\nname: x\ndescription: d\nmetadata:\n  agentfactory-tools: telepathy\n---\n", "a.py": entry}},
		{"10 MB of code", "at most 8388608 are allowed", map[string]string{"SKILL.md": valid, "a.py": entry + strings.Repeat("#", 10<<20)}},
		{"2 MB of code", "code and documents may have 1048576", map[string]string{"SKILL.md": valid, "a.py": entry + strings.Repeat("#", 2<<20)}},
		{"NUL bytes in code", "file a.py: it contains NUL bytes", map[string]string{"SKILL.md": valid, "a.py": entry + "\x00"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := skillstore.Import(directory(c.files), "x")
			require.ErrorIs(t, err, skillstore.ErrInvalid)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "\n")
		})
	}
	_, _, err := skillstore.Import(os.DirFS(filepath.Join(t.TempDir(), "nothing")), "x")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestImportFollowsNoSymbolicLinks(t *testing.T) {
	dir := t.TempDir()
	for path, text := range map[string]string{"SKILL.md": "---\nname: x\ndescription: d\n---\n", "a.py": entry} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, path), []byte(text), 0o644))
	}
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "passwd")))
	require.NoError(t, os.Symlink("/etc", filepath.Join(dir, "etc")))
	d, changes, err := skillstore.Import(os.DirFS(dir), "x")
	require.NoError(t, err)
	require.Equal(t, []string{"SKILL.md", "a.py"}, sortedPaths(d.Files))
	require.Contains(t, changes, "passwd: left out, it is a symbolic link")
	require.Contains(t, changes, "etc: left out, it is a symbolic link")
}

func FuzzImport(f *testing.F) {
	f.Add(original["SKILL.md"], original["page_reporter.py"])
	f.Add("---\nname: x\ndescription: d\n---\n", entry)
	f.Add("---\nname: x\ndescription: |\n  a\n\n  b\nentry_file: page_reporter.py\n---\n## Description\n", "main = 1\nfrom tools import (((")
	f.Fuzz(func(t *testing.T, document, code string) {
		d, changes, err := skillstore.Import(directory(map[string]string{"SKILL.md": document, "page_reporter.py": code}), "x")
		if err != nil {
			require.ErrorIs(t, err, skillstore.ErrInvalid)
			return
		}
		require.NoError(t, skill.CheckName(d.Name))
		require.NoError(t, skill.CheckDescription(d.Description))
		parsed, err := skill.Parse(d.Files["SKILL.md"])
		require.NoError(t, err)
		require.Empty(t, parsed.Validate(d.Name))
		for _, change := range changes {
			require.NotContains(t, change, "\n")
		}
	})
}
