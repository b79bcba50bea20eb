package check

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"agentfactory/internal/export"
	"agentfactory/internal/skill"
)

// maxCaseFile bounds an input file that is looked at, in bytes; an export holds none that is larger.
const maxCaseFile = 256 << 10

// texts is what is exported of a skill beside its code, by the name that findings give it.
func texts(s export.Skill) map[string][]byte {
	all := map[string][]byte{skill.DocumentFile: s.Document.Render()}
	for _, c := range s.Cases {
		at := "cases/" + c.ID + "/"
		all[at+"query"], all[at+"answer"] = []byte(c.Query), []byte(c.Answer)
		for path, data := range c.Files {
			if len(data) <= maxCaseFile {
				all[at+"files/"+path] = data
			}
		}
	}
	return all
}

// minSecret is the length in bytes from which one of the worker's own secrets is looked for: shorter ones stand everywhere.
const minSecret = 6

// ownSecrets finds the worker's keys, wherever they are.
func (c *Checker) ownSecrets(s export.Skill) []Finding {
	var found []Finding
	for _, files := range []map[string][]byte{s.Code, texts(s), {skill.LockFile: s.Lock}} {
		for path, data := range files {
			for _, secret := range c.config.Secrets {
				if at := bytes.Index(data, []byte(secret)); at >= 0 && len(secret) >= minSecret {
					found = append(found, Finding{File: path, Line: lineAt(data, at), Rule: RuleSecret, Severity: Error,
						Message: "it holds one of this worker's own keys; read it from the environment, and change the key"})
				}
			}
		}
	}
	return found
}

// oddPaths finds files that a linter would pass over for their name, and that Windows cannot hold.
func oddPaths(s export.Skill) []Finding {
	var found []Finding
	for path := range s.Code {
		if strings.ContainsFunc(path, func(r rune) bool { return r == ':' || r == '\\' || !unicode.IsPrint(r) }) {
			found = append(found, Finding{File: path, Line: 1, Rule: RulePath, Severity: Error,
				Message: "its path holds a colon, a backslash or what does not print; rename it"})
		}
	}
	return found
}

// lay writes files into a new directory. A path that leads out of it is refused, and so is one that no file system holds.
func lay(dir string, files map[string][]byte) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if strings.ContainsRune(path, 0) || !utf8.ValidString(path) {
			return fmt.Errorf("file %q: no file system holds this path", path)
		}
		if err := root.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := root.WriteFile(path, files[path], 0o644); err != nil {
			return err
		}
	}
	return nil
}
