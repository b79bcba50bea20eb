package export

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// interfaceReference says in full how a skill is asked and what it reads.
func interfaceReference(s Skill) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# The interface of %s\n\n## The query\n\n%s\n\n", s.Manifest.Name, block(query(s)))
	fmt.Fprintf(&b, "## The answer\n\nA JSON object with the texts `answer` and `summary`.\n\n")
	fmt.Fprintf(&b, "## What it needs\n\n%s\n\n", items(needsOf(s).lines()))
	fmt.Fprintf(&b, "## Its files\n\n`%s` defines `main(query: str)`, which the launcher calls.\n\n", inProgram(s.Manifest.EntryFile))
	for _, p := range slices.Sorted(maps.Keys(s.Code)) {
		fmt.Fprintf(&b, "- `%s` (%d bytes)\n", inProgram(p), len(s.Code[p]))
	}
	return []byte(b.String())
}

// provenanceReference is what provenance.json says, for people.
func provenanceReference(s Skill) []byte {
	m := s.Manifest
	lines := []string{
		fmt.Sprintf("skill `%s`, version %d, made at %s", m.Name, m.Version, m.CreatedAt.UTC().Format(time.RFC3339)),
		fmt.Sprintf("digest of the version: `%s`", m.Digest),
	}
	add := func(what, value string) {
		if value != "" {
			lines = append(lines, what+": "+oneLine(value))
		}
	}
	add("source", m.Lineage.Source)
	add("workflow", m.Lineage.WorkflowID)
	add("run", m.Lineage.RunID)
	add("model that wrote it", m.Lineage.Model)
	add("parent", parent(s))
	add("took the place of", strings.Join(m.Lineage.Supersedes, ", "))
	if m.Permissions != nil {
		add("was seen to need", m.Permissions.String())
	}
	if g := s.Gate; g != nil {
		add("gate", fmt.Sprintf("%s, %s on %d past cases against version %d (%s)", g.ID, g.Verdict, g.Cases, g.Base.Version, g.At.UTC().Format(time.RFC3339)))
	}
	add("past cases that later versions are held against", fmt.Sprint(len(s.Cases)))
	return []byte("# Where " + m.Name + " comes from\n\n" + items(lines) + "\n\n`provenance.json` has the same for programs; `" + SumsFile +
		"` has the digest of every file (`sha256sum --check " + SumsFile + "`).\n")
}

// parent names the version that was changed to make this one; "" if it was written from scratch.
func parent(s Skill) string {
	from := s.Manifest.Lineage
	switch {
	case from.ParentVersion == 0:
		return ""
	case from.ParentSkill != "":
		return fmt.Sprintf("%s, version %d", from.ParentSkill, from.ParentVersion)
	}
	return fmt.Sprintf("version %d", from.ParentVersion)
}
