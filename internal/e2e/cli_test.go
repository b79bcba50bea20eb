package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/run"
)

var temporalCLI = requirement{
	variable: "AGENTFACTORY_TEST_TEMPORAL_CLI", usual: "temporal", check: takes("--version"),
	install: "go install github.com/temporalio/cli/cmd/temporal@v1.5.1",
}

// cli is Temporal's own command line, without the settings of the person who runs the test.
type cli struct {
	t       testing.TB
	program string
	env     []string
}

func (s *stack) cli() *cli {
	return &cli{t: s.t, program: temporalCLI.find(s.t), env: []string{"HOME=" + s.t.TempDir(), "TEMPORAL_ADDRESS=" + s.address}}
}

// run carries out a command that must succeed and returns what it prints.
func (c *cli) run(args ...string) string {
	c.t.Helper()
	out, complaint, err := c.try(args...)
	require.NoError(c.t, err, "temporal %s\n%s%s", strings.Join(args, " "), out, complaint)
	return out
}

// refused carries out a command that must fail and returns its complaint.
func (c *cli) refused(args ...string) string {
	c.t.Helper()
	out, complaint, err := c.try(args...)
	require.Error(c.t, err, "temporal %s\n%s", strings.Join(args, " "), out)
	return out + complaint
}

func (c *cli) try(args ...string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), testPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.program, args...)
	cmd.Env = c.env
	out, complaint := &lockedBuffer{}, &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = out, complaint
	err = cmd.Run()
	return out.String(), complaint.String(), err
}

// json reads what a command prints with --output json.
func (c *cli) json(into any, args ...string) {
	c.t.Helper()
	out := c.run(append(args, "--output", "json")...)
	require.NoError(c.t, json.Unmarshal([]byte(out), into), out)
}

// start begins Install as the documentation shows.
func (c *cli) start(id, input string, more ...string) {
	c.t.Helper()
	out := c.run(append([]string{"workflow", "start", "--type", "Install", "--task-queue", "agentfactory", "--workflow-id", id, "--input", input}, more...)...)
	require.Contains(c.t, out, id)
}

func (c *cli) status(id string) run.Status {
	c.t.Helper()
	st, err := c.ask(id)
	require.NoError(c.t, err)
	return st
}

// ask asks for the status once; a busy worker may not answer in time.
func (c *cli) ask(id string) (run.Status, error) {
	out, complaint, err := c.try("workflow", "query", "--workflow-id", id, "--type", "status", "--output", "json")
	if err != nil {
		return run.Status{}, fmt.Errorf("%w: %s%s", err, out, complaint)
	}
	var answer struct {
		QueryResult [1]run.Status `json:"queryResult"`
	}
	err = json.Unmarshal([]byte(out), &answer)
	return answer.QueryResult[0], err
}

// until asks for the status until it is as wanted.
func (c *cli) until(id string, wanted func(run.Status) bool) run.Status {
	c.t.Helper()
	var st run.Status
	var err error
	require.Eventually(c.t, func() bool { st, err = c.ask(id); return err == nil && wanted(st) }, testPatience, 5*tick, "the status stays at %+v, %v", &st, &err)
	return st
}

func in(p run.Phase) func(run.Status) bool { return func(st run.Status) bool { return st.Phase == p } }

// update sends an update and returns the line that answers it.
func (c *cli) update(id, name, input string) string {
	c.t.Helper()
	args := []string{"workflow", "update", "execute", "--workflow-id", id, "--name", name}
	if input != "" {
		args = append(args, "--input", input)
	}
	var answer struct {
		Result struct {
			Text string `json:"text"`
		} `json:"result"`
	}
	c.json(&answer, args...)
	return answer.Result.Text
}

func decision(approvalID string) string {
	text, _ := json.Marshal(map[string]string{"approval_id": approvalID, "decision": "approve", "by": "ann"}) // cannot fail
	return string(text)
}

// result waits for the end of a run.
func (c *cli) result(id string) (status string, res run.Result) {
	c.t.Helper()
	var end struct {
		Status string     `json:"status"`
		Result run.Result `json:"result"`
	}
	out, complaint, _ := c.try("workflow", "result", "--workflow-id", id, "--output", "json") // fails for endings but completed
	require.NoError(c.t, json.Unmarshal([]byte(out), &end), "%s%s", out, complaint)
	return end.Status, end.Result
}

// found lists the workflow IDs that a list filter finds.
func (c *cli) found(filter string) []string {
	c.t.Helper()
	var rows []struct {
		Execution struct {
			WorkflowID string `json:"workflowId"`
		} `json:"execution"`
	}
	c.json(&rows, "workflow", "list", "--query", filter)
	ids := []string{}
	for _, r := range rows {
		ids = append(ids, r.Execution.WorkflowID)
	}
	return ids
}

// findsSoon waits for visibility, which follows a run with a short delay.
func (c *cli) findsSoon(filter string, ids ...string) {
	c.t.Helper()
	require.EventuallyWithT(c.t, func(ct *assert.CollectT) { assert.ElementsMatch(ct, ids, c.found(filter)) }, testPatience, 5*tick, filter)
}

// resetPoints maps what is done next, by its summary, to the event to reset to.
func (c *cli) resetPoints(id string) map[string]string {
	c.t.Helper()
	var history struct {
		Events []struct {
			Scheduled *struct {
				After string `json:"workflowTaskCompletedEventId"`
			} `json:"activityTaskScheduledEventAttributes"`
			Metadata struct {
				Summary struct {
					Data []byte `json:"data"`
				} `json:"summary"`
			} `json:"userMetadata"`
		} `json:"events"`
	}
	c.json(&history, "workflow", "show", "--workflow-id", id)
	points := map[string]string{}
	for _, e := range history.Events {
		if e.Scheduled != nil {
			points[strings.Trim(string(e.Metadata.Summary.Data), `"`)] = e.Scheduled.After
		}
	}
	return points
}
