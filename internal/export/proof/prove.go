package proof

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"time"

	"agentfactory/internal/export"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/sandbox"
)

// Config says with what artifacts are proved. All is needed.
type Config struct {
	Sandbox *sandbox.Runner
	Python  pyruntime.Interpreter
	Runtime *pyruntime.Runtime // has the packages, and runs check scripts
	Limits  sandbox.Limits     // of one run
}

// Prover proves artifacts. It is safe for concurrent use.
type Prover struct{ config Config }

// ErrConfig: a Config lacks something; the message names it.
var ErrConfig = errors.New("prover of exports")

// New returns a prover.
func New(c Config) (*Prover, error) {
	switch {
	case c.Sandbox == nil:
		return nil, fmt.Errorf("%w: Sandbox is missing", ErrConfig)
	case c.Runtime == nil:
		return nil, fmt.Errorf("%w: Runtime is missing", ErrConfig)
	case c.Python.Path == "":
		return nil, fmt.Errorf("%w: Python is missing", ErrConfig)
	case c.Limits.Wall <= 0:
		return nil, fmt.Errorf("%w: Limits are missing", ErrConfig)
	}
	return &Prover{config: c}, nil
}

// maxCases bounds how many cases are tried, by ID: an artifact is one program, and what works for twenty works.
const maxCases = 20

// Prove runs the program of a skill, a path in the artifact's files, on the skill's cases. An error says nothing about the
// artifact: the sandbox could not run it, or nobody waits any more.
func (p *Prover) Prove(ctx context.Context, files export.Tree, program string, s export.Skill) (Report, error) {
	r := Report{Skill: s.Manifest.Name, Version: s.Manifest.Version, Program: program, Cases: []Case{}}
	if _, ok := files[program]; !ok {
		r.Outcome, r.Why = Failed, fmt.Sprintf("the artifact has no file %.200q", program)
		return r, nil
	}
	packages, err := p.config.Runtime.Environments().For(ctx, pyruntime.Want{Requirements: s.Declared.Dependencies, Lock: string(s.Lock)})
	if why := withoutPackages(err); why != "" {
		r.Outcome, r.Why = Unproved, why
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("prove %s: %w", s.Manifest.Name, err)
	}
	defer packages.Release()
	if err := p.try(ctx, files, &r, s, packages.Dir); err != nil {
		return r, fmt.Errorf("prove %s: %w", s.Manifest.Name, err)
	}
	r.decide()
	return r, nil
}

// withoutPackages says why what the skill declares cannot be had here, "" if that is not what an error is about.
func withoutPackages(err error) string {
	var wrong *pyruntime.DependencyError
	var missing *pyruntime.IndexError
	switch {
	case errors.As(err, &wrong):
		return wrong.Error()
	case errors.As(err, &missing) && !missing.Passing:
		return missing.Error()
	}
	return ""
}

// try unpacks the artifact where the sandbox can read it, and runs it on each case.
func (p *Prover) try(ctx context.Context, files export.Tree, r *Report, s export.Skill, packages string) error {
	home, err := os.MkdirTemp(p.config.Sandbox.WorkDir(), "export-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	if err := unpack(home, files); err != nil {
		return fmt.Errorf("unpack the artifact: %w", err)
	}
	cases := s.Cases
	if len(cases) > maxCases {
		cases, r.Left = cases[:maxCases], len(cases)-maxCases
	}
	for _, c := range cases {
		t := &trial{
			prover: p, skill: s, past: c, home: home, packages: packages,
			program: filepath.Join(home, filepath.FromSlash(r.Program)), now: Case{ID: c.ID},
		}
		started := time.Now()
		if err := t.run(ctx); err != nil {
			return fmt.Errorf("case %s: %w", c.ID, err)
		}
		t.now.Seconds = time.Since(started).Seconds()
		r.Cases = append(r.Cases, t.now)
	}
	return nil
}

// unpack writes files that every user may read and only this one may change.
func unpack(dir string, files export.Tree) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, name := range files.Paths() {
		mode := os.FileMode(0o644)
		if files[name].Executable {
			mode = 0o755
		}
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		if err := root.WriteFile(name, files[name].Data, mode); err != nil {
			return err
		}
	}
	return nil
}
