package main

import (
	"context"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"golang.org/x/sync/errgroup"

	"agentfactory/internal/codec"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/upkeep"
)

// held asks Temporal what it keeps in the bucket: the records of open runs, and what their inputs and those of schedules
// refer to, which may not have been written down anywhere else yet.
func (c *connection) held(ctx context.Context) (upkeep.Held, error) {
	held := upkeep.Held{Workflows: map[string]bool{}}
	if err := c.heldByWorkflows(ctx, &held); err != nil {
		return held, fmt.Errorf("ask Temporal for open workflows: %w", err)
	}
	if err := c.heldBySchedules(ctx, &held); err != nil {
		return held, fmt.Errorf("ask Temporal for schedules: %w", err)
	}
	return held, nil
}

func (c *connection) heldByWorkflows(ctx context.Context, held *upkeep.Held) error {
	request := &workflowservice.ListWorkflowExecutionsRequest{Query: "ExecutionStatus = 'Running'", PageSize: 1000}
	for {
		page, err := c.Temporal.ListWorkflow(ctx, request)
		if err != nil {
			return err
		}
		inputs := make([][][]byte, len(page.GetExecutions()))
		group, inGroup := errgroup.WithContext(ctx)
		group.SetLimit(atOnce)
		for i, w := range page.GetExecutions() {
			held.Workflows[objectstore.WorkflowSegment(w.GetExecution().GetWorkflowId())] = true
			group.Go(func() (err error) {
				inputs[i], err = c.inputOf(inGroup, w.GetExecution())
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for _, texts := range inputs {
			held.Texts = append(held.Texts, texts...)
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return nil
		}
	}
}

// inputOf reads what a workflow was started with; one that has gone meanwhile holds nothing by it.
func (c *connection) inputOf(ctx context.Context, w *commonpb.WorkflowExecution) ([][]byte, error) {
	events := c.Temporal.GetWorkflowHistory(ctx, w.GetWorkflowId(), w.GetRunId(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !events.HasNext() {
		return nil, nil
	}
	first, err := events.Next()
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return texts(c.Temporal.Keys, "workflow "+w.GetWorkflowId(), first.GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads())
}

func (c *connection) heldBySchedules(ctx context.Context, held *upkeep.Held) error {
	pages, err := c.Temporal.ScheduleClient().List(ctx, client.ScheduleListOptions{})
	if err != nil {
		return err
	}
	for pages.HasNext() {
		s, err := pages.Next()
		if err != nil {
			return err
		}
		found, err := c.inputOfSchedule(ctx, s.ID)
		if err != nil {
			return err
		}
		held.Texts = append(held.Texts, found...)
	}
	return nil
}

func (c *connection) inputOfSchedule(ctx context.Context, id string) ([][]byte, error) {
	d, err := c.Temporal.ScheduleClient().GetHandle(ctx, id).Describe(ctx)
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	action, starts := d.Schedule.Action.(*client.ScheduleWorkflowAction)
	if !starts {
		return nil, nil
	}
	var payloads []*commonpb.Payload
	for _, arg := range action.Args {
		payload, encoded := arg.(*commonpb.Payload)
		if !encoded {
			return nil, fmt.Errorf("schedule %s: an input of type %T cannot be read", id, arg)
		}
		payloads = append(payloads, payload)
	}
	return texts(c.Temporal.Keys, "schedule "+id, payloads)
}

// texts are what payloads say. Without knowing that, it is not known what they refer to.
func texts(keys *codec.Keys, of string, stored []*commonpb.Payload) ([][]byte, error) {
	payloads, err := keys.Decode(stored)
	if err != nil {
		return nil, fmt.Errorf("the input of %s cannot be read, so that it is not known what it refers to; nothing may be taken away: %w", of, err)
	}
	var all [][]byte
	for _, p := range payloads {
		switch encoding := string(p.GetMetadata()[converter.MetadataEncoding]); encoding {
		case converter.MetadataEncodingJSON, converter.MetadataEncodingProtoJSON, converter.MetadataEncodingBinary, converter.MetadataEncodingNil:
			all = append(all, p.GetData())
		default:
			return nil, fmt.Errorf("the input of %s is encoded as %.40q, so that it is not known what it refers to; nothing may be taken away", of, encoding)
		}
	}
	return all, nil
}
