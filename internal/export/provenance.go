package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"agentfactory/internal/skill"
)

// The files by which an artifact says what it is, at its root: the directory of a skill or set, or the .dist-info of a wheel.
const (
	ProvenanceFile = "provenance.json"
	SumsFile       = "SHA256SUMS" // what sha256sum --check reads; a wheel has its RECORD instead
)

// Provenance is where an artifact comes from and what it consists of.
type Provenance struct {
	Format        string    `json:"format"`
	FormatVersion int       `json:"format_version"`
	Skills        []Origin  `json:"skills"`
	Files         []FileSum `json:"files"` // all but this file and the list of sums, by path
}

// Origin is the version that a skill of an artifact was made from. With the artifact's files it is enough to make the
// version again, with the same digest.
type Origin struct {
	Manifest skill.Manifest `json:"manifest"`
	// Document is the SKILL.md as it was saved; an export has one of its own.
	Document string `json:"document"`
	// At says where the other files of the manifest lie, by their path there: relative to the artifact's root.
	At    map[string]string `json:"at"`
	Gate  *skill.GateReport `json:"gate,omitempty"`  // by which the version replaced another; absent: it replaced none
	Cases []string          `json:"cases,omitempty"` // IDs of the past cases that later versions are held against
}

// FileSum is one file of an artifact.
type FileSum struct {
	Path       string `json:"path"`
	SHA256     string `json:"sha256"`
	Size       int    `json:"size"`
	Executable bool   `json:"executable,omitempty"`
}

// origin describes a skill whose files are where place puts them.
func origin(s Skill, o Options, place func(path string) string) Origin {
	from := Origin{Manifest: s.Manifest, Document: string(s.document()), At: map[string]string{}, Gate: s.Gate}
	for p := range s.Code {
		from.At[p] = place(p)
	}
	if s.Lock != nil {
		from.At[skill.LockFile] = place(skill.LockFile)
	}
	for _, c := range s.Cases {
		if o.Cases {
			from.Cases = append(from.Cases, c.ID)
		}
	}
	return from
}

// document is the SKILL.md as it was saved.
func (s Skill) document() []byte {
	if s.DocumentText != nil {
		return s.DocumentText
	}
	return s.Document.Render()
}

// seal adds provenance and sums to a tree that is complete otherwise.
func seal(t Tree, format string, skills []Origin) error {
	if err := t.putProvenance(ProvenanceFile, format, skills); err != nil {
		return err
	}
	t.Put(SumsFile, t.sums())
	return nil
}

// putProvenance describes a tree as it stands.
func (t Tree) putProvenance(at, format string, skills []Origin) error {
	return t.putJSON(at, Provenance{Format: format, FormatVersion: FormatVersion, Skills: skills, Files: t.files()})
}

// putJSON adds a file of JSON that people can read.
func (t Tree) putJSON(at string, value any) error {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("write %s: %w", at, err)
	}
	t.Put(at, out.Bytes())
	return nil
}

func (t Tree) files() []FileSum {
	list := make([]FileSum, 0, len(t))
	for _, p := range t.Paths() {
		list = append(list, FileSum{Path: p, SHA256: sum(t[p].Data), Size: len(t[p].Data), Executable: t[p].Executable})
	}
	return list
}

// sums lists the digests of all files.
func (t Tree) sums() []byte {
	var b strings.Builder
	for _, p := range t.Paths() {
		fmt.Fprintf(&b, "%s  %s\n", sum(t[p].Data), p)
	}
	return []byte(b.String())
}

// Refs are the versions of an artifact.
func (p Provenance) Refs() []Ref {
	list := make([]Ref, 0, len(p.Skills))
	for _, s := range p.Skills {
		list = append(list, Ref{Name: s.Manifest.Name, Version: s.Manifest.Version, Digest: s.Manifest.Digest})
	}
	return list
}
