// Package lesson keeps what tasks taught, in words: the memory of the textual method.
// A lesson is one immutable record, written by one run into the library that the run
// works with, under lessons/<workflow>.<run>.json; nothing is changed or deleted. A later
// task is begun with the few lessons that fit it, found as skills are (internal/search).
//
// The package may import internal/metaskill, internal/objectstore, internal/record and internal/search; it
// knows nothing of Temporal, nor of who computes embeddings ([Embedder]).
package lesson

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"agentfactory/internal/metaskill"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/record"
	"agentfactory/internal/search"
)

// Lesson is what one task taught.
type Lesson struct {
	metaskill.Lesson
	Task       string    `json:"task"`    // in the user's words, its beginning
	Outcome    string    `json:"outcome"` // of the task's run
	Model      string    `json:"model"`   // that wrote it
	WorkflowID string    `json:"workflow_id"`
	RunID      string    `json:"run_id"`
	At         time.Time `json:"at"`

	EmbeddingModel string `json:"embedding_model,omitempty"`
	Vector         []byte `json:"vector,omitempty"` // float32, little-endian; none: it is found by words alone
}

const prefix = "lessons/"

// Key is where the lesson of a run is kept.
func Key(workflowID, runID string) string {
	return prefix + objectstore.WorkflowSegment(workflowID) + "." + objectstore.WorkflowSegment(runID) + ".json"
}

const (
	maxField = 4000 // characters of a field that are kept; the model was asked for far fewer
	maxTask  = 2000 // characters of the task
)

// Check refuses what no later task could use. Its error is written for the model.
func Check(l metaskill.Lesson) error {
	switch {
	case strings.TrimSpace(l.Title) == "":
		return errors.New("title is empty: say in a few words what the lesson is about")
	case strings.TrimSpace(l.WhenToUse) == "":
		return errors.New("when_to_use is empty: say for what kind of task the lesson is")
	case strings.TrimSpace(l.WhatWorked) == "" && strings.TrimSpace(l.WhatFailed) == "":
		return errors.New("what_worked and what_failed are empty: say at least one of them")
	}
	return nil
}

// bounded cuts what is kept to the sizes above.
func (l Lesson) bounded() Lesson {
	for _, field := range []*string{&l.Title, &l.WhenToUse, &l.WhatWorked, &l.WhatFailed} {
		*field = beginning(*field, maxField)
	}
	l.Task = beginning(l.Task, maxTask)
	return l
}

func beginning(text string, limit int) string {
	if r := []rune(text); len(r) > limit {
		return string(r[:limit-1]) + "…"
	}
	return text
}

// text is what is embedded.
func (l Lesson) text() string {
	return strings.Join([]string{l.Title, l.WhenToUse, l.WhatWorked, l.Task}, "\n")
}

// document is what a lesson is found by; its vector counts where it is of the given model.
func (l Lesson) document(key, model string) search.Document {
	d := search.Document{ID: key, Name: l.Title, Description: l.WhenToUse, Details: l.WhatWorked + "\n" + l.WhatFailed, Queries: []string{l.Task}}
	if model != "" && l.EmbeddingModel == model {
		d.Vector = numbers(l.Vector)
	}
	return d
}

func numbers(raw []byte) []float32 {
	v := make([]float32, len(raw)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return v
}

func bytesOf(v []float32) []byte {
	raw := make([]byte, 0, 4*len(v))
	for _, f := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
	}
	return raw
}

func read(ctx context.Context, store objectstore.Store, key string) (Lesson, error) {
	obj, err := store.Get(ctx, key)
	if err != nil {
		return Lesson{}, fmt.Errorf("read lesson: %w", err)
	}
	return decode(key, obj.Body)
}

func decode(key string, body []byte) (Lesson, error) {
	var l Lesson
	if err := record.One.Decode(body, &l); err != nil {
		return Lesson{}, fmt.Errorf("%s: %w: %w", key, objectstore.ErrCorrupt, err)
	}
	if err := Check(l.Lesson); err != nil {
		return Lesson{}, fmt.Errorf("%s: %w: %w", key, objectstore.ErrCorrupt, err)
	}
	return l, nil
}
