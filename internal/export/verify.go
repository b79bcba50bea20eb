package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"agentfactory/internal/export/onefile"
	"agentfactory/internal/skill"
)

// Report is what Verify found. Sums tell whether an artifact is whole and agrees with itself; who made it they cannot tell:
// for that, compare SHA256 with what the library recorded when it was shipped.
type Report struct {
	Format   string    `json:"format"`
	Skills   []Ref     `json:"skills"`
	Files    int       `json:"files"`            // that were compared
	SHA256   string    `json:"sha256,omitempty"` // of the artifact's file; "" for a directory
	Problems []Problem `json:"problems,omitempty"`
}

// Problem is one thing that is not as it was made.
type Problem struct {
	Path    string `json:"path"` // in the artifact; "" for all of it
	Message string `json:"message"`
}

func (p Problem) String() string {
	if p.Path == "" {
		return p.Message
	}
	return p.Path + ": " + p.Message
}

// OK tells whether the artifact is as it was made.
func (r Report) OK() bool { return len(r.Problems) == 0 }

func (r *Report) problem(at, format string, args ...any) {
	r.Problems = append(r.Problems, Problem{Path: at, Message: fmt.Sprintf(format, args...)})
}

// Verify compares an artifact, a file or an unpacked directory, with what it says of itself: each file has its digest, none
// is missing or unlisted, and the code is that of the versions that it names. The error is ErrNotAnArtifact, or that of
// reading.
func Verify(name string) (Report, error) {
	info, err := os.Stat(name)
	if err != nil {
		return Report{}, err
	}
	if info.IsDir() {
		t, err := readDirectory(name)
		if err != nil {
			return Report{}, err
		}
		return t.verify()
	}
	data, err := readFile(name)
	if err != nil {
		return Report{}, err
	}
	r, err := VerifyBytes(data)
	if err != nil {
		return Report{}, fmt.Errorf("%s: %w", path.Base(name), err)
	}
	return r, nil
}

// VerifyBytes is Verify for the bytes of an artifact's file.
func VerifyBytes(data []byte) (Report, error) {
	r, err := verifyBytes(data)
	r.SHA256 = sum(data)
	return r, err
}

func verifyBytes(data []byte) (Report, error) {
	if !isZip(data) {
		return verifySingle(data)
	}
	t, err := readZip(data)
	if err != nil {
		return Report{}, err
	}
	r, err := t.verify()
	if err != nil {
		return Report{}, err
	}
	again, err := t.Zip()
	if err != nil {
		return Report{}, err
	}
	if !bytes.Equal(again, data) {
		r.problem("", "the archive is not the one that was made: it was changed or packed again; to judge the files alone, unpack it and verify the directory")
	}
	return r, nil
}

// verify judges a wheel, or whatever has sums.
func (t Tree) verify() (Report, error) {
	for _, p := range t.Paths() {
		if dir := path.Dir(p); strings.HasSuffix(dir, ".dist-info") && path.Base(p) == recordFile && !strings.Contains(dir, "/") {
			return t.verifyWheel(dir)
		}
	}
	root, ok := t.root()
	if !ok {
		return Report{}, notAnArtifact("it has no %s, and is no wheel", SumsFile)
	}
	return t.verifySums(root)
}

// root is the directory of the uppermost list of sums, "" or one that ends with a slash.
func (t Tree) root() (string, bool) {
	found, ok := "", false
	for _, p := range t.Paths() {
		if dir, is := strings.CutSuffix(p, SumsFile); is && (dir == "" || strings.HasSuffix(dir, "/")) && (!ok || strings.Count(dir, "/") < strings.Count(found, "/")) {
			found, ok = dir, true
		}
	}
	return found, ok
}

func (t Tree) verifySums(root string) (Report, error) {
	r := Report{}
	inside := Tree{}
	for p, f := range t {
		if below, ok := strings.CutPrefix(p, root); ok {
			inside[below] = f
		} else {
			r.problem(p, "it does not belong to the artifact")
		}
	}
	listed, err := parseSums(inside[SumsFile].Data)
	if err != nil {
		return Report{}, err
	}
	r.compare(inside, listed, SumsFile)
	err = r.provenance(inside, ProvenanceFile, []string{ProvenanceFile, SumsFile})
	return r, err
}

