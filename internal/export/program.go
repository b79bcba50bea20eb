package export

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"agentfactory/internal/export/standalone"
	"agentfactory/internal/skill"
)

// A program is a skill that Python can run, as all formats hold it:
//
//	NAME.py            the launcher: python NAME.py QUERY
//	skill/             the skill's files, byte for byte as they were saved
//	runtime/           the modules that it imports: tools, llm and what runs them
const (
	codeDir    = "skill"
	runtimeDir = "runtime"
)

// program is the files of a program.
func program(s Skill) Tree {
	t := Tree{}
	t.PutScript(launcherFile(s), launcher(s))
	for p, data := range s.Code {
		t.Put(path.Join(codeDir, p), data)
		if f, ok := s.Manifest.File(p); ok && f.Executable {
			t[path.Join(codeDir, p)] = File{Data: data, Executable: true}
		}
	}
	if s.Lock != nil {
		t.Put(path.Join(codeDir, skill.LockFile), s.Lock)
	}
	for name, data := range standalone.Files(s.Manifest.Tools) {
		t.Put(path.Join(runtimeDir, name), data)
	}
	return t
}

func launcherFile(s Skill) string { return s.Manifest.Name + ".py" }

// inProgram is where a file of a skill lies in its program.
func inProgram(p string) string { return path.Join(codeDir, p) }

// launcherStart keeps the launcher's own directory out of the import path: skills are called calendar or json, too. It
// leaves no bytecode behind, so that an artifact stays what its sums say.
const launcherStart = `import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [os.path.join(HERE, "` + runtimeDir + `")] + [p for p in sys.path if os.path.abspath(p) != HERE]
sys.dont_write_bytecode = True
import run  # noqa: E402

`

func launcher(s Skill) []byte {
	var b strings.Builder
	b.WriteString("#!/usr/bin/env python3\n" + needsOf(s).header())
	fmt.Fprintf(&b, "# The skill %s, version %d. Its own code is in %s/.\n", s.Manifest.Name, s.Manifest.Version, codeDir)
	b.WriteString(launcherStart + skillValue(s) + "\nif __name__ == \"__main__\":\n    run.main(SKILL)\n")
	return []byte(b.String())
}

// skillValue tells the modules of package standalone what they run.
func skillValue(s Skill) string {
	n := needsOf(s)
	var b strings.Builder
	b.WriteString("SKILL = run.Skill(\n")
	for _, f := range []struct{ name, value string }{
		{"base", "HERE"},
		{"name", pythonString(s.Manifest.Name)},
		{"version", pythonString(strconv.Itoa(s.Manifest.Version))},
		{"description", pythonString(description(s))},
		{"query", pythonString(query(s))},
		{"entry", pythonString(inProgram(s.Manifest.EntryFile))},
		{"paths", pythonList([]string{codeDir})},
		{"tools", pythonList(s.Manifest.Tools)},
		{"model", pythonBool(n.Model)},
		{"audio", pythonBool(n.Audio)},
		{"requires", pythonList(n.Packages)},
	} {
		fmt.Fprintf(&b, "    %s=%s,\n", f.name, f.value)
	}
	b.WriteString(")\n")
	return b.String()
}

func pythonBool(value bool) string {
	if value {
		return "True"
	}
	return "False"
}
