package archive

import (
	"context"
	"fmt"
	"time"

	"agentfactory/internal/evaluation"
)

// Make computes the report of what has been done so far; finished is zero while the evaluation goes on. The report of the
// previous evaluation is computed anew from its outcomes, so that both are told by the same rules.
func (a *Archive) Make(ctx context.Context, id string, finished time.Time) (evaluation.Report, error) {
	record, tasks, err := a.Begun(ctx, id)
	if err != nil {
		return evaluation.Report{}, err
	}
	record.FinishedAt = finished
	var previous *evaluation.Report
	if record.Previous != "" {
		before, itsTasks, err := a.Begun(ctx, record.Previous)
		if err != nil {
			return evaluation.Report{}, fmt.Errorf("read the previous evaluation: %w", err)
		}
		report, err := a.compute(ctx, before, itsTasks, nil)
		if err != nil {
			return evaluation.Report{}, fmt.Errorf("read the previous evaluation: %w", err)
		}
		previous = &report
	}
	return a.compute(ctx, record, tasks, previous)
}

func (a *Archive) compute(ctx context.Context, r Record, tasks []evaluation.Task, previous *evaluation.Report) (evaluation.Report, error) {
	outcomes, err := a.Outcomes(ctx, r.ID)
	if err != nil {
		return evaluation.Report{}, err
	}
	return evaluation.Make(r.Meta, tasks, outcomes, previous), nil
}

// KeepReports writes all forms of a report, and returns their keys by form.
func (a *Archive) KeepReports(ctx context.Context, r evaluation.Report) (map[string]string, error) {
	forms, err := Forms(r)
	if err != nil {
		return nil, err
	}
	keys := map[string]string{}
	for form, body := range forms {
		if keys[form], err = a.KeepReport(ctx, r.Meta.ID, form, body); err != nil {
			return nil, fmt.Errorf("keep report.%s: %w", form, err)
		}
	}
	return keys, nil
}
