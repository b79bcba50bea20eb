package activities

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"agentfactory/internal/lesson"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
)

// Lessons keeps what tasks taught, and finds it for later ones: the memory of the textual method.
type Lessons struct {
	Records *run.Records
	Blobs   *objectstore.Blobs
	// Open returns the objects of a library; "" is the live one.
	Open     func(ctx context.Context, library string) (objectstore.Store, error)
	Embedder lesson.Embedder // nil: lessons are found by words alone

	mu    sync.Mutex
	books map[string]*lesson.Book // by library
}

// LessonArg is what the record of a lesson has to know of its run.
type LessonArg struct {
	Outcome run.Outcome `json:"outcome"` // of the task
}

// SaveLesson carries out save_lesson: the lesson is written once, however often this is attempted.
func (l *Lessons) SaveLesson(ctx context.Context, in CallInput) (CallResult, error) {
	k := caller{records: l.Records, blobs: l.Blobs}
	return k.carryOut(ctx, in, func(ctx context.Context, c *call) error {
		args, ok := c.args.(metaskill.Lesson)
		if !ok || in.Lesson == nil {
			return complain("%s saves no lesson", c.name)
		}
		if err := lesson.Check(args); err != nil {
			return complaint{err.Error()}
		}
		return l.save(ctx, c, args)
	})
}

func (l *Lessons) save(ctx context.Context, c *call, text metaskill.Lesson) error {
	book, err := l.book(ctx, c.in.Library)
	if err != nil {
		return err
	}
	exec := activity.GetInfo(ctx).WorkflowExecution
	key := lesson.Key(exec.ID, exec.RunID)
	saved, tokens, err := book.Save(ctx, key, lesson.Lesson{
		Lesson: text, Task: c.task, Outcome: string(c.in.Lesson.Outcome), Model: c.opening.Model,
		WorkflowID: exec.ID, RunID: exec.RunID, At: time.Now().UTC(),
	})
	if err != nil {
		return err
	}
	title := shownTitle(saved.Title)
	c.step.Usage.EmbeddingTokens += tokens
	c.step.Lesson = &run.Lesson{Key: key, Title: title}
	c.succeed("saved", "kept the lesson "+title)
	return nil
}

// maxTitle bounds a lesson's title in histories, in characters.
const maxTitle = 100

func shownTitle(title string) string { return cut(firstLine(title), maxTitle) }

// fitting returns the lessons of a library that fit a task, the best first.
func (l *Lessons) fitting(ctx context.Context, library, task string) (lesson.Found, error) {
	book, err := l.book(ctx, library)
	if err != nil {
		return lesson.Found{}, err
	}
	return book.Search(ctx, task, metaskill.MaxLessons)
}

// maxBooks is how many libraries a worker remembers the lessons of; past it they are read anew.
const maxBooks = 64

func (l *Lessons) book(ctx context.Context, library string) (*lesson.Book, error) {
	l.mu.Lock()
	known := l.books[library]
	l.mu.Unlock()
	if known != nil {
		return known, nil
	}
	store, err := l.Open(ctx, library)
	if err != nil {
		return nil, fmt.Errorf("open the library %q: %w", library, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if known = l.books[library]; known != nil { // another call was faster
		return known, nil
	}
	if l.books == nil || len(l.books) >= maxBooks {
		l.books = map[string]*lesson.Book{}
	}
	l.books[library] = lesson.NewBook(store, l.Embedder)
	return l.books[library], nil
}
