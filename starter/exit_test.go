package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"agentfactory/internal/embedded"
	"agentfactory/internal/objectstore"
	runs "agentfactory/internal/run"
	"agentfactory/skillstore"
)

func TestEveryOutcomeHasItsExitCode(t *testing.T) {
	for outcome, want := range map[runs.Outcome]int{
		runs.Completed: 0, runs.Failed: 1, runs.BudgetExhausted: 3, runs.Rejected: 4, runs.Cancelled: 5, runs.Terminated: 1, runs.TimedOut: 1, "an outcome of the future": 1,
	} {
		a := &app{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
		require.Equal(t, want, a.end(endOf(outcome), nil), outcome)
	}
}

func TestErrorsHaveExitCodes(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"storage that is away":         {fmt.Errorf("read: %w", objectstore.ErrUnavailable), exitUnreachable},
		"a wrong S3 key":               {objectstore.ErrDenied, exitUnreachable},
		"no such bucket":               {objectstore.ErrNoBucket, exitUnreachable},
		"Temporal that is away":        {fmt.Errorf("list: %w", serviceerror.NewUnavailable("no")), exitUnreachable},
		"a stack of another setup":     {embedded.ErrOtherSetup, exitUnreachable},
		"an unknown run":               {serviceerror.NewNotFound("no"), exitUsage},
		"an unknown skill":             {skillstore.ErrUnknownSkill, exitUsage},
		"an unknown file of a skill":   {skillstore.ErrUnknownFile, exitUsage},
		"Ctrl-C in the middle":         {fmt.Errorf("wait: %w", context.Canceled), exitDetached},
		"bad input":                    {badInput("x"), exitUsage},
		"an own code wins":             {withCode(exitUnreachable, skillstore.ErrUnknownSkill), exitUnreachable},
		"anything else is a failure":   {errors.New("x"), exitFailed},
		"corrupt storage is a failure": {objectstore.ErrCorrupt, exitFailed},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, codeOf(c.err)) })
	}
}

func TestErrorsAreOneLine(t *testing.T) {
	var out, errs bytes.Buffer
	a := &app{stdout: &out, stderr: &errs}
	require.Equal(t, exitFailed, a.end(errors.New("first\nsecond \x1b[31mred"), nil))
	require.Equal(t, "starter: first second [31mred\n", errs.String())
	require.Empty(t, out.String())
}

func TestANamespaceThatIsNotThereIsToldWithWhatMakesIt(t *testing.T) {
	var errs bytes.Buffer
	a := &app{stderr: &errs}
	require.Equal(t, exitUnreachable, a.end(fmt.Errorf("list runs: %w", serviceerror.NewNamespaceNotFound("agents")), nil))
	require.Contains(t, errs.String(), "list runs: Namespace agents is not found. Check TEMPORAL_NAMESPACE or the profile; `worker setup` makes it\n")
}

func TestErrorsAreDocumentsWithJSON(t *testing.T) {
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"install", "--bogus", "--json"}, func(string) string { return "" }, nil, &out, &errs)
	require.Equal(t, exitUsage, code)
	var document struct {
		Error struct {
			Message, Code string
		}
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &document), out.String())
	require.Equal(t, "bad_input", document.Error.Code)
	require.Contains(t, document.Error.Message, "--bogus")
	require.Empty(t, errs.String())
}

func TestTheHelpTellsEveryExitCode(t *testing.T) {
	var out bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"--help"}, func(string) string { return "" }, nil, &out, &out))
	for code := range codeNames {
		require.Contains(t, out.String(), fmt.Sprintf("\n  %-4d ", code))
	}
}
