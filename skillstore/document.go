package skillstore

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"agentfactory/internal/skill"
)

// document is the SKILL.md of the version. It follows from the draft alone: number, lineage and time are not in it, so
// that the same content has the same digest.
func (d Draft) document() ([]byte, error) {
	doc := skill.Document{}
	if given, ok := d.Files[skill.DocumentFile]; ok {
		var err error
		if doc, err = skill.Parse(given); err != nil {
			return nil, invalid("draft of %s: %w", d.Name, err)
		}
	}
	doc.Name, doc.Description, doc.Unknown = d.Name, d.Description, nil
	doc.Metadata = d.metadata(doc.Metadata)
	if doc.Body == "" {
		doc.Body = d.body()
	}
	if problems := doc.Validate(d.Name); len(problems) > 0 {
		return nil, invalid("draft of %s: %s: %s", d.Name, skill.DocumentFile, problems[0])
	}
	return doc.Render(), nil
}

func (d Draft) metadata(given map[string]string) map[string]string {
	meta := map[string]string{}
	maps.Copy(meta, given)
	maps.Copy(meta, d.Metadata)
	for _, key := range []string{skill.MetaVersion, skill.MetaDigest, skill.MetaTools} { // of an export that came back
		delete(meta, key)
	}
	meta[skill.MetaEntryFile] = d.EntryFile
	if len(d.Tools) > 0 {
		meta[skill.MetaTools] = strings.Join(d.Tools, " ")
	}
	return meta
}

// body says how the skill is used. Meta-agents read it on every reuse, so it is short
// and does not repeat the description, which they have read above it.
func (d Draft) body() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", title(d.Name))
	fmt.Fprintf(&b, "`%s` defines `main(query: str) -> {\"answer\": str, \"summary\": str}`. ", d.EntryFile)
	if d.Interface == "" {
		b.WriteString("Give it the whole sub-task in plain words.\n\n")
	} else {
		fmt.Fprintf(&b, "What it says of itself and of the query:\n\n%s\n\n", block(d.Interface))
	}
	fmt.Fprintf(&b, "- In AgentFactory: `run_subagent {\"skill_name\": \"%s\", \"query\": \"…\"}`\n", d.Name)
	fmt.Fprintf(&b, "- In Python, in %s: `from %s import main; print(main(\"…\")[\"answer\"])`\n", folder(d.EntryFile), module(d.EntryFile))
	if needs := d.needs(); len(needs) > 0 {
		fmt.Fprintf(&b, "\n## Needs\n\n%s\n", strings.Join(needs, "\n"))
	}
	if others := d.others(); len(others) > 0 {
		fmt.Fprintf(&b, "\n## Files beside the entry file\n\n%s\n", strings.Join(others, "\n"))
	}
	return b.String()
}

// block is a text that Markdown shows as it is, whatever it holds.
func block(text string) string { return "    " + strings.ReplaceAll(text, "\n", "\n    ") }

func title(name string) string {
	words := strings.ReplaceAll(name, "-", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

func folder(file string) string {
	if dir := path.Dir(file); dir != "." {
		return "`" + dir + "/`"
	}
	return "this directory"
}

func module(file string) string { return strings.TrimSuffix(path.Base(file), ".py") }

// usesModel matches the import of the module that asks a language model.
var usesModel = regexp.MustCompile(`(?m)^\s*(?:from\s+llm\s+import|import\s+llm)\b`)

func (d Draft) needs() []string {
	var needs []string
	for _, t := range slices.Sorted(slices.Values(d.Tools)) {
		needs = append(needs, fmt.Sprintf("- the tool skill `%s` (module `tools`)", t))
	}
	for p, data := range d.Files {
		if isCode(p) && usesModel.Match(data) {
			return append(needs, "- a language model (module `llm`)")
		}
	}
	return needs
}

func (d Draft) others() []string {
	var others []string
	for _, p := range slices.Sorted(maps.Keys(d.Files)) {
		if p != d.EntryFile && p != skill.DocumentFile {
			others = append(others, "- `"+p+"`")
		}
	}
	return others
}
