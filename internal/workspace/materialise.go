package workspace

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"agentfactory/internal/objectstore"
)

// transfers is how many files are fetched or stored at once; it hides the latency of S3.
const transfers = 8

// Materialise writes the files of a manifest into dir, an existing directory that no untrusted code has touched yet.
// Files get mode 0644, executable ones 0755, folders 0755 whatever the umask. A path that is not clean, or is file and folder at once,
// is ErrInvalidPath. After an error dir holds some of the files.
func Materialise(ctx context.Context, blobs *objectstore.Blobs, m Manifest, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("materialise workspace: %w", err)
	}
	defer root.Close()
	for i, f := range m {
		if err := checkPlace(m, i); err != nil {
			return fmt.Errorf("materialise workspace: %w", err)
		}
		if err := makeFolders(root, filepath.Dir(f.Path)); err != nil {
			return fmt.Errorf("materialise workspace: %s: %w", f.Path, err)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(transfers)
	for _, f := range m {
		group.Go(func() error { return blobs.Fetch(ctx, f.Digest, filepath.Join(dir, f.Path), f.mode()) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("materialise workspace: %w", err)
	}
	return nil
}

func (f File) mode() fs.FileMode {
	if f.Executable {
		return 0o755
	}
	return 0o644
}

// checkPlace guards against a manifest that was not written by Snapshot.
func checkPlace(m Manifest, i int) error {
	path := m[i].Path
	clean, err := CleanPath(path)
	if err != nil {
		return err
	}
	if clean != path || i > 0 && m[i-1].Path >= path {
		return fmt.Errorf("%w %q: it is not clean, or out of order in the manifest", ErrInvalidPath, path)
	}
	for parent := filepath.Dir(path); parent != "."; parent = filepath.Dir(parent) {
		if _, found := m.Lookup(parent); found {
			return fmt.Errorf("%w %q: %q is a file too", ErrInvalidPath, path, parent)
		}
	}
	return nil
}

func makeFolders(root *os.Root, folder string) error {
	if folder == "." {
		return nil
	}
	if _, err := root.Lstat(folder); err == nil {
		return nil
	}
	if err := makeFolders(root, filepath.Dir(folder)); err != nil {
		return err
	}
	if err := root.Mkdir(folder, 0o755); err != nil {
		return err
	}
	return root.Chmod(folder, 0o755)
}
