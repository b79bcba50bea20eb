package export

import (
	"embed"
	"fmt"
	"strings"

	"agentfactory/internal/export/onefile"
)

// scriptEnd is what a single file does with what is in it.
//
//go:embed python/script/unpack.py
var scriptEnd embed.FS

// digestMark begins the line by which a single file is known to be whole: the SHA-256 of all other lines.
const digestMark = "agentfactory-digest: sha256:"

// script makes one Python file with everything in it, for uv run or plain Python.
func script(skills []Skill, o Options) (Artifact, error) {
	s, err := one(skills)
	if err != nil {
		return Artifact{}, err
	}
	inside := program(s)
	if err := inside.putProvenance(ProvenanceFile, "python-script", []Origin{origin(s, o, inProgram)}); err != nil {
		return Artifact{}, err
	}
	end, err := scriptEnd.ReadFile("python/script/unpack.py")
	if err != nil {
		return Artifact{}, fmt.Errorf("read the end of scripts: %w", err)
	}
	files := map[string][]byte{}
	for p, f := range inside {
		files[p] = f.Data
	}
	top := "#!/usr/bin/env python3\n" + needsOf(s).header()
	rest := scriptStart(s) + string(onefile.Write(files)) + "PROGRAM = " + pythonString(launcherFile(s)) + "\n\n\n" + string(end)
	a := Artifact{
		Format: "python-script", Name: s.Manifest.Name, File: fileName(s, "py"), Data: withDigest(inScript, top, rest), Skills: refs(skills),
		Programs: map[string]string{s.Manifest.Name: fileName(s, "py")},
	}
	a.Tree = Tree{a.File: {Data: a.Data, Executable: true}}
	return a, nil
}

// scriptStart keeps the script's own directory out of the import path, for it may be called json.py.
func scriptStart(s Skill) string {
	return fmt.Sprintf(`# The skill %s, version %d, in one file: FILES has its code (%s/), what the code imports (%s/) and where it
# comes from. Run it with a query, or with --help.
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [p for p in sys.path if os.path.abspath(p) != HERE]
import base64  # noqa: E402
import signal  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402

`, s.Manifest.Name, s.Manifest.Version, codeDir, runtimeDir)
}

// digestLines are how the line stands in a script and in a prompt.
var digestLines = []struct{ before, after string }{{"# " + digestMark, "\n"}, {"<!-- " + digestMark, " -->\n"}}

const (
	inScript = iota
	inPrompt
)

// withDigest puts a line between two texts that has the digest of both.
func withDigest(kind int, top, rest string) []byte {
	line := digestLines[kind]
	return []byte(top + line.before + sum([]byte(top+rest)) + line.after + rest)
}

// maxTop bounds where the line is looked for, in bytes.
const maxTop = 64 << 10

// withoutDigest undoes withDigest. ok is false if there is no such line near the top.
func withoutDigest(data []byte) (rest []byte, digest string, ok bool) {
	text, at := string(data), 0
	for line := range strings.Lines(text[:min(len(text), maxTop)]) {
		for _, l := range digestLines {
			if len(line) == len(l.before)+64+len(l.after) && strings.HasPrefix(line, l.before) && strings.HasSuffix(line, l.after) {
				return []byte(text[:at] + text[at+len(line):]), line[len(l.before):][:64], true
			}
		}
		at += len(line)
	}
	return nil, "", false
}
