package evaluation

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"

	"agentfactory/internal/checking"
	"agentfactory/internal/workspace"
)

// parser reads the lines of one tasks file.
type parser struct {
	batch    string
	seen     map[string]int // line of each ID
	tasks    []Task
	problems []BadLine
}

func (p *parser) bad(number int, problem string) {
	p.problems = append(p.problems, BadLine{Number: number, Problem: problem})
}

func (p *parser) line(number int, line []byte) {
	switch {
	case len(line) > MaxLine:
		p.bad(number, fmt.Sprintf("the line has %d bytes, at most %d are taken: put long contents into files beside the tasks file", len(line), MaxLine))
		return
	case !utf8.Valid(line):
		p.bad(number, "the line is not UTF-8: save the file as UTF-8 without other encodings in it")
		return
	}
	t, problems := readTask(line)
	if t.Batch == "" {
		t.Batch = p.batch
	}
	if t.ID == "" {
		t.ID = givenID(t.Batch, number)
	}
	if other, found := p.seen[t.ID]; found {
		problems = append(problems, fmt.Sprintf("id %q is also that of line %d: give each task an id of its own", t.ID, other))
	} else {
		p.seen[t.ID] = number
	}
	if len(problems) > 0 {
		p.bad(number, strings.Join(problems, "; "))
		return
	}
	p.tasks = append(p.tasks, t)
}

// readTask decodes one line and tells all that is wrong with it.
func readTask(line []byte) (t Task, problems []string) {
	r := reader{problems: &problems}
	r.object(line, "a task", map[string]func(json.RawMessage){
		"id":        r.text("id", &t.ID),
		"batch":     r.text("batch", &t.Batch),
		"category":  r.text("category", &t.Category),
		"task":      r.text("task", &t.Task),
		"files":     func(raw json.RawMessage) { t.Files = r.files(raw) },
		"reference": r.text("reference", &t.Reference),
		"check":     func(raw json.RawMessage) { t.Check = r.check(raw) },
	})
	if r.unreadable {
		return t, problems
	}
	r.words(t)
	r.paths(t.Files)
	return t, problems
}

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
		if seen[f.Path] {
			r.problem("files: path %.100q is given twice: each file needs a path of its own", f.Path)
		}
		seen[f.Path] = true
	}
}

// reader decodes JSON values and gathers what is wrong with them.
type reader struct {
	problems   *[]string
	unreadable bool // the line is not a JSON object at all
}

func (r *reader) problem(format string, args ...any) {
	*r.problems = append(*r.problems, fmt.Sprintf(format, args...))
}

// object hands each member of a JSON object to its field. encoding/json alone would take the last of two members of one
// name in silence, and a name in the wrong case.
func (r *reader) object(raw []byte, what string, fields map[string]func(json.RawMessage)) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		r.unreadable = true
		r.problem("%s is a JSON object: %s", what, notJSON(err, "begin it with {"))
		return
	}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		var value json.RawMessage
		if err == nil {
			err = d.Decode(&value)
		}
		if err != nil {
			r.unreadable = true
			r.problem("%s is not valid JSON: %s", what, notJSON(err, "mend it"))
			return
		}
		r.member(fmt.Sprint(token), value, seen, fields)
	}
	if _, err := d.Token(); err != nil {
		r.unreadable = true
		r.problem("%s is not valid JSON: %s", what, notJSON(err, "mend it"))
		return
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		r.problem("%s is followed by something else: give one task a line", what)
	}
}

func (r *reader) member(name string, value json.RawMessage, seen map[string]bool, fields map[string]func(json.RawMessage)) {
	read, known := fields[name]
	switch {
	case !known:
		r.problem("unknown field %.60q; %s", name, nearest(name, fields))
	case seen[name]:
		r.problem("field %q is given twice: keep one of them", name)
	case string(value) != "null":
		read(value)
	}
	seen[name] = true
}

func notJSON(err error, otherwise string) string {
	switch {
	case err == nil:
		return otherwise
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "it ends in the middle; a task must be on one line"
	}
	return err.Error()
}

// nearest names the field that was probably meant, or all of them.
func nearest(name string, fields map[string]func(json.RawMessage)) string {
	known := make([]string, 0, len(fields))
	for field := range fields {
		known = append(known, field)
	}
	slices.Sort(known)
	best := slices.MinFunc(known, func(a, b string) int {
		return distance(name, a) - distance(name, b)
	})
	if distance(name, best) > 3 {
		return "there are " + strings.Join(known, ", ")
	}
	return fmt.Sprintf("did you mean %q?", best)
}

func distance(name, field string) int {
	return levenshtein.ComputeDistance(strings.ToLower(name[:min(len(name), 64)]), field)
}

func (r *reader) text(name string, into *string) func(json.RawMessage) {
	return func(raw json.RawMessage) {
		if json.Unmarshal(raw, into) != nil {
			r.problem("%s: give a text in quotes, not %s", name, kind(raw))
		}
	}
}

// kind says what a JSON value is.
func kind(raw json.RawMessage) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a text"
	case 't', 'f':
		return "a boolean"
	}
	return "a number"
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