// parseSums reads what sha256sum writes.
func parseSums(data []byte) (map[string]string, error) {
	listed := map[string]string{}
	for line := range strings.Lines(string(data)) {
		digest, p, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if _, twice := listed[p]; !ok || twice || len(digest) != 64 || !cleanPath(p) {
			return nil, notAnArtifact("%s: %.200q is no line of sums", SumsFile, line)
		}
		listed[p] = digest
	}
	return listed, nil
}

// compare holds files against their digests in hexadecimal. The list itself is not in it.
func (r *Report) compare(t Tree, listed map[string]string, list string) {
	for _, p := range t.Paths() {
		switch digest, ok := listed[p]; {
		case p == list:
		case !ok:
			r.problem(p, "it is not listed in %s", list)
		case digest != sum(t[p].Data):
			r.problem(p, "its content is not that of %s", list)
		}
		delete(listed, p)
		r.Files++
	}
	for p := range listed {
		r.problem(p, "it is missing")
	}
	slices.SortFunc(r.Problems, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
}

// verifySingle judges a script or a prompt.
func verifySingle(data []byte) (Report, error) {
	rest, digest, ok := withoutDigest(data)
	if !ok {
		return Report{}, notAnArtifact("it is no archive and has no line %q near its top", digestMark+"…")
	}
	r := Report{Format: "prompt", Files: 1}
	if digest != sum(rest) {
		r.problem("", "its content is not that of the digest near its top")
	}
	files, err := onefile.Read(data)
	if errors.Is(err, onefile.ErrNoFiles) && !bytes.Contains(data, []byte("\nFILES = ")) {
		r.Skills = promptSkills(data)
		return r, nil
	}
	if err != nil {
		return Report{}, notAnArtifact("%w", err)
	}
	inside := Tree{}
	for p, content := range files {
		inside[p] = File{Data: content}
	}
	r.Files = len(files)
	err = r.provenance(inside, ProvenanceFile, []string{ProvenanceFile})
	return r, err
}

// provenance holds what an artifact says of its origin against its files, but for those of the record itself.
func (r *Report) provenance(t Tree, at string, record []string) error {
	var p Provenance
	if err := json.Unmarshal(t[at].Data, &p); err != nil {
		return notAnArtifact("%s cannot be read: %w", at, err)
	}
	r.Format, r.Skills = p.Format, p.Refs()
	if p.FormatVersion != FormatVersion {
		return notAnArtifact("%s has format version %d, this program knows %d", at, p.FormatVersion, FormatVersion)
	}
	r.files(t, p.Files, record)
	for _, o := range p.Skills {
		r.origin(t, o)
	}
	return nil
}

func (r *Report) files(t Tree, listed []FileSum, record []string) {
	known := map[string]bool{}
	for _, f := range listed {
		known[f.Path] = true
		if file, ok := t[f.Path]; !ok || sum(file.Data) != f.SHA256 || len(file.Data) != f.Size {
			r.problem(f.Path, "its content is not that of %s", ProvenanceFile)
		}
	}
	for _, p := range t.Paths() {
		if !known[p] && !slices.Contains(record, p) {
			r.problem(p, "it is not listed in %s", ProvenanceFile)
		}
	}
}

// origin recomputes the digest of a version from what is said of it, and holds its files against it.
func (r *Report) origin(t Tree, o Origin) {
	m := o.Manifest
	if got := m.ContentDigest(); got != m.Digest {
		r.problem(ProvenanceFile, "%s: what is said of version %d has the digest %.12s, not %.12s", m.Name, m.Version, got, m.Digest)
	}
	for _, f := range m.Files {
		content := []byte(o.Document)
		if f.Path != skill.DocumentFile {
			content = t[o.At[f.Path]].Data
		}
		if sum(content) != f.Digest {
			r.problem(o.At[f.Path], "it is not the %s of %s, version %d", f.Path, m.Name, m.Version)
		}
	}
}
