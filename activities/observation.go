package activities

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"agentfactory/internal/pyruntime"
	"agentfactory/internal/run"
	"agentfactory/internal/workspace"
)

// observe writes what the meta-agent reads of a run: the result first, then what
// repairs code, then what it printed and left.
func observe(res pyruntime.Result, changes workspace.Changes) string {
	var b strings.Builder
	if res.Failure != nil {
		failed(&b, res.Failure)
	} else {
		fmt.Fprintf(&b, "answer: %s\nsummary: %s\n", res.Answer, res.Summary)
	}
	section(&b, "stdout", res.Stdout, maxPrinted)
	section(&b, "stderr", res.Stderr, maxPrinted)
	leftFiles(&b, changes)
	return validUTF8(b.String())
}

// failed is what repairs code.
func failed(b *strings.Builder, f *pyruntime.Failure) {
	fmt.Fprintf(b, "FAILED (%s): %s\n", f.Kind, f.Message)
	section(b, "traceback", f.Traceback, maxTraceback)
	for _, frame := range f.Locals {
		fmt.Fprintf(b, "locals of %s (line %d):\n", frame.Function, frame.Line)
		for _, v := range frame.Variables {
			fmt.Fprintf(b, "  %s = %s\n", v.Name, v.Value)
		}
	}
}

// leftFiles names what a run changed in the workspace.
func leftFiles(b *strings.Builder, changes workspace.Changes) {
	for _, part := range []struct {
		name  string
		paths []string
	}{{"new files", changes.Added}, {"changed files", changes.Modified}, {"removed files", changes.Removed}, {"not kept", changes.Skipped}} {
		if len(part.paths) > 0 {
			fmt.Fprintf(b, "%s: %s\n", part.name, listed(part.paths))
		}
	}
}

const (
	maxTraceback = 4 << 10 // bytes; the innermost frames are at its end
	maxPrinted   = 2 << 10 // bytes of each of stdout and stderr
	maxListed    = 40      // names in a list
)

func section(b *strings.Builder, name, text string, limit int) {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return
	}
	if len(text) > limit {
		text = fmt.Sprintf("[%d bytes left out]\n%s", len(text)-limit, text[len(text)-limit:])
	}
	fmt.Fprintf(b, "%s:\n%s\n", name, text)
}

func summarise(file string, res pyruntime.Result) string {
	if res.Failure != nil {
		return fmt.Sprintf("%s failed (%s): %s", file, res.Failure.Kind, firstLine(res.Failure.Message))
	}
	return fmt.Sprintf("%s answered: %s", file, firstLine(or(res.Summary, res.Answer)))
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

func validUTF8(s string) string { return strings.ToValidUTF8(s, "�") }

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	if len(names) > maxListed {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxListed], ", "), len(names)-maxListed)
	}
	return strings.Join(names, ", ")
}

func subagentFiles(w *run.Workspace) []string {
	files := make([]string, 0, len(w.Subagents))
	for f := range w.Subagents {
		files = append(files, f)
	}
	slices.Sort(files)
	return files
}

// checkReplacement demands that old occurs exactly once, and else shows what comes nearest.
func checkReplacement(file, text, old string) error {
	switch n := strings.Count(text, old); {
	case old == "":
		return complain("old_content is empty; give the exact text to replace")
	case n > 1:
		return complain("old_content occurs %d times in %s; take in more of the lines around it so that it occurs once", n, file)
	case n == 1:
		return nil
	}
	return complain("old_content does not occur in %s; the nearest text is\n%s", file, nearest(text, old))
}

// nearest shows the lines around the one that is most like the first telling line of old.
func nearest(text, old string) string {
	wanted := tellingLine(old)
	lines := strings.Split(text, "\n")
	best, distance := 0, -1
	for i, l := range lines {
		if d := levenshtein.ComputeDistance(strings.TrimSpace(l), wanted); distance < 0 || d < distance {
			best, distance = i, d
		}
	}
	const around = 4
	from, to := max(0, best-around), min(len(lines), best+around+1)
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "%4d| %s\n", i+1, lines[i])
	}
	return b.String()
}

func tellingLine(old string) string {
	for l := range strings.SplitSeq(old, "\n") {
		if l = strings.TrimSpace(l); len(l) > 3 {
			return l
		}
	}
	return strings.TrimSpace(old)
}

// pythonFiles are the files that a run's code could have been.
func pythonFiles(m workspace.Manifest) workspace.Manifest {
	var code workspace.Manifest
	for _, f := range m {
		if strings.HasSuffix(f.Path, ".py") {
			code = append(code, f)
		}
	}
	return code
}
