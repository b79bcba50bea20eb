package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"agentfactory/internal/metaskill"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/run"
	"agentfactory/internal/workspace"
)

// openMethod writes the first message of a method that has no skill library.
func (r *Runs) openMethod(ctx context.Context, in BeginInput, o *opened) error {
	var lessons []metaskill.Lesson
	if in.Method == metaskill.TextualName {
		found, err := r.Lessons.fitting(ctx, in.Library, in.Task)
		if err != nil {
			return fmt.Errorf("search the lessons: %w", err)
		}
		for _, l := range found.Lessons {
			lessons = append(lessons, l.Lesson)
			o.lessons = append(o.lessons, run.Lesson{Key: l.Key, Title: shownTitle(l.Title)})
		}
		o.notes, o.embedding = found.Notes, found.EmbeddingTokens
	}
	o.message = metaskill.TaskMessage(in.Task, listedFiles(o.inputs), r.Tools, lessons)
	return nil
}

// runProgram carries out run_code: it runs a program in the workspace and keeps the files that it left there. The program
// itself is not one of them, it stays in the transcript.
func (s *Subagents) runProgram(ctx context.Context, c *call, args metaskill.Code) error {
	tools, err := metaskill.NormalizeTools(args.Skills)
	if err != nil {
		return complaint{err.Error()}
	}
	if err := checkCode(args.Code); err != nil {
		return err
	}
	dir, err := s.scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	entry, err := s.layOut(ctx, c, args.Code, dir)
	if err != nil {
		return err
	}
	door, err := s.door(c, run.Subagent{Tools: tools}, dir, "")
	if err != nil {
		return err
	}
	res, err := s.execute(ctx, c, pyruntime.Call{Workspace: dir, Entry: entry, Program: true}, "", door)
	if err != nil {
		return err
	}
	c.step.Usage.SubagentRuns = 1
	if err := os.RemoveAll(filepath.Join(dir, entry)); err != nil { // whatever the program made of it
		return fmt.Errorf("clear the program away: %w", err)
	}
	after, changes, err := workspace.Snapshot(ctx, s.Blobs, dir, c.files().Files, workspaceLimits)
	if errors.Is(err, workspace.ErrLimit) {
		return complain("the program ran, but nothing that it left was kept: %v", err)
	}
	if err != nil {
		return err
	}
	c.change().Files = after
	c.step.OK, c.step.Observation, c.step.Summary = res.Failure == nil, observeProgram(res, changes), summariseProgram(res)
	return nil
}

// layOut puts the files of the workspace into dir, and the program beside them under a name that none of them has.
func (s *Subagents) layOut(ctx context.Context, c *call, code, dir string) (entry string, err error) {
	digest, err := s.Blobs.Put(ctx, []byte(code))
	if err != nil {
		return "", err
	}
	files := c.files().Files
	entry = "program.py"
	for taken := true; taken; {
		if _, taken = files.Lookup(entry); taken {
			entry = "_" + entry
		}
	}
	files = files.With(workspace.File{Path: entry, Digest: digest, Size: int64(len(code))})
	return entry, workspace.Materialise(ctx, s.Blobs, files, dir)
}

// observeProgram writes what the model reads of a program: why it failed, and all that it printed. What is too long for an
// observation is cut in its middle by whoever keeps it.
func observeProgram(res pyruntime.Result, changes workspace.Changes) string {
	var b strings.Builder
	if res.Failure != nil {
		failed(&b, res.Failure)
	}
	if strings.TrimSpace(res.Stdout) == "" && res.Failure == nil {
		b.WriteString("The program printed nothing.\n")
	}
	section(&b, "stdout", res.Stdout, len(res.Stdout))
	section(&b, "stderr", res.Stderr, maxPrinted)
	if res.Truncated {
		b.WriteString("[it printed more than is kept; of long output only the beginning is there: write it into a file]\n")
	}
	leftFiles(&b, changes)
	return validUTF8(b.String())
}

func summariseProgram(res pyruntime.Result) string {
	if res.Failure != nil {
		return fmt.Sprintf("the program failed (%s): %s", res.Failure.Kind, firstLine(res.Failure.Message))
	}
	return "the program printed: " + or(firstLine(res.Stdout), "nothing")
}
