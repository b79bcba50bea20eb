package check

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"agentfactory/internal/export"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/sandbox"
)

//go:embed python/*.py
var programs embed.FS

// linters are the packages that look at a skill, of versions that are known to say what examine.py reads.
var linters = []string{"bandit==1.8.6", "detect-secrets==1.5.0", "ruff==0.17.5", "vermin==1.9.2"}

// facts are what examine.py says. Paths begin with code/ or text/.
type facts struct {
	Imports []struct {
		at
		Module   string   `json:"module"` // the first part of its name
		Names    []string `json:"names"`  // that are imported from it
		Guarded  bool     `json:"guarded"`
		Local    bool     `json:"local"`
		Standard bool     `json:"standard"`
		Packages []string `json:"packages"` // installed ones that have it
	} `json:"imports"`
	Literals []struct {
		at
		Text string `json:"text"`
	} `json:"literals"`
	Uses []struct {
		at
		Name string `json:"name"` // of something in a module, such as socket.socket
	} `json:"uses"`
	Syntax   []lint `json:"syntax"`
	Unread   []lint `json:"unread"` // files that this Python cannot parse
	Versions []lint `json:"versions"`
	Risks    []lint `json:"risks"`
	Secrets  []struct {
		at
		Kind  string `json:"kind"`
		Named bool   `json:"named"`
	} `json:"secrets"`
}

type at struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

type lint struct {
	at
	Code     string `json:"code"`
	Severity string `json:"severity"`
	Since    string `json:"since"`
	Message  string `json:"message"`
}

// examine collects the facts about a skill; missing says in a line why its packages cannot be had.
func (c *Checker) examine(ctx context.Context, s export.Skill, oldest string) (found facts, missing string, err error) {
	tools, err := c.config.Packages.For(ctx, pyruntime.Want{Requirements: linters})
	if err != nil {
		return found, "", fmt.Errorf("provide the linters: %w", err)
	}
	defer tools.Release()
	declared, err := c.config.Packages.For(ctx, pyruntime.Want{Requirements: s.Declared.Dependencies, Lock: string(s.Lock)})
	var wrong *pyruntime.DependencyError
	switch {
	case errors.As(err, &wrong):
		missing, declared = wrong.Error(), &pyruntime.Environment{}
	case err != nil:
		return found, "", fmt.Errorf("provide what it declares: %w", err)
	}
	defer declared.Release()
	found, err = c.look(ctx, s, order{Entry: s.Manifest.EntryFile, Python: oldest, Linters: tools.Dir, Packages: declared.Dir})
	return found, missing, err
}

// order is what examine.py reads.
type order struct {
	Entry    string `json:"entry"`
	Python   string `json:"python"`
	Linters  string `json:"linters"`
	Packages string `json:"packages"`
}

// limits are ample for the largest skill with many cases.
var limits = sandbox.Limits{
	Wall: 3 * time.Minute, CPU: 2 * time.Minute, Memory: 1 << 30, Processes: 64, Output: 64 << 10, FileSize: 16 << 20, Disk: 512 << 20,
}

func (c *Checker) look(ctx context.Context, s export.Skill, o order) (facts, error) {
	dir, err := os.MkdirTemp(c.config.Sandbox.WorkDir(), "check-")
	if err != nil {
		return facts{}, err
	}
	defer os.RemoveAll(dir)
	if err := place(dir, s); err != nil {
		return facts{}, fmt.Errorf("lay out its files: %w", err)
	}
	stdin, err := json.Marshal(o)
	if err != nil {
		return facts{}, err
	}
	readable := []string{o.Linters}
	if o.Packages != "" {
		readable = append(readable, o.Packages)
	}
	res, err := c.config.Sandbox.Run(ctx, sandbox.Spec{
		Workspace: dir, Argv: []string{c.config.Python.Path, "programs/examine.py"}, Stdin: stdin,
		Env: []string{"PYTHONPATH=" + o.Linters, "PYTHONIOENCODING=utf-8"}, ReadOnly: readable, Limits: limits,
	})
	if err != nil {
		return facts{}, err
	}
	return read(ctx, res)
}

// place fills a directory as examine.py wants it.
func place(dir string, s export.Skill) error {
	own := map[string][]byte{}
	entries, err := fs.Glob(programs, "python/*.py")
	if err != nil {
		return err
	}
	for _, name := range entries {
		if own[path.Base(name)], err = programs.ReadFile(name); err != nil {
			return err
		}
	}
	for name, files := range map[string]map[string][]byte{"programs": own, "code": s.Code, "text": texts(s)} {
		if err := lay(filepath.Join(dir, name), files); err != nil {
			return err
		}
	}
	return nil
}

func read(ctx context.Context, res *sandbox.Result) (facts, error) {
	var found facts
	if res.Reason == sandbox.Cancelled {
		return found, context.Cause(ctx)
	}
	if err := json.Unmarshal(res.Value, &found); err != nil || res.ExitCode != 0 {
		return found, fmt.Errorf("the linters gave no report (exit code %d %s): %s", res.ExitCode, res.Reason, lastLine(res.Stderr))
	}
	return found, nil
}

func lastLine(said []byte) string {
	text := strings.TrimSpace(strings.ToValidUTF8(string(said), "�"))
	return text[strings.LastIndexByte(text, '\n')+1:]
}
