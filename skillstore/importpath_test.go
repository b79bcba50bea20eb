package skillstore_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/export/onefile"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// stored is a version with the files that it has in the library.
type stored struct {
	manifest skill.Manifest
	files    map[string][]byte
}

func storedVersion(t testing.TB, s skillstore.Store, d skillstore.Draft) stored {
	t.Helper()
	m, err := s.AddVersion(t.Context(), d)
	require.NoError(t, err)
	v := stored{m, map[string][]byte{}}
	for _, f := range m.Files {
		v.files[f.Path], err = s.File(t.Context(), m.Name, m.Version, f.Path)
		require.NoError(t, err)
	}
	return v
}

// artifact lays versions out as an export does: prefix is where a skill's program lies, root where the provenance does.
func artifact(t testing.TB, provenanceAt, root, prefix string, versions ...stored) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	var skills []any
	for _, v := range versions {
		home := strings.ReplaceAll(prefix, "NAME", v.manifest.Name)
		at := map[string]string{}
		for p, data := range v.files {
			if p != skill.DocumentFile {
				at[p] = home + "skill/" + p
				files[root+at[p]] = data
			}
		}
		for _, name := range []string{"run.py", "tools.py", "llm.py"} {
			files[root+home+"runtime/"+name] = []byte("def main(skill): pass\n")
		}
		files[root+home+v.manifest.Name+".py"] = []byte("import run\n")
		skills = append(skills, map[string]any{"manifest": v.manifest, "document": string(v.files[skill.DocumentFile]), "at": at})
	}
	p, err := json.Marshal(map[string]any{"format": "any", "format_version": 1, "skills": skills})
	require.NoError(t, err)
	files[provenanceAt] = p
	return files
}

func zipped(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, p := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(p)
		require.NoError(t, err)
		_, err = f.Write(files[p])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

func written(t testing.TB, name string, data []byte) string {
	t.Helper()
	at := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(at, data, 0o644))
	return at
}

func laidOut(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for p, data := range files {
		at := filepath.Join(dir, filepath.FromSlash(p))
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		require.NoError(t, os.WriteFile(at, data, 0o644))
	}
	return dir
}

func TestExportsOfEveryFormatComeBackAsTheSameVersions(t *testing.T) {
	s := skillstore.New(s3test.Bucket(t))
	one := storedVersion(t, s, wordCount())
	other := wordCount()
	other.Name = "second-count"
	two := storedVersion(t, s, other)

	directory := artifact(t, "word-count/provenance.json", "word-count/", "scripts/", one)
	directory["word-count/SKILL.md"] = []byte("---\nname: word-count\ndescription: of the export\n---\nBody")
	hidden := map[string][]byte{}
	for p, data := range directory {
		hidden[".claude/skills/"+p] = data
	}
	plugin := artifact(t, "set/provenance.json", "set/", "skills/NAME/scripts/", one, two)
	for p, data := range artifact(t, "set/skills/word-count/provenance.json", "set/skills/word-count/", "scripts/", one) {
		plugin[p] = data // each directory of a plugin is an export of its own
	}
	wheel := artifact(t, "word_count_skill-1.dist-info/provenance.json", "", "word_count_skill/_program/", one)
	script := append([]byte("#!/usr/bin/env python3\nimport base64\n"), onefile.Write(artifact(t, "provenance.json", "", "", one))...)

	for name, c := range map[string]struct {
		path string
		want []stored
	}{
		"agent-skills":                 {written(t, "word-count-1.agent-skills.zip", zipped(t, directory)), []stored{one}},
		"agent-skills, unpacked":       {laidOut(t, directory), []stored{one}},
		"its directory":                {filepath.Join(laidOut(t, directory), "word-count"), []stored{one}},
		"the layout of a host":         {written(t, "claude.zip", zipped(t, hidden)), []stored{one}},
		"the layout of a host, in use": {laidOut(t, hidden), []stored{one}},
		"a plugin":                     {written(t, "set.claude-plugin.zip", zipped(t, plugin)), []stored{two, one}},
		"a plugin, unpacked":           {laidOut(t, plugin), []stored{two, one}},
		"a wheel":                      {written(t, "word_count_skill-1-py3-none-any.whl", zipped(t, wheel)), []stored{one}},
		"a single script":              {written(t, "word-count.py", script), []stored{one}},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := skillstore.ImportPath(c.path)
			require.NoError(t, err)
			require.Len(t, found, len(c.want))
			elsewhere := skillstore.New(s3test.Bucket(t))
			for i, want := range c.want {
				require.Empty(t, found[i].Changes)
				require.Equal(t, skill.SourceImport, found[i].Draft.Lineage.Source)
				again := storedVersion(t, elsewhere, found[i].Draft)
				require.Equal(t, want.manifest.Digest, again.manifest.Digest)
				require.Empty(t, cmp.Diff(want.files, again.files))
			}
		})
	}
}

