package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"

	"agentfactory/internal/codec"
	"agentfactory/internal/embedded"
	"agentfactory/internal/objectstore"
	runs "agentfactory/internal/run"
	"agentfactory/internal/service"
	"agentfactory/skillstore"
)

// Exit codes, as the root help explains them.
const (
	exitCompleted   = 0
	exitFailed      = 1
	exitUsage       = 2
	exitBudget      = 3
	exitRejected    = 4
	exitCancelled   = 5
	exitUnreachable = 6
	exitDetached    = 130 // as shells report a process that Ctrl-C ended
)

// codeNames are the codes of error documents.
var codeNames = map[int]string{
	exitFailed: "failed", exitUsage: "bad_input", exitBudget: "budget_exhausted", exitRejected: "rejected",
	exitCancelled: "cancelled", exitUnreachable: "unreachable", exitDetached: "detached",
}

// coded is an error with its exit code.
type coded struct {
	code int
	err  error
}

func (e *coded) Error() string { return e.err.Error() }
func (e *coded) Unwrap() error { return e.err }

// severalErrors are told in a line each.
type severalErrors []error

func (s severalErrors) Error() string { return errors.Join(s...).Error() }

func withCode(code int, err error) error {
	if err == nil {
		return nil
	}
	return &coded{code, err}
}

// badInput is what the person who typed the command can set right.
func badInput(format string, args ...any) error {
	return &coded{exitUsage, fmt.Errorf(format, args...)}
}

// ended is the end of a command that has already printed everything.
type ended int

func (e ended) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// endOf is nil for a run that completed.
func endOf(o runs.Outcome) error {
	codes := map[runs.Outcome]int{
		runs.Completed: exitCompleted, runs.BudgetExhausted: exitBudget, runs.Rejected: exitRejected, runs.Cancelled: exitCancelled,
	}
	code, known := codes[o]
	switch {
	case !known:
		return ended(exitFailed)
	case code == exitCompleted:
		return nil
	}
	return ended(code)
}

// end reports an error where the caller looks for it, and returns the exit code.
func (a *app) end(err error, args []string) int {
	if err == nil {
		return exitCompleted
	}
	var silent ended
	if errors.As(err, &silent) {
		return int(silent)
	}
	code, message := codeOf(err), oneLine(err.Error())
	if errors.As(err, new(*serviceerror.NamespaceNotFound)) {
		message += " " + service.NamespaceRemedy
	}
	var several severalErrors
	if errors.As(err, &several) && !a.json {
		for _, line := range strings.Split(several.Error(), "\n") {
			fmt.Fprintln(a.stderr, "starter:", oneLine(line))
		}
		return code
	}
	if code == exitDetached {
		message = "interrupted"
	}
	// A command line that could not be parsed has not set the flag.
	if a.json || slices.Contains(args, "--json") {
		a.printJSON(map[string]any{"error": map[string]any{"message": message, "code": codeNames[code], "exit_code": code}})
	} else {
		fmt.Fprintln(a.stderr, "starter:", message)
	}
	return code
}

// codeOf classifies errors that nobody has given a code.
func codeOf(err error) int {
	var (
		own         *coded
		unavailable *serviceerror.Unavailable
		deadline    *serviceerror.DeadlineExceeded
		denied      *serviceerror.PermissionDenied
		namespace   *serviceerror.NamespaceNotFound
		noRun       *serviceerror.NotFound
	)
	switch {
	case errors.As(err, &own):
		return own.code
	case errors.Is(err, context.Canceled):
		return exitDetached
	case errors.Is(err, objectstore.ErrUnavailable), errors.Is(err, objectstore.ErrDenied), errors.Is(err, objectstore.ErrNoBucket),
		errors.Is(err, embedded.ErrNotRunning), errors.Is(err, embedded.ErrOtherSetup), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &unavailable), errors.As(err, &deadline), errors.As(err, &denied), errors.As(err, &namespace):
		return exitUnreachable
	case errors.Is(err, codec.ErrKeys):
		return exitUsage
	case errors.Is(err, skillstore.ErrUnknownSkill), errors.Is(err, skillstore.ErrUnknownVersion), errors.Is(err, skillstore.ErrUnknownFile),
		errors.Is(err, skillstore.ErrUnknownCase), errors.Is(err, skillstore.ErrInvalid), errors.Is(err, skillstore.ErrFrozen), errors.Is(err, skillstore.ErrGuarded), errors.As(err, &noRun),
		errors.Is(err, skillstore.ErrUnknownLibrary), errors.Is(err, skillstore.ErrLibraryExists), errors.Is(err, skillstore.ErrUnknownSnapshot), errors.Is(err, skillstore.ErrSnapshotExists):
		return exitUsage
	}
	return exitFailed
}

// flagError explains a wrong flag in one line with a hint.
func flagError(cmd *cobra.Command, err error) error {
	what, _, _ := strings.Cut(err.Error(), ": strconv.") // nobody types a call of ParseInt
	return badInput("%s; see `%s --help`", what, cmd.CommandPath())
}

func unknownCommand(cmd *cobra.Command, name string) error {
	cmd.SuggestionsMinimumDistance = 2 // letters
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		return badInput("there is no command `%s %s`; did you mean `%s %s`?", cmd.CommandPath(), name, cmd.CommandPath(), near[0])
	}
	return badInput("there is no command `%s %s`; see `%s --help`", cmd.CommandPath(), name, cmd.CommandPath())
}

// exactly demands the named arguments, no more and no fewer.
func exactly(names ...string) cobra.PositionalArgs {
	return between(len(names), names...)
}

// between demands the first `least` of the named arguments and takes the others.
func between(least int, names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return badInput("`%s` needs %s; see `%s --help`", cmd.CommandPath(), names[len(args)], cmd.CommandPath())
		case len(args) > len(names) && len(names) == 0:
			return badInput("`%s` takes no argument, not %q; see `%s --help`", cmd.CommandPath(), args[0], cmd.CommandPath())
		case len(args) > len(names):
			return badInput("`%s` takes %s and nothing more, not %q; quote text with spaces; see `%s --help`",
				cmd.CommandPath(), strings.Join(names, " and "), args[len(names)], cmd.CommandPath())
		}
		return nil
	}
}
