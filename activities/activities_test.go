package activities

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"agentfactory/internal/llm"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/run"
	"agentfactory/internal/workspace"
	"agentfactory/skillstore"
)

func TestFailuresAreClassifiedByKindAndNotByText(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		want  string
		final bool
	}{
		"a wrong key":               {&llm.Error{Kind: llm.KindAuth}, ModelAuth, true},
		"no credit":                 {&llm.Error{Kind: llm.KindQuota}, ModelAuth, true},
		"an unknown model":          {&llm.Error{Kind: llm.KindNotFound}, ModelRefusedCall, true},
		"a conversation too long":   {&llm.Error{Kind: llm.KindContextLength}, ModelContext, true},
		"a rate limit":              {&llm.Error{Kind: llm.KindRateLimited}, ModelUnavailable, false},
		"a stall":                   {&llm.Error{Kind: llm.KindStalled}, ModelUnavailable, false},
		"no permission on S3":       {fmt.Errorf("x: %w", objectstore.ErrDenied), StorageDenied, true},
		"no bucket":                 {objectstore.ErrNoBucket, StorageDenied, true},
		"S3 that does not answer":   {objectstore.ErrUnavailable, StorageUnavailable, false},
		"bytes that were tampered":  {objectstore.ErrCorrupt, StorageCorrupt, true},
		"a draft that is refused":   {skillstore.ErrInvalid, SkillInvalid, true},
		"an error already of ours":  {temporal.NewNonRetryableApplicationError("x", TurnConflict, nil), TurnConflict, true},
		"a full disk":               {fmt.Errorf("x: %w", &fs.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC}), SandboxUnavailable, false},
		"packages without space":    {fmt.Errorf("x: %w", &pyruntime.DiskError{Reason: "No space left on device"}), SandboxUnavailable, false},
		"an index in trouble":       {fmt.Errorf("x: %w", &pyruntime.IndexError{Passing: true}), SandboxUnavailable, false},
		"a wrapped model error":     {fmt.Errorf("call: %w", &llm.Error{Kind: llm.KindOverloaded}), ModelUnavailable, false},
		"a model that hangs up":     {&llm.Error{Kind: llm.KindCutStream}, ModelUnavailable, false},
		"a model that is not there": {&llm.Error{Kind: llm.KindUnreachable}, ModelUnavailable, false},
	} {
		t.Run(name, func(t *testing.T) {
			var app *temporal.ApplicationError
			require.ErrorAs(t, failure("do it", c.err), &app)
			require.Equal(t, c.want, app.Type())
			require.Equal(t, c.final, app.NonRetryable())
		})
	}
	require.NoError(t, failure("do it", nil))
}

func TestRetryAfterBecomesTheNextDelayWithinBounds(t *testing.T) {
	for asked, want := range map[time.Duration]time.Duration{7 * time.Second: 7 * time.Second, time.Hour: maxRetryAfter} {
		var app *temporal.ApplicationError
		require.True(t, errors.As(failure("x", &llm.Error{Kind: llm.KindRateLimited, RetryAfter: asked}), &app))
		require.Equal(t, want, app.NextRetryDelay())
	}
}

// talk builds a conversation of so many turns, each with one observation.
func talk(turns int, lastInput int64) *conversation {
	opening := &run.Turn{Opening: &run.Opening{ContextWindow: 10_000, MaxOutputTokens: 1000}, Added: []llm.Message{{Role: "system"}, {Role: "user", Content: "task"}}}
	chain := []*run.Turn{opening}
	for i := 1; i <= turns; i++ {
		turn := &run.Turn{Number: i, Reply: llm.Message{Role: "assistant", Content: "reply"}}
		if i > 1 {
			turn.Added = []llm.Message{{Role: "tool", Content: strings.Repeat("x", 2000)}}
		}
		chain = append(chain, turn)
	}
	last(chain).Usage.InputTokens = lastInput
	return &conversation{method: metaskill.AgentFactory, chain: chain, added: []llm.Message{{Role: "tool", Content: "now"}}}
}

func TestOldObservationsAreShortenedWhenTheWindowFillsAndNotBefore(t *testing.T) {
	roomy := talk(20, 1000)
	roomy.fit()
	require.Zero(t, roomy.shortenBefore)
	full := talk(20, 8000)
	full.fit()
	require.Equal(t, 20-wholeTurns, full.shortenBefore)
	messages := full.request().Messages
	require.Len(t, messages, 2+20+19+1)
	require.Less(t, size(messages), size(roomy.request().Messages)/2)
	whole := 0
	for _, m := range messages {
		if len(m.Content) == 2000 {
			whole++
		}
	}
	require.Equal(t, wholeTurns+1, whole, "the latest observations stay whole")
}

func TestTheRequestOnlyGrowsAtItsEnd(t *testing.T) {
	c := talk(5, 100)
	before := c.request().Messages
	next := &run.Turn{Number: 6, Added: c.added, Reply: llm.Message{Role: "assistant", Content: "more"}}
	after := (&conversation{method: metaskill.AgentFactory, chain: append(c.chain, next), added: []llm.Message{{Role: "tool", Content: "then"}}}).request().Messages
	require.Equal(t, before, after[:len(before)], "the prefix is what the provider has cached")
}

func TestAReplacementMustBeExactAndUnique(t *testing.T) {
	code := "def main(query):\n    total = 0\n    for x in query:\n        total += 1\n    return total\n"
	require.NoError(t, checkReplacement("a.py", code, "total = 0"))
	require.ErrorContains(t, checkReplacement("a.py", code, "total"), "occurs 3 times")
	require.ErrorContains(t, checkReplacement("a.py", code, ""), "empty")
	err := checkReplacement("a.py", code, "for x in querys:\n    pass")
	require.ErrorContains(t, err, "   3|     for x in query:", "the nearest text is shown with its line")
}

func TestCodeThatCannotBeASubagentIsRefused(t *testing.T) {
	require.NoError(t, checkCode("def main(query): pass"))
	for says, code := range map[string]string{
		"empty": " \n", "NUL": "x\x00", "UTF-8": "x\xff", "10485760 bytes": strings.Repeat("x", 10<<20),
	} {
		require.ErrorContains(t, checkCode(code), says)
	}
}

func FuzzNearest(f *testing.F) {
	f.Add("a\nb\nc", "b")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, text, old string) {
		if got := nearest(text, old); got == "" {
			t.Fatal("nothing is shown")
		}
	})
}

func TestLiteralsOfTheTaskAreFoundInCode(t *testing.T) {
	inputs := workspace.Manifest{{Path: "data/sales-2025.csv"}}
	task := `Sum up https://example.org/prices and mail it to ann@example.org for "North Region".`
	found := taskLiterals([]string{"https://example.org/prices", "North Region", "sales-2025.csv", "utf-8", ",", "ann@example.org"}, task, inputs)
	require.ElementsMatch(t, []string{"https://example.org/prices", "North Region", "sales-2025.csv", "ann@example.org"}, found)
	require.Empty(t, taskLiterals([]string{"utf-8", ".csv", "region"}, task, inputs), "general code has nothing to be told about")
}
