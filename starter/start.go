package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"agentfactory/internal/objectstore"
	runs "agentfactory/internal/run"
	"agentfactory/workflows"
)

// startable is a command that starts a run. What it would start can be planned without starting it: a schedule does.
type startable struct {
	*cobra.Command
	plan func(args []string) (startPlan, error) // after the flags were parsed
}

// startPlan is a run that is to be started, checked as far as it can be without a server.
type startPlan struct {
	workflowType string
	id           string // workflow ID; empty: made from the title
	title        string // what it is about, for lists
	asksModel    bool   // a worker of ours without a model could not carry it out
	model        string // that the input names; empty: the configured one
	embedded     bool   // our own servers, whatever is configured
	// input is made once there is a connection; hand takes its files.
	input func(ctx context.Context, c *connection, hand handing) (any, error)
}

// handing is a way to hand in files: inputFiles.hand for one run, inputFiles.upload for many.
type handing func(inputFiles, context.Context, *objectstore.Blobs) ([]runs.InputFile, error)

// openFor connects for a run: the worker of the embedded stack has its model then.
func (a *app) openFor(ctx context.Context, p startPlan) (*connection, error) {
	cfg, err := a.load()
	if err != nil {
		return nil, err
	}
	if p.asksModel {
		if err := checkModel(cfg, p.model); err != nil {
			return nil, err
		}
	}
	c, err := a.connect(ctx, cfg, wanted{embedded: p.embedded})
	if err != nil {
		return nil, err
	}
	if err := c.setModel(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// start begins the run by its type name, as any other program would.
func (c *connection) start(ctx context.Context, workflowType, id, title string, in any) (string, error) {
	if id == "" {
		id = c.newRunID(strings.ToLower(workflowType), title)
	}
	summary := summaryOf(title)
	_, err := c.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       id,
		TaskQueue:                                workflows.TaskQueue,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            summary,
		Memo:                                     map[string]any{memoTask: summary},
	}, workflowType, in)
	var taken *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &taken) {
		return "", badInput("a run with the ID %s is going on: watch it with `starter runs watch %s`, or choose another --id", id, id)
	}
	if err != nil {
		return "", fmt.Errorf("start the run: %w", err)
	}
	return id, nil
}

// summaryOf is what lists show of a run.
func summaryOf(title string) string { return clip(oneLine(title), maxSummary) }

const (
	maxSummary = 100    // characters; Temporal takes 400 bytes
	memoTask   = "task" // memo field that `runs list` shows
)
