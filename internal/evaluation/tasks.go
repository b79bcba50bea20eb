package evaluation

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Task is one line of a tasks file. A task with a reference and no check is graded by a judge that is shown the
// reference; one with neither is run and not checked.
type Task struct {
	ID        string `json:"id"`                  // unique in the evaluation; made of batch and line when left out
	Batch     string `json:"batch,omitempty"`     // the name of the file when left out
	Category  string `json:"category,omitempty"`  // free
	Task      string `json:"task"`                // in plain words, at most MaxTask bytes
	Files     []File `json:"files,omitempty"`     // that the task comes with
	Reference string `json:"reference,omitempty"` // a right answer; also shown beside a rubric
	Check     *Check `json:"check,omitempty"`
}

// File is an input file of a task. At most one of Text, Base64, Key and File is set; none means an empty file. What
// uploads the tasks replaces File by one of the others. In a tasks file a bare string such as "data/sales.csv" is short
// for {"path": "sales.csv", "file": "data/sales.csv"}.
type File struct {
	Path   string `json:"path"`             // where the run finds it, relative to its workspace; the name of File when left out
	Text   string `json:"text,omitempty"`   // UTF-8 content
	Base64 string `json:"base64,omitempty"` // binary content
	Key    string `json:"key,omitempty"`    // S3 key of the content, under blobs/sha256/
	File   string `json:"file,omitempty"`   // local path in or below the folder of the tasks file, forward slashes
}

// Check says how an answer is graded. Exactly one field is set.
type Check struct {
	Script     string `json:"script,omitempty"`      // Python that defines check(query, answer) and raises AssertionError
	ScriptFile string `json:"script_file,omitempty"` // local path of such a script, in or below the folder of the tasks file
	Rubric     string `json:"rubric,omitempty"`      // what a judge has to look for
}

const (
	// MaxTask is the longest task in bytes, as a run takes it.
	MaxTask = 64 << 10
	// MaxFiles is the most files of one task, as a run takes them.
	MaxFiles = 500
	// MaxTasks is the most tasks of one evaluation.
	MaxTasks = 10_000
	// MaxLine is the longest line of a tasks file in bytes; what is longer belongs into files beside it.
	MaxLine = 4 << 20
)

// BadLines lists every line of a tasks file that cannot be used, so that all can be mended at once.
type BadLines struct {
	Name  string // of the file
	Lines []BadLine
}

// BadLine is what is wrong with one line, and what to do about it.
type BadLine struct {
	Number  int // from 1
	Problem string
}

// Error has one line for each bad line, in the form file:line: problem.
func (b *BadLines) Error() string {
	var text strings.Builder
	for i, l := range b.Lines {
		if i > 0 {
			text.WriteByte('\n')
		}
		fmt.Fprintf(&text, "%s:%d: %s", b.Name, l.Number, l.Problem)
	}
	return text.String()
}

// Parse reads a tasks file: JSON Lines, one task a line. Blank lines, lines that begin with // and a byte order mark are
// skipped; CRLF is a line end too. name is the file's name, from which tasks without a batch get theirs. The error is a
// *BadLines.
func Parse(name string, data []byte) ([]Task, error) {
	p := parser{batch: BatchName(name), seen: map[string]int{}}
	number := 0
	for line := range bytes.Lines(bytes.TrimPrefix(data, []byte("\ufeff"))) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) > 0 && !bytes.HasPrefix(line, []byte("//")) {
			p.line(number, line)
		}
		if len(p.tasks) > MaxTasks {
			p.bad(number, fmt.Sprintf("more than %d tasks: split the file into several evaluations", MaxTasks))
			break
		}
	}
	if len(p.tasks) == 0 && len(p.problems) == 0 {
		p.bad(max(1, number), `the file has no tasks: give one a line, such as {"id": "sum", "task": "Add up the numbers in data.csv"}`)
	}
	if len(p.problems) > 0 {
		return nil, &BadLines{Name: name, Lines: p.problems}
	}
	return p.tasks, nil
}

// BatchName is the batch that a file's tasks belong to unless they say otherwise: its name without folder and extension.
func BatchName(name string) string {
	base := path.Base(strings.ReplaceAll(name, `\`, "/"))
	return strings.TrimSuffix(base, path.Ext(base))
}

// Join puts the tasks of several files into one list, in their order. IDs must not repeat.
func Join(files ...[]Task) ([]Task, error) {
	all := slices.Concat(files...)
	if len(all) > MaxTasks {
		return nil, fmt.Errorf("%d tasks: at most %d are taken, split them into several evaluations", len(all), MaxTasks)
	}
	batch := map[string]string{}
	for _, t := range all {
		if other, found := batch[t.ID]; found {
			return nil, fmt.Errorf("id %q is in batch %q and again in batch %q: give each task an id of its own", t.ID, other, t.Batch)
		}
		batch[t.ID] = t.Batch
	}
	return all, nil
}

// Encode writes tasks in the form that Parse reads, one a line.
func Encode(tasks []Task) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	for _, t := range tasks {
		if err := e.Encode(t); err != nil {
			panic(fmt.Sprintf("encode a task: %v", err)) // strings always encode
		}
	}
	return out.Bytes()
}

// Digest identifies a task by all that its result depends on: what is asked, with which files, and how it is graded. Its
// ID, batch and category may change without making it another task.
func (t Task) Digest() string {
	t.ID, t.Batch, t.Category = "", "", ""
	sum := sha256.Sum256(Encode([]Task{t}))
	return hex.EncodeToString(sum[:8])
}

// validID keeps an ID fit for keys and workflow IDs.
var validID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

var notInID = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// givenID is the ID of a task that has none.
func givenID(batch string, line int) string {
	base := strings.Trim(notInID.ReplaceAllString(batch, "-"), "._-")
	if base == "" {
		base = "task"
	}
	return fmt.Sprintf("%s-%d", base[:min(len(base), 50)], line)
}
