package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"agentfactory/activities"
	"agentfactory/internal/evaluation"
	"agentfactory/internal/evaluation/batches"
	"agentfactory/internal/objectstore"
)

// taskFiles are tasks on their way to S3, with where their files lie.
type taskFiles struct {
	tasks []evaluation.Task
	from  []fs.FS // of each task
}

// readTasks reads files of tasks, and batches by name, and looks at every file that they name. All that is wrong is told at once.
func readTasks(args []string) (*taskFiles, error) {
	all := &taskFiles{}
	var lists [][]evaluation.Task
	var wrong severalErrors
	for _, arg := range args {
		for _, source := range sourcesOf(arg) {
			tasks, err := source.read()
			if err != nil {
				wrong = append(wrong, err)
				continue
			}
			lists = append(lists, tasks)
			for range tasks {
				all.from = append(all.from, source.files)
			}
		}
	}
	if len(wrong) > 0 {
		return nil, withCode(exitUsage, wrong)
	}
	joined, err := evaluation.Join(lists...)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	all.tasks = joined
	return all, nil
}

// source is a file of tasks.
type source struct {
	files fs.FS
	name  string // in files
	shown string // what people call it
}

// sourcesOf are the files that an argument means: a file of that name goes before a batch.
func sourcesOf(arg string) []source {
	batch, ships := batches.Named(arg)
	if _, err := os.Stat(arg); err == nil || !ships {
		return []source{{os.DirFS(filepath.Dir(arg)), filepath.Base(arg), arg}}
	}
	var sources []source
	for _, name := range batch.Tasks {
		sources = append(sources, source{batch.Files, name, name})
	}
	return sources
}

// read parses the tasks and takes in the scripts of their checks.
func (s source) read() ([]evaluation.Task, error) {
	data, err := fs.ReadFile(s.files, s.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: there is no such file, and no batch of this name: give a file of tasks, or one of %s", s.shown, batchNames())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.shown, reason(err))
	}
	tasks, err := evaluation.Parse(s.shown, data)
	if err != nil {
		return nil, err
	}
	var wrong []error
	for i := range tasks {
		if err := s.takeIn(&tasks[i]); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: task %s: %w", s.shown, tasks[i].ID, err))
		}
	}
	return tasks, errors.Join(wrong...)
}

// takeIn puts the check's script into the task, and looks for its files.
func (s source) takeIn(t *evaluation.Task) error {
	if t.Check != nil && t.Check.ScriptFile != "" {
		script, err := fs.ReadFile(s.files, s.local(t.Check.ScriptFile))
		if err != nil {
			return fmt.Errorf("check.script_file %s: %w", t.Check.ScriptFile, reason(err))
		}
		if err := evaluation.CheckScript(string(script)); err != nil {
			return fmt.Errorf("check.script_file %s: %w", t.Check.ScriptFile, err)
		}
		t.Check = &evaluation.Check{Script: string(script)}
	}
	for i, f := range t.Files {
		if f.File == "" {
			continue
		}
		t.Files[i].File = s.local(f.File)
		info, err := fs.Stat(s.files, t.Files[i].File)
		switch {
		case err != nil:
			return fmt.Errorf("files: %s: %w", f.File, reason(err))
		case !info.Mode().IsRegular():
			return fmt.Errorf("files: %s is no regular file", f.File)
		case info.Size() > activities.MaxInputFile:
			return fmt.Errorf("files: %s has %s; an input file may have %s", f.File, size(info.Size()), size(activities.MaxInputFile))
		}
	}
	return nil
}

// local is the name of a file that is named relative to the file of tasks.
func (s source) local(name string) string { return path.Join(path.Dir(s.name), filepath.ToSlash(name)) }

func batchNames() string {
	names := ""
	for _, b := range batches.All() {
		names += ", " + b.Name
	}
	return names[2:]
}

// upload puts the files and then the tasks on S3, and returns the key of the tasks.
func (t *taskFiles) upload(ctx context.Context, blobs *objectstore.Blobs) (string, error) {
	for i := range t.tasks {
		for j := range t.tasks[i].Files {
			f := &t.tasks[i].Files[j]
			if f.File == "" {
				continue
			}
			data, err := fs.ReadFile(t.from[i], f.File)
			if err != nil {
				return "", fmt.Errorf("read %s: %w", f.File, reason(err))
			}
			digest, err := blobs.Put(ctx, data)
			if err != nil {
				return "", fmt.Errorf("upload %s: %w", f.File, err)
			}
			f.File, f.Key = "", objectstore.BlobKey(digest)
		}
	}
	digest, err := blobs.Put(ctx, evaluation.Encode(t.tasks))
	if err != nil {
		return "", fmt.Errorf("upload the tasks: %w", err)
	}
	return objectstore.BlobKey(digest), nil
}
