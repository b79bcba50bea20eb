package pyruntime

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"

	"agentfactory/internal/sandbox"
	"agentfactory/internal/secret"
)

// Kind says what kept a subagent from answering.
type Kind string

const (
	NoMain        Kind = "no_main"      // no function main
	WrongResult   Kind = "wrong_result" // main returned something else than answer and summary
	Exception     Kind = "exception"
	SystemExit    Kind = "system_exit" // sys.exit, or the process ended by itself
	SyntaxError   Kind = "syntax_error"
	ImportError   Kind = "import_error"
	BadDependency Kind = "dependency" // a declared package cannot be had
	NoIndex       Kind = "no_index"   // it is not installed here, and this worker reaches no package index, or has nothing that installs packages
	Denied        Kind = "denied"     // a policy refuses it
	Timeout       Kind = "timeout"
	Memory        Kind = "memory"
	CPU           Kind = "cpu"
	Disk          Kind = "disk"
	fullDisk      Kind = "full_disk" // what Run makes of it: an error, or Disk
	Output        Kind = "output"
	Killed        Kind = "killed" // by a signal, such as one of the kernel for a forbidden call
)

// Failure tells a programmer, here the meta-agent, what to repair.
type Failure struct {
	Kind      Kind    `json:"kind"`
	Message   string  `json:"message"`
	Traceback string  `json:"traceback,omitempty"` // from the subagent's first frame on
	Locals    []Frame `json:"locals,omitempty"`    // of the innermost frames in its own files, outermost first
	Cause     error   `json:"-"`                   // of Denied and NoIndex: what Allow returned, an *IndexError, or an ErrNoInstaller
}

// Frame is one frame with its local variables, secrets masked and values cut.
type Frame struct {
	Function  string     `json:"function"`
	File      string     `json:"file"`
	Line      int        `json:"line"`
	Variables []Variable `json:"variables"`
}

// Variable is a local variable with the beginning of its repr.
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// read turns what the sandbox saw into an answer or a failure. What the harness
// reported counts, unless a limit ended the run.
func read(res *sandbox.Result, limits sandbox.Limits) Result {
	r := Result{Stdout: text(res.Stdout), Stderr: text(res.Stderr), Truncated: res.Truncated, Duration: res.Wall, PeakMemory: res.PeakMemory}
	if res.Reason != sandbox.Ended {
		r.Failure = limitFailure(res.Reason, limits)
		return r
	}
	var report struct {
		Answer  *string  `json:"answer"`
		Summary *string  `json:"summary"`
		Failure *Failure `json:"failure"`
	}
	err := json.Unmarshal(res.Value, &report)
	switch {
	case err == nil && report.Failure != nil:
		r.Failure = report.Failure
	case err == nil && report.Answer != nil && report.Summary != nil:
		r.Answer, r.Summary = *report.Answer, *report.Summary
	case res.ValueDropped:
		r.Failure = &Failure{Kind: WrongResult, Message: fmt.Sprintf("the answer is larger than %s; write it into a file and answer with its name", humanize.IBytes(sandbox.MaxValue))}
	default:
		r.Failure = endFailure(res.ExitCode)
	}
	return r
}

func limitFailure(reason sandbox.Reason, l sandbox.Limits) *Failure {
	switch reason {
	case sandbox.Timeout:
		return &Failure{Kind: Timeout, Message: fmt.Sprintf("it did not end within %s", l.Wall.Round(time.Second))}
	case sandbox.Memory:
		return &Failure{Kind: Memory, Message: fmt.Sprintf("its processes took more than %s of memory", humanize.IBytes(uint64(l.Memory)))}
	case sandbox.CPU:
		return &Failure{Kind: CPU, Message: fmt.Sprintf("it used more than %s of processor time", l.CPU)}
	case sandbox.Disk:
		return &Failure{Kind: Disk, Message: fmt.Sprintf("the workspace grew beyond %s", humanize.IBytes(uint64(l.Disk)))}
	}
	return &Failure{Kind: Output, Message: fmt.Sprintf("it printed far more than the %s that are kept", humanize.IBytes(uint64(l.Output)))}
}

// ownShare is what a subagent must have put into its workspace to be at fault for a full disk, in bytes.
const ownShare = 64 << 20

// ranOut tells who is at fault that the disk took no more: a subagent that filled it is told so; else it is the worker's
// trouble, an error that is syscall.ENOSPC.
func ranOut(workspace string) (*Failure, error) {
	took := sandbox.TreeSize(workspace)
	if took < ownShare {
		return nil, fmt.Errorf("the worker's disk takes no more: free space in %s: %w", filepath.Dir(workspace), syscall.ENOSPC)
	}
	return &Failure{Kind: Disk, Message: fmt.Sprintf("the disk was full when the workspace had grown to %s", humanize.IBytes(uint64(took)))}, nil
}

// endFailure is for processes that ended without a report.
func endFailure(code int) *Failure {
	if code > 128 && code < 128+65 {
		return &Failure{Kind: Killed, Message: fmt.Sprintf("the process was killed by signal %d (%s)", code-128, syscall.Signal(code-128))}
	}
	return &Failure{Kind: SystemExit, Message: fmt.Sprintf("the process ended with exit code %d before it was done", code)}
}

func text(b []byte) string { return strings.ToValidUTF8(string(b), "�") }

// masked blots secrets out of everything that a model or a record will hold.
func masked(r Result, secrets []string) Result {
	m := secret.NewMask(secrets...)
	r.Answer, r.Summary, r.Stdout, r.Stderr = m.Text(r.Answer), m.Text(r.Summary), m.Text(r.Stdout), m.Text(r.Stderr)
	if f := r.Failure; f != nil {
		f.Message, f.Traceback = m.Text(f.Message), m.Text(f.Traceback)
		for _, frame := range f.Locals {
			for i := range frame.Variables {
				frame.Variables[i].Value = m.Text(frame.Variables[i].Value)
			}
		}
	}
	return r
}
