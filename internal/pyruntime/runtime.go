package pyruntime

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"agentfactory/internal/sandbox"
)

//go:embed python/*.py
var modules embed.FS

// Config says with what subagents are run.
type Config struct {
	Python  Interpreter
	Dir     string // for packages that subagents declare; where the sandbox's user cannot get there, its own is taken
	Sandbox *sandbox.Runner

	UV              string // see EnvironmentsConfig, as for the index
	IndexURL        string
	MaxPackageBytes int64 // of all packages together; 0: DefaultMaxBytes
}

// Runtime runs subagents. It is safe for concurrent use.
type Runtime struct {
	python       Interpreter
	box          *sandbox.Runner
	modules      string // directory of harness.py and the modules beside it
	environments *Environments
}

// New puts the Python modules where sandboxed programs can read them.
func New(c Config) (*Runtime, error) {
	dir, err := install(c.Sandbox.SharedDir())
	if err != nil {
		return nil, fmt.Errorf("install the subagents' modules: %w", err)
	}
	packages := c.Dir
	if sandbox.Readable(filepath.Dir(packages)) != nil {
		packages = filepath.Join(c.Sandbox.SharedDir(), "packages")
	}
	environments, err := NewEnvironments(EnvironmentsConfig{Dir: packages, Python: c.Python, UV: c.UV, IndexURL: c.IndexURL, MaxBytes: c.MaxPackageBytes})
	if err != nil {
		return nil, err
	}
	return &Runtime{python: c.Python, box: c.Sandbox, modules: dir, environments: environments}, nil
}

// Environments are the packages that subagents run with, for others who need packages in the sandbox.
func (rt *Runtime) Environments() *Environments { return rt.environments }

