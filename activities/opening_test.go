package activities

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/search/searchtest"
	"agentfactory/skillstore"
	"agentfactory/skillstore/storetest"
)

// What a run is told of the library does not grow with it: the first prompt is the same size, give or take 5 %, whether
// there are 10 skills or 10,000.
func TestTheFirstPromptDoesNotGrowWithTheLibrary(t *testing.T) {
	t.Parallel()
	const tasks = 40
	schemas, err := json.Marshal(metaskill.AgentFactory.Tools())
	require.NoError(t, err)
	sizes := map[int]int{}
	for _, n := range []int{10, 10_000} {
		bucket := s3test.Bucket(t)
		skills := searchtest.Library(n, 1)
		require.NoError(t, storetest.Fill(t.Context(), bucket, skills))
		r := &Runs{Skills: skillstore.New(bucket)}
		for i := range tasks {
			o, err := r.prepareOpening(t.Context(), BeginInput{Task: skills[i%10].Query, Offer: true})
			require.NoError(t, err)
			require.NotEmpty(t, o.offered)
			sizes[n] += len(metaskill.SystemPrompt) + len(schemas) + len(o.message)
		}
	}
	t.Logf("%d bytes with 10 skills, %d with 10,000, on average of %d tasks", sizes[10]/tasks, sizes[10_000]/tasks, tasks)
	require.InEpsilon(t, sizes[10], sizes[10_000], 0.05)
}
