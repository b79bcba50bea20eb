package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/gateway"
)

// What the egress proxy carries out for a run is journalled with its other calls, asked about by the same policy, and
// answered from the journal when the run is repeated.
func TestRequestsThatOthersCarryOutAreJournalledToo(t *testing.T) {
	calls := 0
	config := searching(gateway.NewJournal(s3test.Bucket(t), prefix), &calls)
	config.Secrets = []string{"sk-secret-1234"}
	d := open(t, config)
	d.ok("/v1/tool/web_search", `{"query": "weather"}`)
	request := map[string]string{"method": "GET", "url": "https://a.example/?key=sk-secret-1234"}
	require.NoError(t, d.Permit(t.Context(), gateway.KindHTTP, request))
	_, found, err := d.Recall(t.Context(), gateway.KindHTTP, request)
	require.NoError(t, err)
	require.False(t, found)
	require.NoError(t, d.Keep(t.Context(), gateway.KindHTTP, request, map[string]int{"status": 200}))
	var refused *gateway.Error
	require.ErrorAs(t, d.Permit(t.Context(), gateway.KindHTTP, map[string]string{"url": "https://a.example/secret plans"}), &refused)
	require.Equal(t, gateway.ApprovalRequired, refused.Code)
	entries := load(t, config.Journal)
	require.Len(t, entries, 2)
	require.NotContains(t, string(entries[1].Request), "sk-secret")

	again := open(t, config)
	reply, found, err := again.Recall(t.Context(), gateway.KindHTTP, request)
	require.NoError(t, err)
	require.True(t, found)
	require.JSONEq(t, `{"status": 200}`, string(reply))
	_, found, err = again.Recall(t.Context(), gateway.KindHTTP, request)
	require.NoError(t, err)
	require.False(t, found, "each recorded reply answers once")
}
