package browser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Reply is what came of a request.
type Reply struct {
	Results   []Result `json:"results"`
	URL       string   `json:"url,omitempty"`
	Title     string   `json:"title,omitempty"`
	Tabs      []Tab    `json:"tabs,omitempty"` // when there are several
	Dialogs   []Dialog `json:"dialogs,omitempty"`
	Downloads []File   `json:"downloads,omitempty"` // that no download action waited for
	Notes     []string `json:"notes,omitempty"`     // what else happened: refused requests, closed tabs
	Error     *Failure `json:"error,omitempty"`

	Answer *string `json:"answer,omitempty"` // of a goal
	Steps  int     `json:"steps,omitempty"`  // model calls made for it
}

// Result is what one action came to; which fields it has depends on the action.
type Result struct {
	Action   string   `json:"action"`
	OK       bool     `json:"ok"`
	Status   int      `json:"status,omitempty"`   // navigate: HTTP status
	Text     *string  `json:"text,omitempty"`     // text
	Snapshot string   `json:"snapshot,omitempty"` // snapshot
	Matches  []string `json:"matches,omitzero"`   // find
	Selected []string `json:"selected,omitzero"`  // select: values now selected
	File     *File    `json:"file,omitempty"`     // screenshot, download
	Tabs     []Tab    `json:"tabs,omitempty"`     // tab
	Value    any      `json:"value,omitempty"`    // eval
	Note     string   `json:"note,omitempty"`     // what was left out
}

// File is a file of the workspace.
type File struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}

// Tab is an open page.
type Tab struct {
	Index   int    `json:"index"`
	URL     string `json:"url"`
	Current bool   `json:"current,omitempty"`
}

// Dialog is an alert, question or prompt that a page showed, and how it was answered.
type Dialog struct {
	Type    string `json:"type"` // alert, confirm, prompt, beforeunload
	Message string `json:"message"`
	Answer  string `json:"answer"` // accepted or dismissed
}

// Failure says why the actions stopped.
type Failure struct {
	Code     string `json:"code"`
	Message  string `json:"message"`
	Action   int    `json:"action"`             // its index in the request
	Snapshot string `json:"snapshot,omitempty"` // the page at that moment
}

// files are the paths of all files that the request left in the workspace.
func (r *Reply) files() []string {
	var paths []string
	for _, result := range r.Results {
		if result.File != nil {
			paths = append(paths, result.File.Path)
		}
	}
	for _, f := range r.Downloads {
		paths = append(paths, f.Path)
	}
	return paths
}

func (r *Reply) encode() (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // snapshots are full of < and >
	if err := e.Encode(r); err != nil {
		return nil, fmt.Errorf("encode the reply: %w", err)
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// cut shortens a text to at most limit bytes, at the end of a line where one is near, and says so.
func cut(text string, limit int, advice string) (kept, note string) {
	if len(text) <= limit {
		return text, ""
	}
	kept = text[:limit]
	for len(kept) > 0 && !utf8.RuneStart(text[len(kept)]) {
		kept = kept[:len(kept)-1]
	}
	if end := strings.LastIndexByte(kept, '\n'); end > limit/2 {
		kept = kept[:end]
	}
	return kept, fmt.Sprintf("cut: the first %d of %d bytes; %s", len(kept), len(text), advice)
}
