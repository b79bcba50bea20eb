package bench

import (
	"compress/gzip"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
)

// recorded is a history that the tests of the workflows replay: three turns, the last of which saves a skill.
func recorded(t *testing.T) *historypb.History {
	f, err := os.Open("../../workflows/testdata/histories/completed.json.gz")
	require.NoError(t, err)
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	require.NoError(t, err)
	h, err := client.HistoryFromJSON(unpacked, client.HistoryJSONOptions{})
	require.NoError(t, err)
	return h
}

func TestTheTurnsOfARunFillTheTimeFromItsFirstModelCallToItsEnd(t *testing.T) {
	h := recorded(t)
	f := follower{timings: newTimings(), scheduled: map[int64]*scheduled{}}
	for _, e := range h.Events {
		f.take(e)
	}
	f.end()
	require.Len(t, f.turns, 3)
	require.Len(t, f.runs, 1)
	var turns, firstThink float64
	for _, turn := range f.turns {
		turns += turn
	}
	for _, e := range h.Events {
		if e.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName() == thinking {
			firstThink = milliseconds(e.EventTime.AsTime().Sub(h.Events[0].EventTime.AsTime()))
			break
		}
	}
	require.InDelta(t, f.runs[0], firstThink+turns, 0.01)
	for name, n := range map[string]int{"Begin": 1, "Think": 3, "RunSubagent": 2, "EditWorkspace": 1, "ReviewFinish": 1, "SaveSkill": 1, "Close": 1} {
		require.Len(t, f.works[name], n, name)
		require.Len(t, f.waits[name], n, name)
	}
	require.Len(t, f.queued, 11)
	require.Len(t, f.replied, 11)
}
