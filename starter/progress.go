package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"golang.org/x/sys/unix"

	runs "agentfactory/internal/run"
)

// progress writes the story of a run as it happens: a line per event and, on a
// terminal, one line below them that says what is being done right now.
type progress struct {
	w       io.Writer
	live    bool
	started time.Time
	seen    int // number of the last event shown
	noted   map[string]bool
	below   string // the live line as it stands
}

func newProgress(w io.Writer, getenv func(string) string) *progress {
	return &progress{w: w, live: terminal(w) && getenv("TERM") != "dumb", noted: map[string]bool{}}
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// begin sets the time that lines are counted from.
func (p *progress) begin(started time.Time) {
	if p.started.IsZero() {
		p.started = started
	}
}

// show writes the events that are new, and the live line.
func (p *progress) show(s runs.Status) {
	for _, e := range s.Events {
		if e.Seq <= p.seen {
			continue
		}
		if p.seen > 0 && e.Seq > p.seen+1 {
			p.line(fmt.Sprintf("         (%d lines left out)", e.Seq-p.seen-1))
		}
		p.seen = e.Seq
		p.line(fmt.Sprintf("%6.1fs  %s", e.At.Sub(p.started).Seconds(), indented(e.Text)))
	}
	p.setBelow(nowLine(s, time.Since(p.started)))
}

// indented keeps the spaces by which an event stands below its turn.
func indented(text string) string {
	return text[:len(text)-len(strings.TrimLeft(text, " "))] + oneLine(text)
}

// note writes a line that is no event, once.
func (p *progress) note(text string) {
	text = clip(oneLine(text), maxNote)
	if !p.noted[text] {
		p.noted[text] = true
		p.line(fmt.Sprintf("%6.1fs  %s", time.Since(p.started).Seconds(), text))
	}
}

const maxNote = 300 // characters

// nowLine is what the live line says.
func nowLine(s runs.Status, since time.Duration) string {
	if s.Phase == runs.Finished {
		return ""
	}
	doing := s.Action
	if s.WaitsFor != "" {
		doing = strings.ReplaceAll(string(s.Phase), "_", " ") + ": " + s.WaitsFor
	}
	if doing == "" {
		doing = string(s.Phase)
	}
	if s.Turn > 0 && !strings.HasPrefix(doing, "turn ") {
		doing = fmt.Sprintf("turn %d · %s", s.Turn, doing)
	}
	return fmt.Sprintf("%s · %s tokens · %.0f s", oneLine(doing), count(s.Usage.OrchestrationOutputTokens), since.Seconds())
}

// line writes one line above the live line.
func (p *progress) line(text string) {
	p.erase()
	fmt.Fprintln(p.w, text)
	p.draw()
}

func (p *progress) setBelow(text string) {
	if !p.live || text == p.below {
		return
	}
	p.erase()
	p.below = text
	p.draw()
}

// close takes the live line away.
func (p *progress) close() {
	p.erase()
	p.below = ""
}

const eraseLine = "\r\x1b[2K"

func (p *progress) erase() {
	if p.live && p.below != "" {
		io.WriteString(p.w, eraseLine)
	}
}

func (p *progress) draw() {
	if p.live && p.below != "" {
		io.WriteString(p.w, clip(p.below, p.width()-1))
	}
}

// width is the terminal's; a line that wraps could not be erased.
func (p *progress) width() int {
	const usual = 80
	f, ok := p.w.(*os.File)
	if !ok {
		return usual
	}
	ws, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil || ws.Col < 20 {
		return usual
	}
	return int(ws.Col)
}