func TestAnExportThatWasEditedIsImportedAndToldOf(t *testing.T) {
	one := storedVersion(t, skillstore.New(s3test.Bucket(t)), wordCount())
	files := artifact(t, "provenance.json", "", "scripts/", one)
	files["scripts/skill/subagent.py"] = append(files["scripts/skill/subagent.py"], "# better\n"...)
	found, err := skillstore.ImportPath(laidOut(t, files))
	require.NoError(t, err)
	require.Equal(t, []string{"word-count: its files were changed since version 1 was exported"}, found[0].Changes)
	require.Contains(t, string(found[0].Draft.Files["subagent.py"]), "# better")
}

func TestAnExportWithoutItsProvenanceLeavesBehindWhatWasAdded(t *testing.T) {
	one := storedVersion(t, skillstore.New(s3test.Bucket(t)), wordCount())
	files := artifact(t, "provenance.json", "", "scripts/", one)
	delete(files, "provenance.json")
	files["SKILL.md"] = []byte("---\nname: word-count\ndescription: Counts.\nmetadata:\n  agentfactory-entry-file: scripts/skill/subagent.py\n  agentfactory-digest: \"1\"\n---\nCall scripts/word-count.py")
	files["evals/evals.json"], files["SHA256SUMS"], files["LICENSE"] = []byte("{}"), []byte("x"), []byte("MIT")
	found, err := skillstore.ImportPath(laidOut(t, files))
	require.NoError(t, err)
	want := append(sortedPaths(one.files), "LICENSE")
	slices.Sort(want)
	require.Equal(t, want, sortedPaths(found[0].Draft.Files))
	require.Equal(t, "subagent.py", found[0].Draft.EntryFile)
	require.NotContains(t, string(found[0].Draft.Files["SKILL.md"]), "scripts/word-count.py")
	require.Contains(t, found[0].Changes, "scripts/runtime: left out, it is what the export added; SKILL.md was written anew")
}

func TestACheckoutBringsAllItsSkills(t *testing.T) {
	document := func(name string) []byte {
		return []byte("---\nname: " + name + "\ndescription: d\n---\n")
	}
	files := map[string][]byte{
		".git/config": []byte("x"), ".git/objects/aa/SKILL.md": document("ghost"), "README.md": []byte("# Skills"), "tools/build.py": []byte("x = 1\n"),
		"skills/b/SKILL.md": document("b"), "skills/b/run.py": []byte(entry), "skills/b/__pycache__/run.pyc": []byte("x"),
		".agents/skills/a/SKILL.md": document("a"), ".agents/skills/a/run.py": []byte(entry), ".agents/skills/a/.env": []byte("KEY=1"),
		"skills/b/examples/SKILL.md": document("nested"),
	}
	for name, path := range map[string]string{"a directory": laidOut(t, files), "an archive of it": written(t, "main.zip", zipped(t, files))} {
		t.Run(name, func(t *testing.T) {
			found, err := skillstore.ImportPath(path)
			require.NoError(t, err)
			require.Len(t, found, 2)
			require.Equal(t, []string{"SKILL.md", "run.py"}, sortedPaths(found[0].Draft.Files))
			require.Contains(t, found[0].Changes, ".env: left out, it is hidden")
			require.Equal(t, []string{"SKILL.md", "examples/SKILL.md", "run.py"}, sortedPaths(found[1].Draft.Files))
			require.Contains(t, found[1].Changes, "__pycache__: left out, it is compiled Python")
		})
	}
}

