package skillstore

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"agentfactory/internal/metaskill"
	"agentfactory/internal/skill"
)

func (im *importer) entryFile() error {
	named := im.document.Metadata[skill.MetaEntryFile]
	if named == "" && im.original {
		named = im.document.Unknown["entry_file"]
		im.changed("entry_file: moved to metadata as %s", skill.MetaEntryFile)
	}
	if named == "" {
		found, err := im.findEntry()
		if err != nil {
			return err
		}
		named = found
		im.changed("entry file: %s, because it is the one that defines main", found)
	}
	if code, ok := im.draft.Files[named]; !ok || !isCode(named) {
		return invalid("entry file: %.200q is no .py file of the directory", named)
	} else if !definesMain.Match(code) {
		return invalid("entry file: %s defines no main(query)", named)
	}
	im.draft.EntryFile = named
	return nil
}

// definesMain matches a module that has a function or name main at its top level.
var definesMain = regexp.MustCompile(`(?m)^(?:(?:async\s+)?def\s+main\s*\(|main\s*=|from\s+\S+\s+import\s+.*\bmain\b)`)

func (im *importer) findEntry() (string, error) {
	var found []string
	for p, data := range im.draft.Files {
		if isCode(p) && definesMain.Match(data) {
			found = append(found, p)
		}
	}
	slices.Sort(found)
	if len(found) != 1 {
		return "", invalid("entry file: %d Python files define main(query)%s; name one in the metadata of SKILL.md as %s",
			len(found), examples(found), skill.MetaEntryFile)
	}
	return found[0], nil
}

// examples names a few in parentheses.
func examples(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names[:min(len(names), 5)], ", ") + ")"
}

// importedTools matches imports from the module of the tool skills.
var importedTools = regexp.MustCompile(`(?m)^[ \t]*from[ \t]+tools[ \t]+import[ \t]+(\([^)]*\)|.+)$`)

// drivesBrowser matches the import of Playwright's own module, which no subagent gets.
var drivesBrowser = regexp.MustCompile(`(?m)^[ \t]*(?:from|import)[ \t]+playwright\b`)

// tools grants what the document lists or, for the original's skills, whose documents list tools that the code does not
// use, what the code imports.
func (im *importer) tools() error {
	listed := strings.Fields(im.document.Metadata[skill.MetaTools])
	tools, err := metaskill.NormalizeTools(listed)
	if err != nil {
		return invalid("%s: %w", skill.MetaTools, err)
	}
	for _, p := range im.localModules() {
		if drivesBrowser.Match(im.draft.Files[p]) {
			im.changed("%s: drives Playwright itself, which fails in the sandbox; rewrite it with browser_automation", p)
		}
		for _, match := range importedTools.FindAllSubmatch(im.draft.Files[p], -1) {
			for _, name := range importedNames(string(match[1])) {
				granted, err := metaskill.NormalizeTools([]string{name})
				if err == nil && !slices.Contains(tools, granted[0]) {
					tools = append(tools, granted[0])
					im.changed("tools: %s granted, because %s imports %s", granted[0], p, name)
				}
			}
		}
	}
	im.draft.Tools = tools
	return nil
}

// importedNames reads "a, b as c" with or without parentheses and comments.
func importedNames(list string) []string {
	var names []string
	for line := range strings.SplitSeq(strings.Trim(list, "()"), "\n") {
		line, _, _ = strings.Cut(line, "#")
		for item := range strings.SplitSeq(strings.Trim(line, " ()"), ",") {
			if words := strings.Fields(item); len(words) > 0 {
				names = append(names, words[0])
			}
		}
	}
	return names
}

// imports matches the module that an import statement names first.
var imports = regexp.MustCompile(`(?m)^[ \t]*(?:from|import)[ \t]+([A-Za-z_]\w*)`)

// localModules are the entry file and what it imports, directly or not, from beside it.
func (im *importer) localModules() []string {
	dir := path.Dir(im.draft.EntryFile)
	reached := []string{im.draft.EntryFile}
	for i := 0; i < len(reached); i++ {
		for _, match := range imports.FindAllSubmatch(im.draft.Files[reached[i]], -1) {
			p := path.Join(dir, string(match[1])+".py")
			if _, ok := im.draft.Files[p]; ok && !slices.Contains(reached, p) {
				reached = append(reached, p)
			}
		}
	}
	return reached
}
