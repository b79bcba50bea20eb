package service

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/config"
)

// A connection that is not kept costs a handshake each time, and a port for a minute.
func TestManyRequestsAtOnceKeepTheirConnections(t *testing.T) {
	const atOnce, rounds = 50, 20
	var connections atomic.Int64
	var round sync.WaitGroup
	s3 := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		round.Done()
		round.Wait() // all requests of a round are under way at the same time
		w.Header().Set("ETag", `"e"`)
	}))
	s3.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s3.Start()
	defer s3.Close()
	for name, value := range map[string]string{"AWS_ENDPOINT_URL_S3": s3.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test-secret"} {
		t.Setenv(name, value)
	}
	b, err := OpenBucket(t.Context(), config.Config{S3: config.S3{Bucket: "team"}}, nil)
	require.NoError(t, err)
	for range rounds {
		round.Add(atOnce)
		var done sync.WaitGroup
		for range atOnce {
			done.Go(func() {
				_, err := b.Stat(t.Context(), "a")
				assert.NoError(t, err)
			})
		}
		done.Wait()
	}
	require.LessOrEqual(t, connections.Load(), int64(2*atOnce), "of %d requests", atOnce*rounds)
}

func TestAPrefixThatAnotherTeamsGCWouldTakeForOldRunsIsRefused(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	for _, prefix := range []string{"runs", "team/evaluations", "runs/team"} {
		_, err := OpenBucket(t.Context(), config.Config{S3: config.S3{Bucket: "team", Prefix: prefix}}, nil)
		require.ErrorContains(t, err, "choose another (AGENTFACTORY_S3_PREFIX)", prefix)
	}
	_, err := OpenBucket(t.Context(), config.Config{S3: config.S3{Bucket: "team", Prefix: "team-runs"}}, nil)
	require.NoError(t, err)
}
