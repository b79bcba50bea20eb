package checking

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"
)

// room is what a model is shown at most; each byte is paid for.
type room struct {
	text  int // characters of a task, a query or an answer
	shown int // characters of the heads of a list of files together
}

var (
	someRoom = room{text: 6000, shown: 9000}
	// A grader has to see all of what an agent left, as what it is not shown is no reason to fail.
	muchRoom = room{text: 24_000, shown: 48_000}
)

// maxFiles is how many files of a list are named.
const maxFiles = 30

func subjectText(s Subject) string {
	return marked(someRoom, func(p *page) {
		p.question(s)
		p.output("the", s.Answer, s.Outputs)
	})
}

func judgedText(s Subject, answer string, outputs []Excerpt) string {
	return marked(someRoom, func(p *page) {
		p.question(s)
		p.output("reference", s.Answer, s.Outputs)
		p.output("judged", answer, outputs)
	})
}

func complaintText(complaint string) string {
	return marked(someRoom, func(p *page) {
		p.b.WriteString("That check was not kept:\n")
		p.text("reason", complaint)
		p.b.WriteString("Write it once more, whole.\n")
	})
}

// page is a message in which every text from outside stands between two lines with a mark.
type page struct {
	b    strings.Builder
	mark string
	room room
}

// marked writes a page twice: the mark is the digest of the page without it. No text can hold the digest of a page that
// it is part of, so none can end its own section; and the same page is the same bytes each time, which a random mark
// would not give.
func marked(r room, write func(*page)) string {
	draft := page{room: r}
	write(&draft)
	sum := sha256.Sum256([]byte(draft.b.String()))
	p := page{room: r, mark: hex.EncodeToString(sum[:6])}
	fmt.Fprintf(&p.b, "The mark is %s.\n", p.mark)
	write(&p)
	return p.b.String()
}

func (p *page) question(s Subject) {
	p.text("task", s.Task)
	p.text("query", s.Query)
	p.files("input file", s.Inputs)
}

// output writes an answer and the files that were left with it.
func (p *page) output(which, answer string, files []Excerpt) {
	p.text(which+" answer", answer)
	p.files("file of "+which+" output", files)
}

// text writes one section, clipped to the room that there is.
func (p *page) text(name, text string) {
	text = strings.ToValidUTF8(text, "�")
	shown := firstCharacters(text, p.room.text)
	if len(shown) < len(text) {
		name = fmt.Sprintf("%s, the first %d of %d characters", name, p.room.text, utf8.RuneCountInString(text))
	}
	p.section(name, shown)
}

func (p *page) section(name, text string) {
	fmt.Fprintf(&p.b, "\nbegin %s %s\n%s\nend %s\n", name, p.mark, text, p.mark)
}

// files writes a section for each file until their number or their text is too much for one message.
func (p *page) files(name string, files []Excerpt) {
	left := p.room.shown
	for i, f := range files {
		if i == maxFiles {
			fmt.Fprintf(&p.b, "\nThere are %d more such files.\n", len(files)-i)
			return
		}
		characters := utf8.RuneCountInString(f.Head)
		if characters > left {
			f.Head = firstCharacters(f.Head, left)
			characters = left
		}
		left -= characters
		p.section(name, describe(f))
	}
	if len(files) == 0 {
		fmt.Fprintf(&p.b, "\nThere is no %s.\n", name)
	}
}

// describe begins with the path: it is data too, a file may be named by whoever wrote the task.
func describe(f Excerpt) string {
	line := fmt.Sprintf("%q, %d bytes", f.Path, f.Size)
	switch {
	case f.Size == 0:
		return line
	case f.Head == "":
		return line + ", not shown"
	case int64(len(f.Head)) < f.Size:
		return line + ", cut here:\n" + f.Head
	}
	return line + ":\n" + f.Head
}
