package codec

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"
)

func echo(_ context.Context, text string) (string, error) { return text + "!", nil }

// TestAWorkflowRunsOnEncryptedPayloads: the input is JSON as it stands, as the workflows of this project take it.
func TestAWorkflowRunsOnEncryptedPayloads(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	c := parsed(t, "a:"+newKey()).Converters()
	env.SetDataConverter(c.Data)
	env.SetFailureConverter(c.Failure)
	env.RegisterActivity(echo)
	env.ExecuteWorkflow(func(ctx workflow.Context, raw json.RawMessage) (out string, err error) {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, Summary: "says it again"})
		err = workflow.ExecuteActivity(ctx, echo, string(raw)).Get(ctx, &out)
		return out, err
	}, json.RawMessage(`{"task":"x"}`))
	require.NoError(t, env.GetWorkflowError())
	var out string
	require.NoError(t, env.GetWorkflowResult(&out))
	require.Equal(t, `{"task":"x"}!`, out)
}
