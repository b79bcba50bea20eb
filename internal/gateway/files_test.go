package gateway_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/gateway"
	"agentfactory/internal/objectstore"
)

// camera is a tool that leaves pictures in the workspace, and counts them.
type camera struct{ taken int }

func (c *camera) ForRun(r gateway.Run) (gateway.Tool, func()) {
	return gateway.ToolFunc(func(context.Context, gateway.ToolRequest) (gateway.ToolReply, error) {
		c.taken++
		err := os.MkdirAll(filepath.Join(r.Workspace, "shots"), 0o755)
		if err == nil {
			err = os.WriteFile(filepath.Join(r.Workspace, "shots/a.png"), []byte("picture"), 0o644)
		}
		return gateway.ToolReply{Body: []byte(`{"path": "shots/a.png"}`), Files: []string{"shots/a.png", "shots/gone.png"}}, err
	}), func() {}
}

func (c *camera) Call(context.Context, gateway.ToolRequest) (gateway.ToolReply, error) {
	return gateway.ToolReply{}, gateway.Errorf(gateway.Unavailable, "for runs only")
}

// photographer is a run that may use a camera, in a workspace of its own.
type photographer struct {
	*camera
	store objectstore.Store
}

func (p photographer) open(t *testing.T) (d *door, dir string) {
	blobs, err := objectstore.NewBlobs(p.store, "", 0)
	require.NoError(t, err)
	dir = t.TempDir()
	return open(t, gateway.Config{
		Tools: map[string]gateway.Tool{"browser_automation": p.camera}, Granted: []string{"browser_automation"},
		Workspace: dir, Blobs: blobs, Journal: gateway.NewJournal(p.store, prefix),
	}), dir
}

func TestAReplayLeavesTheFilesThatTheCallLeft(t *testing.T) {
	p := photographer{&camera{}, s3test.Bucket(t)}
	first, _ := p.open(t)
	first.ok("/v1/tool/browser_automation", `{}`)
	files := load(t, gateway.NewJournal(p.store, prefix))[0].Files
	require.Equal(t, []gateway.File{{Path: "shots/a.png", Digest: objectstore.DigestOf([]byte("picture"))}}, files, "one that is gone is not kept")

	rerun, dir := p.open(t)
	require.JSONEq(t, `{"path": "shots/a.png"}`, rerun.ok("/v1/tool/browser_automation", `{}`))
	body, err := os.ReadFile(filepath.Join(dir, "shots/a.png"))
	require.NoError(t, err)
	require.Equal(t, "picture", string(body))
	require.Equal(t, 1, p.taken)
}

func TestAReplayWritesNowhereButIntoTheWorkspace(t *testing.T) {
	p := photographer{&camera{}, s3test.Bucket(t)}
	first, _ := p.open(t)
	first.ok("/v1/tool/browser_automation", `{}`)

	outside := t.TempDir()
	rerun, dir := p.open(t)
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "shots")))
	message := rerun.fails("/v1/tool/browser_automation", `{}`, 503, gateway.Unavailable)
	require.Contains(t, message, "the file shots/a.png, which this call left before, cannot be written again")
	left, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoError(t, rerun.Close(), "this is the subagent's affair")

	target := filepath.Join(outside, "target")
	require.NoError(t, os.WriteFile(target, []byte("ours"), 0o600))
	linked, dir := p.open(t)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "shots"), 0o755))
	require.NoError(t, os.Symlink(target, filepath.Join(dir, "shots/a.png")))
	linked.ok("/v1/tool/browser_automation", `{}`)
	body, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Equal(t, "ours", string(body))
	require.Equal(t, 1, p.taken)
}

func TestACallWhoseFileIsLostIsMadeAgain(t *testing.T) {
	p := photographer{&camera{}, s3test.Bucket(t)}
	first, _ := p.open(t)
	first.ok("/v1/tool/browser_automation", `{}`)
	lossy := photographer{p.camera, without{p.store, objectstore.BlobKey(objectstore.DigestOf([]byte("picture")))}}
	rerun, dir := lossy.open(t)
	rerun.ok("/v1/tool/browser_automation", `{}`)
	require.FileExists(t, filepath.Join(dir, "shots/a.png"))
	require.Equal(t, 2, p.taken)
}

// without is a store that has lost an object.
type without struct {
	objectstore.Store
	key string
}

func (w without) Open(ctx context.Context, key string) (io.ReadCloser, objectstore.Info, error) {
	if key == w.key {
		return nil, objectstore.Info{}, objectstore.ErrNotFound
	}
	return w.Store.Open(ctx, key)
}
