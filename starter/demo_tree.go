package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Limits of what the demo takes of a source tree: enough for a telling report, little
// enough to be quick anywhere.
const (
	demoFiles    = 300
	demoBytes    = 8 << 20
	demoFileSize = 1 << 20 // larger text files are generated ones
	demoVisits   = 20_000  // entries looked at, for those who stand in a huge directory
)

// sourceSuffixes are text files that people write; names are what reports call them.
var sourceSuffixes = map[string]string{
	".c": "C", ".cc": "C++", ".cpp": "C++", ".cs": "C#", ".css": "CSS", ".go": "Go", ".h": "C", ".html": "HTML", ".java": "Java",
	".js": "JavaScript", ".kt": "Kotlin", ".md": "Markdown", ".php": "PHP", ".py": "Python", ".rb": "Ruby", ".rs": "Rust",
	".rst": "reStructuredText", ".sh": "Shell", ".sql": "SQL", ".swift": "Swift", ".ts": "TypeScript", ".txt": "text",
	".yaml": "YAML", ".yml": "YAML",
}

// skippedDirs hold what others wrote, or what was generated.
var skippedDirs = []string{"vendor", "node_modules", "__pycache__", "dist", "build", "target", "venv", demoOut}

// demoTree is the source tree that the demo's tasks are about.
type demoTree struct {
	name   string // of its directory
	files  inputFiles
	bytes  int64
	sample bool // the built-in one: there is none in the current directory
	cut    bool // there are more files than the demo takes
}

// treeFolder is where the tree lies in a run's workspace, apart from what the run makes.
const treeFolder = "tree"

//go:embed demo/sample
var sampleFiles embed.FS

// collectTree takes the source files below dir, or the built-in sample, which is
// written to scratch, when there are none.
func collectTree(dir, scratch string) (demoTree, error) {
	t, err := walkTree(dir)
	if err != nil || len(t.files) > 0 {
		return t, err
	}
	sample, err := fs.Sub(sampleFiles, "demo/sample")
	if err != nil {
		return t, err
	}
	dir = filepath.Join(scratch, "sample")
	if err := os.CopyFS(dir, sample); err != nil {
		return t, fmt.Errorf("write the sample tree: %w", err)
	}
	t, err = walkTree(dir)
	t.sample = true
	return t, err
}

func walkTree(dir string) (demoTree, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return demoTree{}, err
	}
	t := demoTree{name: tidy(filepath.Base(absolute))}
	visits := 0
	err = filepath.WalkDir(absolute, func(p string, d fs.DirEntry, err error) error {
		visits++
		switch {
		case err != nil && p == absolute:
			return fmt.Errorf("read the current directory: %w", err)
		case err != nil:
			return nil // a directory that is not ours to read
		case visits > demoVisits:
			t.cut = true
			return fs.SkipAll
		case d.IsDir() && p != absolute && skipDir(d.Name()):
			return fs.SkipDir
		case d.IsDir() || !d.Type().IsRegular() || strings.HasPrefix(d.Name(), "."):
			return nil
		}
		return t.take(absolute, p, d)
	})
	return t, err
}

func skipDir(name string) bool {
	return strings.HasPrefix(name, ".") || slices.Contains(skippedDirs, name)
}

// take adds a file if it is source text and there is room.
func (t *demoTree) take(root, p string, d fs.DirEntry) error {
	info, err := d.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted in this moment
	}
	if err != nil {
		return err
	}
	if sourceSuffixes[filepath.Ext(p)] == "" || info.Size() > demoFileSize {
		return nil
	}
	if len(t.files) == demoFiles || t.bytes+info.Size() > demoBytes {
		t.cut = true
		return fs.SkipAll
	}
	rel, err := filepath.Rel(root, p)
	if err != nil {
		return err
	}
	f, err := inputOf(p)
	if err != nil {
		return nil // unreadable, or a name that no workspace takes: the report does without
	}
	f.path = path.Join(treeFolder, filepath.ToSlash(rel))
	t.files, t.bytes = append(t.files, f), t.bytes+f.size
	return nil
}

// commonest is the suffix that most of the files have.
func (t demoTree) commonest() string {
	counts := map[string]int{}
	best := ""
	for _, f := range t.files {
		suffix := path.Ext(f.path)
		counts[suffix]++
		if best == "" || counts[suffix] > counts[best] {
			best = suffix
		}
	}
	return best
}

// tidy keeps what can stand in a title without being quoted.
func tidy(name string) string {
	kept := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`"'\{}<>`+"`", r) || r < ' ' {
			return '-'
		}
		return r
	}, plain(name))
	return clip(kept, 60)
}
