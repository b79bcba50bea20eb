package e2e

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
)

// setup runs `worker setup` and returns what it prints to stdout.
func (s *stack) setup(settings []string, args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), workerBinary, append([]string{"setup"}, args...)...)
	cmd.Env = append(workerEnv(s.address, s.modelURL, s.s3URL, s.t.TempDir(), s.t.TempDir()), settings...)
	log := &lockedBuffer{}
	cmd.Stderr = log
	out, err := cmd.Output()
	require.NoError(s.t, err, "%s%s", out, log)
	return string(out)
}

func TestSetupMakesABucketANamespaceAndSearchAttributesInWhichRunsAreDone(t *testing.T) {
	t.Parallel()
	s := newStack(t, greeter)
	elsewhere := []string{"TEMPORAL_NAMESPACE=team-a", "AGENTFACTORY_S3_BUCKET=team-a"}
	first := s.setup(elsewhere, "--retention", "3d")
	require.Contains(t, first, "bucket team-a: is there and keeps versions\nnamespace team-a: made; closed runs are kept for 72h0m0s\n")
	require.Contains(t, first, "search attributes of namespace team-a: registered AgentFactoryChange, AgentFactoryModel, AgentFactoryOutcome, AgentFactoryPhase, AgentFactorySkills, AgentFactoryTokens\n")
	require.Equal(t, "bucket team-a: is there and keeps versions\nsearch attributes of namespace team-a: all are there\n", s.setup(elsewhere))

	made, err := s.temporal.WorkflowService().DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: "team-a"})
	require.NoError(t, err)
	require.Equal(t, "72h0m0s", made.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration().String())
	s.begin(elsewhere...).awaitReady(t)
	out, code := s.starterWith(elsewhere, "install", "greet")
	require.Zero(t, code, out)
	require.Contains(t, out, "hello wrold")
}