// install writes the modules into a directory named by their content, so that workers
// of different builds do not disturb each other.
func install(shared string) (string, error) {
	names, err := fs.Glob(modules, "python/*.py")
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, name := range names {
		data, err := modules.ReadFile(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(data), data)
	}
	dir := filepath.Join(shared, "modules-"+hex.EncodeToString(sum.Sum(nil)[:8]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	return dir, writeModules(names, dir)
}

func writeModules(names []string, dir string) error {
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".modules-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	for _, name := range names {
		data, err := modules.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(tmp, filepath.Base(name)), data, 0o644); err != nil {
			return err
		}
	}
	if err := os.Rename(tmp, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Call is one run of a subagent.
type Call struct {
	Workspace string       // absolute directory, as made below WorkDir
	Entry     string       // the module, relative to the workspace
	Query     string       // main's argument
	Program   bool         // run the module itself as a program instead of its main: there is no answer but what it prints
	Gateway   http.Handler // behind llm and tools
	Token     string       // what the gateway demands
	Egress    http.Handler // HTTP proxy of the run; nil: plain HTTP libraries reach nothing
	CA        []byte       // PEM of the authority by which the proxy opens TLS
	Limits    sandbox.Limits
	Mask      []string // values that nothing which is returned may show
	Granted   []string // the tool skills that the module tools offers; importing another one fails
	// Lock is the Result.Lock with which the subagent was saved, see Want; "" resolves what it declares.
	Lock string
	// Allow is asked for each package by name and version before anything is downloaded; its error refuses the package
	// and is the failure's Cause. nil allows all.
	Allow func(ctx context.Context, name, version string) error
}

// Result is an answer, or a failure of the subagent.
type Result struct {
	Answer, Summary string
	Failure         *Failure // nil: it answered
	Lock            string   // the packages that it ran with, see ParseLock; "" for none
	Stdout, Stderr  string   // capped
	Truncated       bool     // one of them was longer
	Duration        time.Duration
	PeakMemory      int64 // bytes
}

// Run runs main(query), or a program. An error is ours; what the subagent did wrong is in the result.
func (rt *Runtime) Run(ctx context.Context, c Call) (Result, error) {
	source, err := readSource(c.Workspace, c.Entry)
	if err != nil {
		return Result{}, err
	}
	packages, failure, err := rt.packages(ctx, source, c)
	if err != nil || failure != nil {
		return masked(Result{Failure: failure}, c.Mask), err
	}
	defer packages.Release()
	res, err := rt.execute(ctx, c, packages.path())
	if err != nil {
		return Result{}, err
	}
	if res.Reason == sandbox.Cancelled {
		return Result{}, context.Cause(ctx)
	}
	result := read(res, c.Limits)
	if result.Failure != nil && result.Failure.Kind == fullDisk {
		if result.Failure, err = ranOut(c.Workspace); err != nil {
			return Result{}, fmt.Errorf("run %s: %w", c.Entry, err)
		}
	}
	result.Lock = packages.Lock
	return masked(result, c.Mask), nil
}

// order is what the harness reads.
type order struct {
	Entry   string   `json:"entry"`
	Query   string   `json:"query"`
	Program bool     `json:"program"`
	Token   string   `json:"token"`
	Path    []string `json:"path"` // of packages
	Granted []string `json:"granted"`
}

// plotting draws without a screen; the sandbox gives matplotlib its writable directory.
var plotting = []string{"MPLBACKEND=Agg"}

func (rt *Runtime) execute(ctx context.Context, c Call, packages []string) (*sandbox.Result, error) {
	stdin, err := json.Marshal(order{Entry: c.Entry, Query: c.Query, Program: c.Program, Token: c.Token, Path: packages, Granted: append([]string{}, c.Granted...)})
	if err != nil {
		return nil, fmt.Errorf("encode the order of a run: %w", err)
	}
	return rt.box.Run(ctx, sandbox.Spec{
		Workspace: c.Workspace, Script: filepath.Join(rt.modules, "harness.py"), Stdin: stdin, Gateway: c.Gateway, Egress: c.Egress, CA: c.CA,
		Limits: c.Limits, Env: plotting, ReadOnly: append(packages, rt.modules),
	})
}

// WorkDir is the directory in which workspaces can be made.
func (rt *Runtime) WorkDir() string { return rt.box.WorkDir() }

// readSource reads the entry file, which untrusted code may have replaced by anything.
func readSource(workspace, entry string) ([]byte, error) {
	root, err := os.OpenRoot(workspace)
	if err != nil {
		return nil, fmt.Errorf("open the workspace: %w", err)
	}
	defer root.Close()
	source, err := root.ReadFile(entry)
	if err != nil {
		return nil, fmt.Errorf("read the subagent: %w", err)
	}
	return source, nil
}

// packages provides what the source declares.
func (rt *Runtime) packages(ctx context.Context, source []byte, c Call) (*Environment, *Failure, error) {
	declared, err := Dependencies(source)
	if err == nil {
		err = declared.Accepts(rt.python.Version)
	}
	if err != nil {
		return nil, &Failure{Kind: BadDependency, Message: err.Error()}, nil
	}
	e, err := rt.environments.For(ctx, Want{Requirements: declared.Dependencies, Lock: c.Lock, Allow: c.Allow})
	if failure := packageFailure(err); failure != nil {
		return nil, failure, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("provide packages: %w", err)
	}
	return e, nil, nil
}

// packageFailure is what the subagent's author can do something about: another package, or none. Trouble that passes is
// left to those who repeat the run.
func packageFailure(err error) *Failure {
	var wrong *DependencyError
	var denied *DeniedError
	var missing *IndexError
	switch {
	case errors.As(err, &wrong):
		return &Failure{Kind: BadDependency, Message: wrong.Error()}
	case errors.As(err, &denied):
		return &Failure{Kind: Denied, Message: denied.Error(), Cause: denied.Err}
	case errors.As(err, &missing) && !missing.Passing:
		return &Failure{Kind: NoIndex, Message: missing.Error(), Cause: missing}
	case errors.Is(err, ErrNoInstaller):
		return &Failure{Kind: NoIndex, Message: err.Error(), Cause: err}
	}
	return nil
}

// Inspection is what a subagent's source tells without being run.
type Inspection struct {
	HasMain      bool     `json:"has_main"`
	SyntaxError  string   `json:"syntax_error"`
	LocalModules []string `json:"local_modules"` // files of the workspace that it imports, also indirectly, sorted
	Imports      []string `json:"imports"`       // dotted names
	Literals     []string `json:"literals"`      // string constants but docstrings
	Docstring    string   `json:"docstring"`     // of the entry module, else of its main
}

// inspectLimits are ample for parsing source code.
var inspectLimits = sandbox.Limits{
	Wall: 30 * time.Second, CPU: 30 * time.Second, Memory: 512 << 20, Processes: 16, Output: 16 << 10, FileSize: 1 << 20, Disk: 2 << 30,
}

// Inspect parses a subagent in the sandbox; a parser that reads untrusted code belongs there.
func (rt *Runtime) Inspect(ctx context.Context, workspace, entry string) (Inspection, error) {
	res, err := rt.box.Run(ctx, sandbox.Spec{
		Workspace: workspace, Script: filepath.Join(rt.modules, "inspect_module.py"), Args: []string{entry},
		Limits: inspectLimits, ReadOnly: []string{rt.modules},
	})
	if err != nil {
		return Inspection{}, err
	}
	if res.Reason == sandbox.Cancelled {
		return Inspection{}, context.Cause(ctx)
	}
	var found Inspection
	if err := json.Unmarshal(res.Value, &found); err != nil {
		return Inspection{SyntaxError: "the source cannot be parsed: " + lastLine(string(res.Stderr))}, nil
	}
	return found, nil
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
