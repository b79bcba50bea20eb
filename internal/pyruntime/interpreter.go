package pyruntime

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Interpreter is a Python that can run subagents.
type Interpreter struct {
	Path    string   // the executable itself, symbolic links resolved
	Version string   // such as "3.11.2"
	ABI     string   // what compiled packages depend on, such as "cpython-311-x86_64-linux-gnu"
	Roots   []string // directories that it reads, sorted, none below another
}

// ErrNoPython: no candidate can run subagents; the error names each with the reason.
var ErrNoPython = errors.New("no usable Python")

// oldestMinor is the least 3.x that the subagents' modules run on.
const oldestMinor = 9

// askTimeout bounds one question to a candidate; version managers start slowly.
const askTimeout = 20 * time.Second

// Discover finds the Python that runs subagents: the configured one and no other (a
// path, or a name on PATH), else the first good one of python3 on PATH and the usual
// places. A candidate of which a part is not reachable for the sandbox's user is passed
// over. It fails with ErrNoPython, or with the context's error.
func Discover(ctx context.Context, configured string, reachable func(path string) error) (Interpreter, error) {
	var refused []string
	for _, candidate := range candidates(configured) {
		found, err := examine(ctx, candidate, reachable)
		if err == nil {
			return found, nil
		}
		if ctx.Err() != nil {
			return Interpreter{}, fmt.Errorf("look for Python: %w", context.Cause(ctx))
		}
		refused = append(refused, fmt.Sprintf("%s (%v)", candidate, err))
	}
	return Interpreter{}, fmt.Errorf("%w: tried %s; install python3 (3.%d or newer) or set AGENTFACTORY_PYTHON",
		ErrNoPython, strings.Join(refused, ", "), oldestMinor)
}

func candidates(configured string) []string {
	if configured != "" {
		return []string{configured}
	}
	return []string{"python3", "/usr/bin/python3", "/usr/local/bin/python3"}
}

// answer is what an interpreter tells about itself.
type answer struct {
	Executable  string   `json:"executable"`
	Version     []int    `json:"version"`
	ABI         string   `json:"abi"`
	Directories []string `json:"directories"`
}

func examine(ctx context.Context, candidate string, reachable func(string) error) (Interpreter, error) {
	told, err := ask(ctx, candidate)
	if err != nil {
		return Interpreter{}, err
	}
	if v := told.Version; len(v) != 3 || v[0] != 3 || v[1] < oldestMinor {
		return Interpreter{}, fmt.Errorf("version %s is too old", dotted(v))
	}
	// A version manager's shim is a script; sys.executable is what it started.
	path, err := filepath.EvalSymlinks(told.Executable)
	if err != nil {
		return Interpreter{}, fmt.Errorf("find its executable: %w", err)
	}
	found := Interpreter{Path: path, Version: dotted(told.Version), ABI: told.ABI, Roots: roots(append(told.Directories, filepath.Dir(path)))}
	for _, p := range append([]string{path}, found.Roots...) {
		if err := reachable(p); err != nil {
			return Interpreter{}, fmt.Errorf("the sandbox cannot read %s: %w", p, err)
		}
	}
	return found, nil
}

// question makes an interpreter tell where it is and what it reads. DESTSHARED is
// lib-dynload; Debian keeps it and the stdlib apart from the prefix's site-packages.
const question = `
import json, os, sys, sysconfig
get = sysconfig.get_config_var
directories = [sys.prefix, sys.base_prefix, sys.exec_prefix, get("DESTSHARED"), *sys.path]
directories += [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
if get("Py_ENABLE_SHARED") and os.path.exists(os.path.join(get("LIBDIR") or "", get("INSTSONAME") or "")):
    directories.append(get("LIBDIR"))
print(json.dumps({"executable": sys.executable, "version": sys.version_info[:3],
    "abi": get("SOABI") or sys.implementation.cache_tag + "-" + sysconfig.get_platform(), "directories": [d for d in directories if d]}))
`

func ask(ctx context.Context, candidate string) (answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, askTimeout, fmt.Errorf("it did not answer within %s", askTimeout))
	defer cancel()
	cmd := exec.CommandContext(ctx, candidate, "-I", "-S", "-c", question)
	cmd.WaitDelay = time.Second
	cmd.Env = withoutKeys(os.Environ())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	switch {
	case ctx.Err() != nil:
		return answer{}, context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist):
		return answer{}, errors.New("not found")
	case err != nil && stderr.Len() > 0:
		return answer{}, fmt.Errorf("%w: %s", err, lastLine(stderr.String()))
	case err != nil:
		return answer{}, err
	}
	var told answer
	if err := json.Unmarshal(out, &told); err != nil || told.Executable == "" {
		return answer{}, errors.New("it does not answer like a Python")
	}
	return told, nil
}

// withoutKeys is what an interpreter, or a wrapper such as pyenv's, needs of our environment to find itself: our keys are
// not among it.
func withoutKeys(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		switch name {
		case "PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX":
			return false
		}
		return !strings.HasPrefix(name, "LC_") && !strings.HasPrefix(name, "PYENV_")
	})
}

// roots resolves the directories, drops those that do not exist and those below others.
// A prefix may be / or a home directory; to open that to subagents would show them
// everything, so only the more precise directories stay.
func roots(directories []string) []string {
	var real []string
	for _, d := range directories {
		d, err := filepath.EvalSymlinks(d)
		if err != nil {
			continue // compiled-in paths of relocated builds
		}
		if info, err := os.Stat(d); err == nil && info.IsDir() && filepath.IsAbs(d) && !tooWide(d) {
			real = append(real, d)
		}
	}
	slices.Sort(real)
	var kept []string
	for _, d := range slices.Compact(real) {
		if !slices.ContainsFunc(kept, func(above string) bool { return within(d, above) }) {
			kept = append(kept, d)
		}
	}
	return kept
}

func tooWide(dir string) bool {
	home, err := os.UserHomeDir()
	if err == nil {
		if resolved, err := filepath.EvalSymlinks(home); err == nil {
			home = resolved
		}
	}
	return dir == "/" || (home != "" && within(home, dir))
}

func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

func dotted(version []int) string {
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(version)), "."), "[]")
}
