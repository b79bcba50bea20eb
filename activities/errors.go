package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"go.temporal.io/sdk/temporal"

	"agentfactory/internal/llm"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// The error types of the activities, stable for callers and dashboards.
const (
	InvalidInput       = "InvalidInput"       // the run's input is wrong
	ModelNotConfigured = "ModelNotConfigured" // the worker has no model to call
	ModelAuth          = "ModelAuth"          // the model server refuses the key
	ModelRefusedCall   = "ModelRequest"       // the model server refuses the request (unknown model, bad parameter), or its reply is of no use however often it is asked
	ModelContext       = "ModelContextLength" // the conversation does not fit the model's context window
	ModelUnavailable   = "ModelUnavailable"   // rate limits, overload, network, stalls: worth waiting for
	StorageUnavailable = "StorageUnavailable" // S3 is unreachable or failing: worth waiting for
	StorageDenied      = "StorageDenied"      // S3 refuses: no bucket, no permission, too large
	StorageCorrupt     = "StorageCorrupt"     // what was read back is not what was written
	SkillInvalid       = "SkillInvalid"       // the library refuses what was to be saved
	TurnConflict       = "TurnConflict"       // a turn with another request stands where this one belongs
	SandboxUnavailable = "SandboxUnavailable" // this worker cannot run subagents now: its disk is full, its package index in trouble
)

// failure turns an error of a dependency into a Temporal error of a stable type,
// retryable or not by what kind of error it is, never by its text.
func failure(verb string, err error) error {
	if err == nil {
		return nil
	}
	var app *temporal.ApplicationError
	if errors.As(err, &app) || errors.Is(err, context.Canceled) {
		return err
	}
	text := brief(fmt.Sprintf("%s: %v", verb, err))
	var model *llm.Error
	switch {
	case errors.As(err, &model):
		return modelFailure(text, model)
	case errors.Is(err, objectstore.ErrDenied), errors.Is(err, objectstore.ErrNoBucket), errors.Is(err, objectstore.ErrTooLarge):
		return temporal.NewNonRetryableApplicationError(text, StorageDenied, nil)
	case errors.Is(err, skillstore.ErrUnknownLibrary), errors.Is(err, skillstore.ErrUnknownSnapshot), errors.Is(err, skillstore.ErrLibraryExists), errors.Is(err, skillstore.ErrSnapshotExists):
		return temporal.NewNonRetryableApplicationError(text, InvalidInput, nil)
	case errors.Is(err, skillstore.ErrInvalid), errors.Is(err, skill.ErrInvalidName):
		return temporal.NewNonRetryableApplicationError(text, SkillInvalid, nil)
	case errors.Is(err, objectstore.ErrUnavailable):
		return temporal.NewApplicationError(text, StorageUnavailable)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, pyruntime.ErrIndexUnavailable):
		return temporal.NewApplicationError(text, SandboxUnavailable)
	case errors.Is(err, objectstore.ErrCorrupt), errors.Is(err, objectstore.ErrNotFound), errors.Is(err, objectstore.ErrInvalidKey):
		return temporal.NewNonRetryableApplicationError(text, StorageCorrupt, nil)
	}
	return fmt.Errorf("%s: %w", verb, err)
}

// maxFailure bounds the text of a failure, in characters: Temporal cuts off what comes
// after 4 KiB of one that is tried again.
const maxFailure = 1000

// brief makes one line of a failure's text.
func brief(text string) string { return cut(strings.Join(strings.Fields(text), " "), maxFailure) }

// modelFailure keeps the server's Retry-After as the delay before the next attempt.
func modelFailure(text string, err *llm.Error) error {
	kind := ModelUnavailable
	switch err.Kind {
	case llm.KindAuth, llm.KindQuota:
		kind = ModelAuth
	case llm.KindNotFound, llm.KindInvalidRequest, llm.KindTooLarge:
		kind = ModelRefusedCall
	case llm.KindContextLength:
		kind = ModelContext
	}
	return temporal.NewApplicationErrorWithOptions(text, kind, temporal.ApplicationErrorOptions{
		NonRetryable:   !err.Retryable(),
		NextRetryDelay: min(err.RetryAfter, maxRetryAfter),
	})
}

// maxRetryAfter bounds how long one attempt may be put off by a server; past it the
// workflow waits instead, where a person sees it.
const maxRetryAfter = 2 * time.Minute

func invalid(format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(brief(fmt.Sprintf(format, args...)), InvalidInput, nil)
}
