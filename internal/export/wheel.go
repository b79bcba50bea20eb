package export

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
)

// wheelModules are the modules of a wheel that are the same for all skills.
//
//go:embed python/*.py python/__init__.py python/__main__.py python/_run.py python/_server.py
var wheelModules embed.FS

// extras are what a wheel works with if asked to: pip install 'FILE[langchain]'.
var extras = []struct{ name, requirement string }{
	{"autogen", "autogen-core>=0.7,<0.8"},
	{"browser", playwright},
	{"langchain", "langchain-core>=1,<2"},
	{"mcp", "mcp>=2,<3"},
}

// wheel makes a pure Python wheel (packaging.python.org, binary distribution format): a zip whose RECORD has the digest of
// every file.
func wheel(skills []Skill, o Options) (Artifact, error) {
	s, err := one(skills)
	if err != nil {
		return Artifact{}, err
	}
	pkg := packageName(s)
	distribution := strings.ReplaceAll(s.Manifest.Name, "-", "_") + "_skill-" + fmt.Sprint(s.Manifest.Version)
	info := distribution + ".dist-info"
	t, err := wheelPackage(s)
	if err != nil {
		return Artifact{}, err
	}
	t = t.Under(pkg)
	t.Put(path.Join(info, "METADATA"), wheelMetadata(s, o))
	t.Put(path.Join(info, "WHEEL"), []byte("Wheel-Version: 1.0\nGenerator: agentfactory\nRoot-Is-Purelib: true\nTag: py3-none-any\n"))
	t.Put(path.Join(info, "entry_points.txt"), []byte("[console_scripts]\n"+s.Manifest.Name+"-skill = "+pkg+".__main__:main\n"))
	from := origin(s, o, func(p string) string { return path.Join(pkg, programDir, inProgram(p)) })
	if err := t.putProvenance(path.Join(info, ProvenanceFile), "python", []Origin{from}); err != nil {
		return Artifact{}, err
	}
	record, err := t.record(path.Join(info, recordFile))
	if err != nil {
		return Artifact{}, err
	}
	t.Put(path.Join(info, recordFile), record)
	a := Artifact{
		Format: "python", Name: s.Manifest.Name, File: distribution + "-py3-none-any.whl", Tree: t, Skills: refs(skills),
		Programs: map[string]string{s.Manifest.Name: path.Join(pkg, programDir, launcherFile(s))},
	}
	a.Data, err = t.Zip()
	return a, err
}

const (
	programDir = "_program"
	recordFile = "RECORD"
)

// packageName is the package to import: word_count_skill. No other skill has it, for a name begins with no hyphen.
func packageName(s Skill) string {
	name := strings.ReplaceAll(s.Manifest.Name, "-", "_") + "_skill"
	if name[0] <= '9' {
		return "_" + name
	}
	return name
}

// wheelPackage is the content of the package.
func wheelPackage(s Skill) (Tree, error) {
	t := program(s).Under(programDir)
	for _, name := range []string{"__init__.py", "__main__.py", "_run.py", "_server.py", "autogen.py", "langchain.py", "mcp.py"} {
		data, err := wheelModules.ReadFile("python/" + name)
		if err != nil {
			return nil, fmt.Errorf("read a module of wheels: %w", err)
		}
		t.Put(name, []byte(strings.ReplaceAll(string(data), "PACKAGE", packageName(s))))
	}
	t.Put("_about.py", about(s))
	t.Put("py.typed", nil)
	return t, nil
}

// about is the module of constants.
func about(s Skill) []byte {
	var b strings.Builder
	b.WriteString("\"\"\"What this skill is.\"\"\"\n")
	for _, c := range []struct{ name, value string }{
		{"NAME", s.Manifest.Name},
		{"VERSION", fmt.Sprint(s.Manifest.Version)},
		{"DESCRIPTION", description(s)},
		{"QUERY", query(s)},
		{"PROGRAM", launcherFile(s)},
	} {
		fmt.Fprintf(&b, "%s = %s\n", c.name, pythonString(c.value))
	}
	return []byte(b.String())
}

// wheelMetadata is METADATA, by the core metadata specification 2.1.
func wheelMetadata(s Skill, o Options) []byte {
	n := needsOf(s)
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, oneLine(value))
		}
	}
	field("Metadata-Version", "2.1")
	field("Name", s.Manifest.Name+"-skill")
	field("Version", fmt.Sprint(s.Manifest.Version))
	field("Summary", clipped(description(s), 500))
	field("License", license(s, o))
	field("Requires-Python", n.Python)
	for _, p := range n.Packages {
		field("Requires-Dist", p)
	}
	for _, e := range extras {
		field("Provides-Extra", e.name)
		field("Requires-Dist", fmt.Sprintf("%s; extra == %q", e.requirement, e.name))
	}
	field("Description-Content-Type", "text/markdown; charset=UTF-8")
	b.WriteString("\n" + wheelReadme(s, n))
	return []byte(b.String())
}

func wheelReadme(s Skill, n needs) string {
	pkg := packageName(s)
	return fmt.Sprintf(`# %[1]s

%[2]s

    from %[3]s import run
    print(run("…")["answer"])

- on a command line: `+"`%[4]s-skill \"…\"` or `python -m %[3]s \"…\"`"+`
- LangChain (extra `+"`langchain`): `from %[3]s.langchain import tool`"+`
- AutoGen (extra `+"`autogen`): `from %[3]s.autogen import tool`"+`
- MCP (extra `+"`mcp`): `python -m %[3]s.mcp`, or with `--http 8000`"+`

The query:

%[5]s

It needs:

%[6]s
`, title(s.Manifest.Name), description(s), pkg, s.Manifest.Name, block(query(s)), items(n.lines()))
}

// record is RECORD: path, digest and size of each file, and itself without.
func (t Tree) record(at string) ([]byte, error) {
	var out strings.Builder
	w := csv.NewWriter(&out)
	for _, p := range t.Paths() {
		digest := sha256.Sum256(t[p].Data)
		if err := w.Write([]string{p, "sha256=" + base64.RawURLEncoding.EncodeToString(digest[:]), fmt.Sprint(len(t[p].Data))}); err != nil {
			return nil, fmt.Errorf("write %s: %w", at, err)
		}
	}
	if err := w.Write([]string{at, "", ""}); err != nil {
		return nil, fmt.Errorf("write %s: %w", at, err)
	}
	w.Flush()
	return []byte(out.String()), w.Error()
}

// verifyWheel judges a wheel by its RECORD.
func (t Tree) verifyWheel(info string) (Report, error) {
	at := path.Join(info, recordFile)
	reader := csv.NewReader(strings.NewReader(string(t[at].Data)))
	reader.FieldsPerRecord = 3
	rows, err := reader.ReadAll()
	if err != nil {
		return Report{}, notAnArtifact("%s cannot be read: %w", at, err)
	}
	listed := map[string]string{}
	for _, row := range rows {
		if row[0] == at {
			continue
		}
		digest, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(row[1], "sha256="))
		if err != nil {
			return Report{}, notAnArtifact("%s: the digest of %.200q cannot be read: %w", at, row[0], err)
		}
		listed[row[0]] = hex.EncodeToString(digest)
	}
	r := Report{}
	r.compare(t, listed, at)
	err = r.provenance(t, path.Join(info, ProvenanceFile), []string{path.Join(info, ProvenanceFile), at})
	return r, err
}
