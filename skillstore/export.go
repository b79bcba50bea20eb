package skillstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strconv"

	"agentfactory/internal/skill"
)

// Export writes a version of a skill (0: the current one) as the directory <dir>/<name>, ready for any host of the Agent
// Skills standard, and returns its path. The SKILL.md additionally names version and digest. The directory appears
// whole or not at all; one that exists is left alone and is an error for errors.Is(err, fs.ErrExist).
func Export(ctx context.Context, store Store, name string, version int, dir string) (string, error) {
	dst := filepath.Join(dir, name)
	err := export(ctx, store, name, version, dst)
	if err != nil {
		return "", fmt.Errorf("export %s: %w", name, err)
	}
	return dst, nil
}

func export(ctx context.Context, store Store, name string, version int, dst string) error {
	if version == 0 {
		h, err := store.Head(ctx, name)
		if err != nil {
			return err
		}
		version = h.Version
	}
	m, err := store.Version(ctx, name, version)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(dst); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w; choose another directory or remove it", dst, fs.ErrExist)
	}
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return err
	}
	unfinished, err := os.MkdirTemp(filepath.Dir(dst), ".export-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(unfinished)
	if err := writeVersion(ctx, store, m, unfinished); err != nil {
		return err
	}
	return os.Rename(unfinished, dst)
}

// writeVersion writes through os.Root: a manifest is data, and its paths shall not lead anywhere else.
func writeVersion(ctx context.Context, store Store, m skill.Manifest, dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range m.Files {
		data, err := store.File(ctx, m.Name, m.Version, f.Path)
		if err != nil {
			return err
		}
		if f.Path == skill.DocumentFile {
			if data, err = stamped(data, m); err != nil {
				return err
			}
		}
		if err := writeFile(root, f, data); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(root *os.Root, f skill.File, data []byte) error {
	mode := fs.FileMode(0o644)
	if f.Executable {
		mode = 0o755
	}
	if err := root.MkdirAll(path.Dir(f.Path), 0o755); err != nil {
		return err
	}
	return root.WriteFile(f.Path, data, mode)
}

// stamped names the version in the document, so that a copy found elsewhere can be told apart.
func stamped(data []byte, m skill.Manifest) ([]byte, error) {
	d, err := skill.Parse(data)
	if err != nil {
		return nil, err
	}
	meta := map[string]string{skill.MetaVersion: strconv.Itoa(m.Version), skill.MetaDigest: m.Digest}
	maps.Copy(meta, d.Metadata)
	d.Metadata = meta
	if problems := d.Validate(m.Name); len(problems) > 0 {
		return nil, fmt.Errorf("%s: %s", skill.DocumentFile, problems[0])
	}
	return d.Render(), nil
}
