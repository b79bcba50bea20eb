package evaluation

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"agentfactory/internal/checking"
	"agentfactory/internal/workspace"
)

// words looks at what the task says in its own fields.
func (r *reader) words(t Task) {
	switch {
	case strings.TrimSpace(t.Task) == "":
		r.problem(`task is missing: say in plain words what is to be done, as in {"task": "…"}`)
	case len(t.Task) > MaxTask:
		r.problem("task has %d bytes, at most %d are taken: put long material into an input file (files)", len(t.Task), MaxTask)
	case strings.ContainsRune(t.Task, 0):
		r.problem("task holds a NUL character: take it out")
	}
	if t.ID != "" && !validID.MatchString(t.ID) {
		r.problem("id %.80q: give 1 to 64 letters, digits, dots, underscores and hyphens, the first one a letter or digit", t.ID)
	}
	for _, f := range []struct{ name, value string }{{"batch", t.Batch}, {"category", t.Category}} {
		if len(f.value) > 100 || strings.ContainsFunc(f.value, func(c rune) bool { return c < ' ' }) {
			r.problem("%s %.40q: give at most 100 bytes on one line", f.name, f.value)
		}
	}
}

func (r *reader) paths(files []File) {
	seen := map[string]bool{}
	for _, f := range files {
		if f.Path != "" && seen[f.Path] {
			r.problem("files: path %.100q is given twice: each file needs a path of its own", f.Path)
		}
		seen[f.Path] = true
	}
	for _, f := range files {
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			if seen[dir] {
				r.problem("files: %.100q is a file and the folder of %.100q: rename one of them", dir, f.Path)
			}
		}
	}
	if len(files) > MaxFiles {
		r.problem("files: %d files, at most %d are taken: pack them into an archive, which a subagent can unpack", len(files), MaxFiles)
	}
}

func (r *reader) files(raw json.RawMessage) []File {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		r.problem(`files: give a list, such as ["data/sales.csv"], not %s`, kind(raw))
		return nil
	}
	var files []File
	for i, item := range items {
		files = append(files, r.file(i, item))
	}
	return files
}

func (r *reader) file(i int, raw json.RawMessage) (f File) {
	where := fmt.Sprintf("files[%d]", i)
	if raw[0] == '"' {
		r.text(where, &f.File)(raw)
		if f.File == "" {
			r.problem("%s is empty: name a file", where)
			return f
		}
	} else {
		r.object(raw, where, map[string]func(json.RawMessage){
			"path":   r.text(where+".path", &f.Path),
			"text":   r.text(where+".text", &f.Text),
			"base64": r.text(where+".base64", &f.Base64),
			"key":    r.text(where+".key", &f.Key),
			"file":   r.text(where+".file", &f.File),
		})
	}
	r.content(where, f)
	if f.Path == "" && f.File != "" {
		f.Path = path.Base(f.File)
	}
	clean, err := workspace.CleanPath(f.Path)
	if err != nil {
		r.problem("%s.path: %s", where, err)
	}
	f.Path = clean
	return f
}

func (r *reader) content(where string, f File) {
	given := 0
	for _, s := range []string{f.Text, f.Base64, f.Key, f.File} {
		if s != "" {
			given++
		}
	}
	switch {
	case given > 1:
		r.problem("%s: give one of text, base64, key and file", where)
	case f.Key != "" && !strings.HasPrefix(f.Key, "blobs/sha256/"):
		r.problem("%s.key %.100q: give the key of an uploaded object, which begins with blobs/sha256/", where, f.Key)
	case f.File != "":
		r.local(where+".file", f.File)
	}
	if _, err := base64.StdEncoding.DecodeString(f.Base64); err != nil {
		r.problem("%s.base64: %s", where, err)
	}
}

// local refuses a path that leads out of the folder of the tasks file: a file of tasks from elsewhere must not be able to
// hand a model what lies around on the user's disk.
func (r *reader) local(where, p string) {
	if strings.Contains(p, `\`) || !filepath.IsLocal(filepath.FromSlash(p)) || strings.ContainsRune(p, 0) {
		r.problem("%s %.100q: give a path in or below the folder of the tasks file, with / between folders", where, p)
	}
}

var definesCheck = regexp.MustCompile(`(?m)^def[ \t]+check[ \t]*\(`)

func (r *reader) check(raw json.RawMessage) *Check {
	if raw[0] != '{' {
		r.problem(`check: give an object, such as {"script": "def check(query, answer): …"}, not %s`, kind(raw))
		return nil
	}
	var c Check
	r.object(raw, "check", map[string]func(json.RawMessage){
		"script":      r.text("check.script", &c.Script),
		"script_file": r.text("check.script_file", &c.ScriptFile),
		"rubric":      r.text("check.rubric", &c.Rubric),
	})
	given := 0
	for _, s := range []string{c.Script, c.ScriptFile, c.Rubric} {
		if strings.TrimSpace(s) != "" {
			given++
		}
	}
	switch {
	case given != 1:
		r.problem("check: give exactly one of script, script_file and rubric, not %d", given)
	case c.Script != "":
		if err := CheckScript(c.Script); err != nil {
			r.problem("check.script: %s", err)
		}
	case c.ScriptFile != "":
		r.local("check.script_file", c.ScriptFile)
	}
	return &c
}

// CheckScript refuses a check script that could never give a verdict. Parse calls it for scripts in the file; whoever
// reads a script_file calls it for that.
func CheckScript(script string) error {
	switch {
	case len(script) > checking.MaxScript:
		return fmt.Errorf("it has %d bytes, at most %d are taken: put data into files of the task", len(script), checking.MaxScript)
	case !definesCheck.MatchString(script):
		return errors.New("it defines no check: begin with def check(query, answer):")
	}
	return nil
}
