package proof

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"agentfactory/internal/checking"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/skill"
)

// judge holds the output against the recorded one, as a gate does with a new version.
func (t *trial) judge(ctx context.Context, dir, answer string) error {
	wrong, identical, err := t.compareFiles(dir)
	if err != nil {
		return err
	}
	check := t.past.Check
	same := checking.SameAnswer(t.past.Answer, answer)
	switch {
	case same && (identical || wrong == "" && check == nil):
		t.passed("same")
		return nil
	case check != nil && check.Kind == skill.CheckScript:
		return t.check(ctx, dir, answer, check.Source)
	case check != nil:
		t.unknown("its output differs from the recorded one, and only a model could judge it")
		return nil
	}
	if !same {
		wrong = fmt.Sprintf("it answered %q, and the export answers %q", cut(t.past.Answer, maxShown), t.now.Answer)
	}
	return t.unlessTheSkillDiffersToo(ctx, wrong)
}

// compareFiles looks at the files that the case recorded; wrong says what is missing or says something else. Of other than
// text only its being there counts. Links that lead out of the directory are not followed.
func (t *trial) compareFiles(dir string) (wrong string, identical bool, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", false, err
	}
	defer root.Close()
	identical = true
	for _, f := range t.past.Output.Files {
		info, err := root.Stat(f.Path)
		if err != nil || !info.Mode().IsRegular() || info.Size() == 0 && f.Size > 0 {
			return fmt.Sprintf("it left the file %s, and the export does not", f.Path), false, nil
		}
		data, err := root.ReadFile(f.Path)
		if err != nil {
			return "", false, fmt.Errorf("read %s: %w", f.Path, err)
		}
		if string(objectstore.DigestOf(data)) == f.Digest {
			continue
		}
		identical = false
		if utf8.Valid(data) && wrong == "" {
			wrong = fmt.Sprintf("the file %s says something else than it did", f.Path)
		}
	}
	return wrong, identical, nil
}

// checkTime bounds a check script.
const checkTime = time.Minute

// check asks the case's script about what the export left, in the same directory: the script finds inputs and outputs there.
func (t *trial) check(ctx context.Context, dir, answer, source string) error {
	if err := placeCheck(dir, source); err != nil {
		t.failed("check", "its check cannot be placed beside what the export left: "+err.Error())
		return nil
	}
	order, err := json.Marshal(map[string]string{"query": t.past.Query, "answer": answer})
	if err != nil {
		return err
	}
	limits := t.prover.config.Limits
	limits.Wall = min(limits.Wall, checkTime)
	res, err := t.prover.config.Runtime.Run(ctx, pyruntime.Call{Workspace: dir, Entry: checking.EntryFile, Query: string(order), Limits: limits})
	switch {
	case err != nil:
		return fmt.Errorf("run its check: %w", err)
	case res.Failure == nil:
		t.passed("check")
	default:
		t.failed("check", fmt.Sprintf("it answered %q, and the export answers %q, which its check refuses: %s",
			cut(t.past.Answer, maxShown), t.now.Answer, strings.TrimPrefix(res.Failure.Message, "AssertionError: ")))
	}
	return nil
}

// placeCheck writes the check's modules into a directory that untrusted code has had: nothing of it may stand in their way
// or lead them elsewhere.
func placeCheck(dir, source string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	folder := filepath.Dir(checking.EntryFile)
	if _, err := root.Lstat(folder); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already", folder)
	}
	if err := root.Mkdir(folder, 0o755); err != nil {
		return err
	}
	for name, text := range map[string]string{checking.ScriptFile: source, checking.EntryFile: checking.Runner()} {
		if err := root.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
