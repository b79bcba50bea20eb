// Package batches holds the batches of tasks that ship with the project, and what the scripted model does in the offline
// ones. docs/evaluation-batches.md describes the batches and how tasks are written.
//
// The reference solutions, from which the script is made, are apart from the files of a batch: what a model is given, or
// could read in the bucket, never holds one.
//
// It imports internal/llm/scripted for the form of scripts, and nothing else of this project.
package batches

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
)

// Batch is one or several tasks files with all that they name.
type Batch struct {
	Name         string // as it is given in place of a tasks file
	Description  string // one line
	Files        fs.FS  // the tasks files at its top, and what they name beside them
	NeedsNetwork bool   // beyond the site on board (internal/offlinesite)
	Tasks        []string
}

// All lists the batches.
func All() []Batch { return []Batch{offline(), paper()} }

// Named finds a batch by its name.
func Named(name string) (Batch, bool) {
	all := All()
	i := slices.IndexFunc(all, func(b Batch) bool { return b.Name == name })
	if i < 0 {
		return Batch{}, false
	}
	return all[i], true
}

//go:embed offline/*.jsonl offline/data offline/checks
var offlineFiles embed.FS

func offline() Batch {
	return Batch{
		Name: "offline", Tasks: []string{"offline-1.jsonl", "offline-2.jsonl"}, Files: below(offlineFiles, "offline"),
		Description: "15 + 15 tasks on data, documents, sounds and a web site on board; needs no network",
	}
}

// below is a folder of embedded files as a file system of its own.
func below(files embed.FS, folder string) fs.FS {
	sub, err := fs.Sub(files, folder)
	if err != nil {
		panic(fmt.Sprintf("batch %s: %v", folder, err)) // a mistake in this package
	}
	return sub
}
