package skillstore

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"agentfactory/internal/skill"
)

// provenanceFile says of an export which versions it was made from and where their files lie. internal/export writes it.
const provenanceFile = "provenance.json"

// provenance is what is read of it.
type provenance struct {
	FormatVersion int      `json:"format_version"`
	Skills        []origin `json:"skills"`
}

// origin is one version.
type origin struct {
	Manifest skill.Manifest    `json:"manifest"`
	Document string            `json:"document"` // its SKILL.md as it was saved
	At       map[string]string `json:"at"`       // where its other files lie, relative to the root, by their own paths
}

// rootOf is the root of the artifact whose provenance lies somewhere: a wheel has it beside its other metadata.
func rootOf(at string) string {
	dir := path.Dir(at)
	if strings.HasSuffix(dir, ".dist-info") {
		return path.Dir(dir)
	}
	return dir
}

// exported makes drafts of the versions of an export. A file of this name that is of another kind is not ours.
func (s source) exported(at, root string) (all []Imported, ours bool, err error) {
	data, err := s.read(at)
	if err != nil {
		return nil, false, err
	}
	var p provenance
	if json.Unmarshal(data, &p) != nil || p.FormatVersion == 0 || len(p.Skills) == 0 {
		return nil, false, nil
	}
	if p.FormatVersion != 1 {
		return nil, true, invalid("%s: it was exported in the layout %d, which only a newer version reads", at, p.FormatVersion)
	}
	if len(p.Skills) > maxSkills {
		return nil, true, invalid("%s: it names %d skills, at most %d are imported at once", at, len(p.Skills), maxSkills)
	}
	for _, o := range p.Skills {
		found, err := s.version(root, o)
		if err != nil {
			return nil, true, fmt.Errorf("%s: %w", at, err)
		}
		all = append(all, found)
	}
	return all, true, nil
}

// version makes a draft of one version again: the modules and documents that the export added stay behind.
func (s source) version(root string, o origin) (Imported, error) {
	m := o.Manifest
	d := Draft{
		Name: m.Name, Description: m.Description, EntryFile: m.EntryFile, Interface: m.Interface, Tools: m.Tools,
		Files: map[string][]byte{skill.DocumentFile: []byte(o.Document)}, Lineage: skill.Lineage{Source: skill.SourceImport},
	}
	if len(o.At) > MaxFiles {
		return Imported{}, invalid("files: there are %d, at most %d are allowed", len(o.At), MaxFiles)
	}
	total := 0
	for own, at := range o.At {
		data, err := s.read(path.Join(root, at))
		if err != nil {
			return Imported{}, err
		}
		if total += len(data); total > MaxBytes {
			return Imported{}, invalid("files: together they have more than the %d bytes that are allowed", MaxBytes)
		}
		d.Files[own] = data
	}
	p, err := prepare(d)
	if err != nil {
		return Imported{}, err
	}
	found := Imported{Draft: d}
	if p.manifest.Digest != m.Digest {
		found.Changes = []string{fmt.Sprintf("%s: its files were changed since version %d was exported", m.Name, m.Version)}
	}
	return found, nil
}

// runtimeModules tell an exported skill's directory whose provenance is gone.
var runtimeModules = []string{"scripts/runtime/run.py", "scripts/runtime/tools.py", "scripts/runtime/llm.py"}

// addedByExport are the files that an export adds to a skill directory beside scripts/.
var addedByExport = []string{"references/interface.md", "references/provenance.md", "references/notes.md", "evals/evals.json", "SHA256SUMS", skill.LockFile}

// withoutRuntime leaves out of an exported directory what the export added, if its provenance is gone: the skill's own
// files lie in scripts/skill/ then.
func (im *importer) withoutRuntime() error {
	const own = "scripts/skill/"
	entry, inOwn := strings.CutPrefix(im.document.Metadata[skill.MetaEntryFile], own)
	if !inOwn || slices.ContainsFunc(runtimeModules, func(p string) bool { return im.draft.Files[p] == nil }) {
		return nil
	}
	files := map[string][]byte{}
	for p, data := range im.draft.Files {
		switch kept, isOwn := strings.CutPrefix(p, own); {
		case isOwn:
			files[kept] = data
		case !strings.HasPrefix(p, "scripts/") && !strings.HasPrefix(p, "evals/") && !slices.Contains(addedByExport, p):
			files[p] = data
		}
	}
	im.draft.Files = files
	im.document.Metadata[skill.MetaEntryFile] = entry
	im.document.Body = "" // it is about the export
	im.changed("scripts/runtime: left out, it is what the export added; SKILL.md was written anew")
	return nil
}
