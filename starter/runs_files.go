package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"agentfactory/internal/objectstore"
	runs "agentfactory/internal/run"
	"agentfactory/internal/workspace"
)

func (a *app) runsFilesCommand() *cobra.Command {
	var out string
	var force bool
	cmd := &cobra.Command{
		Use:   "files ID [PATH…]",
		Short: "List the files that a run left, or get them",
		Long: `List the files that a run left. With --out they are downloaded into a directory, all of
them or those that are named; nothing is ever written outside of it. One PATH without
--out goes to stdout.`,
		Example: `  starter runs files install-plot-the-totals-k3x9qa
  starter runs files install-plot-the-totals-k3x9qa --out ./results
  starter runs files install-plot-the-totals-k3x9qa report.md | less`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exactly("the ID of a run")(cmd, args)
			}
			return a.runFiles(cmd.Context(), args[0], args[1:], out, force)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "directory to download into; it is created")
	cmd.Flags().BoolVar(&force, "force", false, "replace files that exist")
	return cmd
}

func (a *app) runFiles(ctx context.Context, id string, paths []string, out string, force bool) error {
	c, err := a.open(ctx, wanted{})
	if err != nil {
		return err
	}
	defer c.Close()
	r, err := c.findRun(ctx, id)
	if err != nil {
		return err
	}
	if r.Outcome == running {
		return badInput("run %s is still going on; its files are there when it has ended (starter runs watch %s)", id, id)
	}
	files, err := chosen(r.Files, paths)
	if err != nil {
		return err
	}
	switch {
	case out != "":
		err = c.download(ctx, files, out, force)
	case len(paths) == 1 && !a.json:
		return c.copyTo(ctx, a.stdout, files[0])
	}
	if err != nil {
		return err
	}
	return a.printFiles(id, files, out)
}

// chosen are the files with these paths; all, when none is named.
func chosen(files []runs.OutputFile, paths []string) ([]runs.OutputFile, error) {
	if len(paths) == 0 {
		return files, nil
	}
	var some []runs.OutputFile
	for _, p := range paths {
		i := slices.IndexFunc(files, func(f runs.OutputFile) bool { return f.Path == path.Clean(p) })
		if i < 0 {
			return nil, badInput("the run left no file %s; it left %s", p, orNone(fileNames(files)))
		}
		some = append(some, files[i])
	}
	return some, nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func (a *app) printFiles(id string, files []runs.OutputFile, out string) error {
	if a.json {
		document := map[string]any{"workflow_id": id, "files": files}
		if out != "" {
			document["out"] = out
		}
		return a.printJSON(document)
	}
	if len(files) == 0 {
		a.say("run %s left no files", id)
		return nil
	}
	rows := make([][]string, len(files))
	for i, f := range files {
		rows[i] = []string{filepath.Join(out, plain(f.Path)), size(f.Size), f.Key}
	}
	return table(a.stdout, []string{"FILE", "SIZE", "S3 KEY"}, rows)
}

// copyTo writes the content of a file and compares it with the digest in its key.
func (c *connection) copyTo(ctx context.Context, w io.Writer, f runs.OutputFile) error {
	body, _, err := c.Objects.Open(ctx, f.Key)
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Path, err)
	}
	defer body.Close()
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, h), body); err != nil {
		return fmt.Errorf("copy %s: %w", f.Path, err)
	}
	if digest := objectstore.Digest(hex.EncodeToString(h.Sum(nil))); objectstore.BlobKey(digest) != f.Key {
		return fmt.Errorf("read %s: %s: %w", f.Path, f.Key, objectstore.ErrCorrupt)
	}
	return nil
}

// download writes files below dir. Their paths come from untrusted code: every one of
// them is checked, and a symlink that leads out of dir is not followed.
func (c *connection) download(ctx context.Context, files []runs.OutputFile, dir string, force bool) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the directory: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the directory: %w", err)
	}
	defer root.Close()
	for _, f := range files {
		if err := c.downloadOne(ctx, root, f, force); err != nil {
			return fmt.Errorf("write %s: %w", filepath.Join(dir, f.Path), err)
		}
	}
	return nil
}

func (c *connection) downloadOne(ctx context.Context, root *os.Root, f runs.OutputFile, force bool) error {
	name, err := workspace.CleanPath(f.Path)
	if err != nil {
		return err
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if force {
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return badInput("it exists already; replace it with --force, or choose another directory")
	}
	if err != nil {
		return err
	}
	if err := c.copyTo(ctx, file, f); err != nil {
		// Half a file must not look like a whole one.
		return errors.Join(err, file.Close(), root.Remove(name))
	}
	return file.Close()
}
