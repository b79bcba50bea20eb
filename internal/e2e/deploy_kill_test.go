package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/activities"
	"agentfactory/workflows"
)

// A worker dies in the middle of a deployment. Another one goes on, and what is published is published once, with the bytes
// that would have been published anyway.
func TestAWorkerKilledInADeploymentChangesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path string
		when moment
	}{
		"before an artifact is stored":    {`blobs/`, before},
		"after an artifact was stored":    {`blobs/`, after},
		"before an artifact is published": {`exports/.*\.(zip|json)$`, before},
		"after an artifact was published": {`exports/.*\.(zip|json)$`, after},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, fitting)
			s.keep("word-count", telling, past{query: "one two", answer: "2 words"})
			wire := s.wire("s3", "PUT", c.path, c.when, 0)
			victim := s.worker()
			s.unwire()
			wire.arm(func() { victim.kill() })
			r := s.startAs(workflows.DeployType, "deployment", workflows.DeployInput{Skills: []string{"word-count"}, AllowProvisional: true})
			<-wire.Went
			s.worker()
			var res workflows.DeployResult
			require.NoError(t, r.Get(t.Context(), &res))
			require.Empty(t, res.Failed)
			require.Equal(t, activities.ExportProved, res.Artifacts[0].Proof.Outcome)
			published, err := s.objects.List(t.Context(), "exports/", "", 0)
			require.NoError(t, err)
			require.Len(t, published, 2, "the artifact, and what is known of it")
			again := s.deploy(workflows.DeployInput{Skills: []string{"word-count"}, AllowProvisional: true})
			require.Equal(t, keys(res.Artifacts), keys(again.Artifacts))
		})
	}
}
