package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
	runs "agentfactory/internal/run"
)

func TestDownloadsStayInTheirDirectory(t *testing.T) {
	store := s3test.Bucket(t)
	blobs, err := objectstore.NewBlobs(store, "", 0)
	require.NoError(t, err)
	digest, err := blobs.Put(t.Context(), []byte("content"))
	require.NoError(t, err)
	c := &connection{Objects: store, Blobs: blobs}
	for name, c2 := range map[string]struct {
		path      string
		force     bool
		complaint string
	}{
		"a plain file":           {"report.md", false, ""},
		"a file in a new folder": {"charts/2026/a.svg", false, ""},
		"a path upwards":         {"../escaped.md", false, "invalid path"},
		"an absolute path":       {"/tmp/escaped.md", false, "invalid path"},
		"a folder that is a link out of the directory": {"out/escaped.md", true, "escapes"},
		"a file that exists":                           {"mine.md", false, "--force"},
		"a file that exists, with --force":             {"mine.md", true, ""},
		"a link that exists, with --force":             {"link.md", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir, outside := t.TempDir(), t.TempDir()
			require.NoError(t, os.Symlink(outside, filepath.Join(dir, "out")))
			require.NoError(t, os.WriteFile(filepath.Join(outside, "victim.md"), []byte("theirs"), 0o644))
			require.NoError(t, os.Symlink(filepath.Join(outside, "victim.md"), filepath.Join(dir, "link.md")))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "mine.md"), []byte("mine"), 0o644))
			err := c.download(t.Context(), []runs.OutputFile{{Path: c2.path, Key: objectstore.BlobKey(digest)}}, dir, c2.force)
			left, readErr := os.ReadDir(outside)
			require.NoError(t, readErr)
			require.Len(t, left, 1, "nothing is written outside")
			victim, readErr := os.ReadFile(filepath.Join(outside, "victim.md"))
			require.NoError(t, readErr)
			require.Equal(t, "theirs", string(victim))
			if c2.complaint != "" {
				require.ErrorContains(t, err, c2.complaint)
				return
			}
			require.NoError(t, err)
			body, err := os.ReadFile(filepath.Join(dir, c2.path))
			require.NoError(t, err)
			require.Equal(t, "content", string(body))
		})
	}
}

func TestADownloadThatFailsLeavesNoHalfFile(t *testing.T) {
	store := s3test.Bucket(t)
	wrong := objectstore.BlobKey(objectstore.DigestOf([]byte("something else")))
	_, err := store.Create(t.Context(), wrong, []byte("content"))
	require.NoError(t, err)
	dir := t.TempDir()
	c := &connection{Objects: store}
	err = c.download(t.Context(), []runs.OutputFile{{Path: "a.md", Key: wrong}}, dir, false)
	require.ErrorIs(t, err, objectstore.ErrCorrupt)
	require.NoFileExists(t, filepath.Join(dir, "a.md"))
}
