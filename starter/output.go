package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// printJSON prints the one document of a command that was given --json.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// say writes a line for the person at the terminal.
func (a *app) say(format string, args ...any) {
	fmt.Fprintf(a.stderr, format+"\n", args...)
}

// table prints rows under a heading, in columns.
func table(w io.Writer, heading []string, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{heading}, rows...) {
		fmt.Fprintln(t, strings.TrimRight(strings.Join(row, "\t"), "\t "))
	}
	return t.Flush()
}

// plain removes what could move a terminal's cursor or colour its text: answers,
// names and file contents come from models.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
}

// oneLine is plain text without line breaks.
func oneLine(s string) string { return strings.Join(strings.Fields(plain(s)), " ") }

// clip shortens a text to n characters.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

// textWidth is where running text is broken, in characters.
const textWidth = 90

// wrapped breaks long lines at spaces; what is broken off keeps the line's indentation.
func wrapped(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, wrapLine(line)...)
	}
	return strings.Join(lines, "\n")
}

func wrapLine(line string) []string {
	margin := line[:len(line)-len(strings.TrimLeft(line, " "))]
	var lines []string
	for utf8.RuneCountInString(line) > textWidth {
		end := lastSpace(line)
		if end <= len(margin) {
			break // one long word
		}
		lines = append(lines, line[:end])
		line = margin + strings.TrimLeft(line[end:], " ")
	}
	return append(lines, line)
}

// lastSpace is the index of the last space at which the line is not too long.
func lastSpace(line string) int {
	last, column := -1, 0
	for i, r := range line {
		if r == ' ' {
			last = i
		}
		if column++; column > textWidth {
			break
		}
	}
	return last
}

func count[N int | int64](n N) string { return humanize.Comma(int64(n)) }

func size(bytes int64) string { return humanize.IBytes(uint64(max(bytes, 0))) }

// ago says when something was, for lists.
func ago(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return humanize.Time(t)
}

func usd(amount float64) string { return fmt.Sprintf("%.4f", amount) }

func seconds(s float64) string { return fmt.Sprintf("%.1f s", s) }