// member adds a member with whatever header to an archive of a good skill.
func member(t testing.TB, h *zip.FileHeader, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for p, text := range map[string]string{"x/SKILL.md": "---\nname: x\ndescription: d\n---\n", "x/a.py": entry} {
		f, err := w.Create(p)
		require.NoError(t, err)
		_, err = f.Write([]byte(text))
		require.NoError(t, err)
	}
	f, err := w.CreateHeader(h)
	require.NoError(t, err)
	_, err = f.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func ofMode(name string, mode fs.FileMode) *zip.FileHeader {
	h := &zip.FileHeader{Name: name}
	h.SetMode(mode)
	return h
}

func TestHostileArchivesAreRefused(t *testing.T) {
	document := []byte("---\nname: x\ndescription: d\n---\n")
	many := map[string][]byte{"SKILL.md": document, "a.py": []byte(entry)}
	for i := range 10_000 {
		many[fmt.Sprintf("data/%d.txt", i)] = nil
	}
	large := map[string][]byte{"SKILL.md": document, "a.py": []byte(entry)}
	for i := range 6 {
		large[fmt.Sprintf("data/%d.bin", i)] = make([]byte, 7<<20)
	}
	wide := map[string][]byte{}
	for i := range 18 {
		home := fmt.Sprintf("s%d/", i)
		wide[home+"SKILL.md"], wide[home+"a.py"], wide[home+"data.bin"] = []byte(strings.Replace(string(document), "name: x", fmt.Sprintf("name: s%d", i), 1)), []byte(entry), make([]byte, 8<<20)
	}
	nested := map[string][]byte{strings.Repeat("d/", 30) + "a.py": []byte(entry)}
	provenance := func(text string) []byte { return zipped(t, map[string][]byte{"provenance.json": []byte(text)}) }
	for _, c := range []struct {
		name, says string
		data       []byte
	}{
		{"a path that leads out", `"../a.py", a path that leads out`, member(t, ofMode("../a.py", 0o644), nil)},
		{"a path that leads out and back", "leads out", member(t, ofMode("x/../../x/a.py", 0o644), nil)},
		{"an absolute path", "leads out", member(t, ofMode("/etc/passwd", 0o644), nil)},
		{"a path of Windows", "leads out", member(t, ofMode(`..\a.py`, 0o644), nil)},
		{"a symbolic link", "symbolic link", member(t, ofMode("x/passwd", fs.ModeSymlink|0o777), []byte("/etc/passwd"))},
		{"a device", "no regular file", member(t, ofMode("x/null", fs.ModeDevice|fs.ModeCharDevice|0o666), nil)},
		{"a pipe", "no regular file", member(t, ofMode("x/pipe", fs.ModeNamedPipe|0o666), nil)},
		{"a file twice", `holds "x/a.py" twice`, member(t, ofMode("x/a.py", 0o644), nil)},
		{"an encrypted file", "encrypted", member(t, &zip.FileHeader{Name: "x/b.py", Flags: 1}, nil)},
		{"10,000 files", "more than 4096 files", zipped(t, many)},
		{"a file that unpacks to eight times what it may have", "at most 8388608 are allowed", member(t, &zip.FileHeader{Name: "x/a.bin", Method: zip.Deflate}, make([]byte, 64<<20))},
		{"files that are too much together", "together 33554432 bytes", zipped(t, large)},
		{"skills that are too much together", "more than 134217728 bytes together", zipped(t, wide)},
		{"folders without end", "folders deep", zipped(t, nested)},
		{"an archive that breaks off", "no ZIP archive that can be read", zipped(t, map[string][]byte{"SKILL.md": document})[:60]},
		{"an archive without a skill", "there is no SKILL.md", zipped(t, map[string][]byte{"a.py": []byte(entry)})},
		{"no archive", "no export of a skill in one file", []byte("print('hello')\n")},
		{"an empty file", "no export of a skill in one file", nil},
		{"a script whose files lead out", "leads out", append([]byte("x\n"), onefile.Write(map[string][]byte{"../a.py": nil})...)},
		{"a layout of the future", "only a newer version reads", provenance(`{"format_version": 2, "skills": [{}]}`)},
		{"provenance that leads out", `there is no file "../etc/passwd"`, provenance(`{"format_version": 1, "skills": [{"manifest": {"name": "x", "description": "d", "entry_file": "a.py"}, "at": {"a.py": "../etc/passwd"}}]}`)},
		{"provenance without its files", `there is no file "a.py"`, provenance(`{"format_version": 1, "skills": [{"manifest": {"name": "x"}, "at": {"a.py": "a.py"}}]}`)},
		{"provenance of a skill with a wrong name", "name", zipped(t, map[string][]byte{"a.py": []byte(entry),
			"provenance.json": []byte(`{"format_version": 1, "skills": [{"manifest": {"name": "../x", "description": "d", "entry_file": "a.py"}, "document": "---\nname: x\n---\n", "at": {"a.py": "a.py"}}]}`)})},
		{"two skills of one name", "two skills x", zipped(t, map[string][]byte{"a/SKILL.md": document, "a/a.py": []byte(entry), "b/SKILL.md": document, "b/a.py": []byte(entry)})},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := skillstore.ImportPath(written(t, "x.zip", c.data))
			require.ErrorIs(t, err, skillstore.ErrInvalid)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "\n")
		})
	}
	_, err := skillstore.ImportPath(filepath.Join(t.TempDir(), "nothing"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = skillstore.ImportPath("/dev/null")
	require.ErrorContains(t, err, "neither a directory nor a regular file")
}

// A member may say that it is small and unpack to more.
func TestASizeThatIsALieIsNotBelieved(t *testing.T) {
	data := member(t, &zip.FileHeader{Name: "x/a.bin", Method: zip.Deflate}, make([]byte, 9<<20))
	said := []byte{0, 0, 0x90, 0} // 9 MiB, little-endian
	require.Positive(t, bytes.Count(data, said))
	_, err := skillstore.ImportPath(written(t, "x.zip", bytes.ReplaceAll(data, said, []byte{1, 0, 0, 0})))
	require.ErrorIs(t, err, skillstore.ErrInvalid)
}

func FuzzImportedFilesAreThoseOfASkill(f *testing.F) {
	f.Add(zipped(f, map[string][]byte{"x/SKILL.md": []byte("---\nname: x\ndescription: d\n---\n"), "x/a.py": []byte(entry)}))
	f.Add(zipped(f, map[string][]byte{"provenance.json": []byte(`{"format_version": 1, "skills": [{"manifest": {"name": "x"}, "at": {"a.py": "a.py"}}]}`)}))
	f.Add(append([]byte("x\n"), onefile.Write(map[string][]byte{"SKILL.md": []byte("---\nname: x\ndescription: d\n---\n"), "a.py": []byte(entry)})...))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, data []byte) {
		found, err := skillstore.ImportPath(written(t, "x", data))
		if err != nil {
			require.ErrorIs(t, err, skillstore.ErrInvalid)
			require.NotContains(t, err.Error(), "\n")
			return
		}
		require.NotEmpty(t, found)
		for _, i := range found {
			require.NoError(t, skill.CheckName(i.Draft.Name))
			require.Contains(t, i.Draft.Files, i.Draft.EntryFile)
			for p := range i.Draft.Files {
				require.True(t, fs.ValidPath(p), p)
			}
		}
	})
}
