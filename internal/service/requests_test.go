package service

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/telemetry"
)

func TestRequestsAreCountedByWhatTheyAreAbout(t *testing.T) {
	to := telemetry.New()
	server := s3test.Server(t)
	require.NoError(t, objectstore.EnsureBucket(t.Context(), server.Client(), "counted"))
	b, err := objectstore.NewBucket(server.Client(), "counted", counted(to, "team")).Under("team")
	require.NoError(t, err)
	_, err = b.Create(t.Context(), "runs/a-run/an-id/turns/000001.json", []byte("{}"))
	require.NoError(t, err)
	_, err = b.Get(t.Context(), "skills/a-skill/head.json")
	require.ErrorIs(t, err, objectstore.ErrNotFound)

	w := httptest.NewRecorder()
	to.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	require.Contains(t, w.Body.String(), `agentfactory_s3_request_duration_seconds_count{kind="runs/turns",operation="PutObject",outcome="ok"} 1`)
	require.Contains(t, w.Body.String(), `agentfactory_s3_request_duration_seconds_count{kind="skills/head.json",operation="GetObject",outcome="missing"} 1`)
}

func TestAKindNamesNoRunAndNoSkill(t *testing.T) {
	for key, want := range map[string]string{
		"runs/a/b/journal/000001/1.json": "runs/journal", "runs/a/b/result.json": "runs/result.json", "runs/": "other", "runs/a/b/secret/x": "other",
		"skills/": "skills", "skills/a/versions/0001/manifest.json": "skills/versions", "blobs/sha256/ab/abcd": "blobs", "nowhere": "other", "": "other",
	} {
		require.Equal(t, want, recordKind(key), key)
	}
}
