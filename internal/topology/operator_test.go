package topology

import (
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/run"
)

// start begins a workflow by its type name.
func (p *production) start(id, kind, input string, more ...string) {
	p.t.Helper()
	p.cli.Run(append([]string{"workflow", "start", "--type", kind, "--task-queue", "agentfactory", "-w", id, "--input", input}, more...)...)
}

func in(phase run.Phase) func(run.Status) bool {
	return func(st run.Status) bool { return st.Phase == phase }
}

// await asks again and again until the answer is yes.
func (p *production) await(what string, yes func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); !yes(); time.Sleep(tick) {
		require.True(p.t, time.Now().Before(deadline), "waited in vain: %s", what)
	}
}

// until asks for the status until it is as wanted.
func (p *production) until(id string, wanted func(run.Status) bool) (st run.Status) {
	p.t.Helper()
	p.await("the status of "+id, func() bool {
		var answer struct {
			QueryResult []run.Status `json:"queryResult"`
		}
		p.cli.JSON(&answer, "workflow", "query", "-w", id, "--type", "status", "-o", "json")
		require.Len(p.t, answer.QueryResult, 1)
		st = answer.QueryResult[0]
		return wanted(st)
	})
	return st
}

// update sends an update and returns the line that answers it.
func (p *production) update(id, name, input string) string {
	p.t.Helper()
	args := []string{"workflow", "update", "execute", "-w", id, "--name", name, "-o", "json"}
	if input != "" {
		args = append(args, "--input", input)
	}
	var answer struct {
		Result struct{ Text string }
	}
	p.cli.JSON(&answer, args...)
	return answer.Result.Text
}

func decision(approval string) string {
	return `{"approval_id":"` + approval + `","decision":"approve","by":"ann"}`
}

// approve releases what waits now.
func (p *production) approve(id string) {
	p.t.Helper()
	waiting := p.until(id, func(st run.Status) bool { return st.Approval != nil })
	require.Contains(p.t, p.update(id, "approve", decision(waiting.Approval.ApprovalID)), "approved")
}

// result waits for the end of a workflow, which must complete.
func (p *production) result(id string, into any) {
	p.t.Helper()
	end := struct {
		Status string `json:"status"`
		Result any    `json:"result"`
	}{Result: into}
	p.cli.JSON(&end, "workflow", "result", "-w", id, "-o", "json")
	require.Equal(p.t, "COMPLETED", end.Status)
}

func (p *production) completed(id string) (res run.Result) {
	p.t.Helper()
	p.result(id, &res)
	require.Equal(p.t, run.Completed, res.Outcome, res.Reason)
	return res
}

// described is what these tests read of a workflow.
type described struct {
	WorkflowExecutionInfo struct {
		Execution      struct{ RunID string }
		VersioningInfo struct {
			DeploymentVersion struct{ BuildID string }
		}
	}
}

func (p *production) describe(id string) (d described) {
	p.t.Helper()
	p.cli.JSON(&d, "workflow", "describe", "-w", id, "-o", "json")
	return d
}

func (p *production) runID(id string) string {
	return p.describe(id).WorkflowExecutionInfo.Execution.RunID
}
func (p *production) build(id string) string {
	return p.describe(id).WorkflowExecutionInfo.VersioningInfo.DeploymentVersion.BuildID
}

// finds waits until a list filter finds these workflows and no others.
func (p *production) finds(filter string, ids ...string) {
	p.t.Helper()
	p.await(filter, func() bool { return slices.Equal(ids, p.list(filter)) })
}

// list returns the IDs of the workflows that a filter finds, in order.
func (p *production) list(filter string) (ids []string) {
	p.t.Helper()
	var rows []struct{ Execution struct{ WorkflowID string } }
	p.cli.JSON(&rows, "workflow", "list", "--query", filter, "-o", "json")
	for _, r := range rows {
		ids = append(ids, r.Execution.WorkflowID)
	}
	slices.Sort(ids)
	return ids
}

// resetPoint is the event before something is done, which its summary names; docs/temporal.md shows the same with jq.
func (p *production) resetPoint(id, before string) string {
	p.t.Helper()
	var history struct {
		Events []struct {
			Scheduled *struct {
				After string `json:"workflowTaskCompletedEventId"`
			} `json:"activityTaskScheduledEventAttributes"`
			Metadata struct{ Summary struct{ Data []byte } } `json:"userMetadata"`
		}
	}
	p.cli.JSON(&history, "workflow", "show", "-w", id, "-o", "json")
	for _, e := range history.Events {
		if e.Scheduled != nil && string(e.Metadata.Summary.Data) == `"`+before+`"` {
			return e.Scheduled.After
		}
	}
	require.FailNow(p.t, "nothing to reset to", before)
	return ""
}
