package evaluation

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
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
