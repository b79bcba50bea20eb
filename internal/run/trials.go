package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
)

// CheckRecord is what came of writing a check for a planned skill's case.
type CheckRecord struct {
	Check *skill.Check `json:"check,omitempty"`
	Why   string       `json:"why,omitempty"` // there is none
	Usage Usage        `json:"usage"`
	At    time.Time    `json:"at"`
}

// Trial is what a candidate and its base made of one case, in all their runs.
type Trial struct {
	Outcome skill.GateCase `json:"outcome"`
	Query   string         `json:"query"` // its beginning
	Runs    []TrialRun     `json:"runs"`
	Usage   Usage          `json:"usage"`
	At      time.Time      `json:"at"`
}

// TrialRun is one run of one version on a case.
type TrialRun struct {
	Side   string           `json:"side"` // base or candidate
	Result skill.CaseResult `json:"result"`
	By     string           `json:"by,omitempty"` // what decided: run, same, script, judge, recording
	Why    string           `json:"why,omitempty"`
	Answer string           `json:"answer,omitempty"` // its beginning
}

// CheckKey is the key of the record of a check: of the skill with this index in the plan of a step.
func CheckKey(workflowID, runID string, step, index int) string {
	return objectstore.RunKey(workflowID, runID, "checks", fmt.Sprintf("%06d-%02d.json", step, index))
}

// TrialKey is the key of a gate's record of a case.
func TrialKey(workflowID, runID, caseID string) string {
	return objectstore.RunKey(workflowID, runID, "trials", caseID+".json")
}

// Check reads the record of a check.
func (r *Records) Check(ctx context.Context, key string) (CheckRecord, error) {
	return readAs[CheckRecord](ctx, r, key, "check")
}

// CreateCheck writes the record of a check; one that is there already is returned instead.
func (r *Records) CreateCheck(ctx context.Context, key string, c CheckRecord) (CheckRecord, error) {
	return createOnce(ctx, r, key, c, "check")
}

// Trial reads a gate's record of a case.
func (r *Records) Trial(ctx context.Context, key string) (Trial, error) {
	return readAs[Trial](ctx, r, key, "trial")
}

// CreateTrial writes a gate's record of a case; one that is there already is returned instead.
func (r *Records) CreateTrial(ctx context.Context, key string, t Trial) (Trial, error) {
	return createOnce(ctx, r, key, t, "trial")
}

func readAs[T any](ctx context.Context, r *Records, key, what string) (v T, err error) {
	if err := r.read(ctx, key, &v); err != nil {
		return v, fmt.Errorf("read %s: %w", what, err)
	}
	return v, nil
}

func createOnce[T any](ctx context.Context, r *Records, key string, v T, what string) (T, error) {
	err := r.create(ctx, key, v)
	if errors.Is(err, objectstore.ErrExists) {
		return readAs[T](ctx, r, key, what)
	}
	if err != nil {
		return v, fmt.Errorf("write %s: %w", what, err)
	}
	return v, nil
}
