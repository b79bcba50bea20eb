package upkeep

import (
	"archive/tar"
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"agentfactory/internal/objectstore"
)

// NewWriter returns the writer of a backup at a path that must not exist: one file if its name ends in .tar.zst, else a
// directory. The path appears when the backup is whole; what a process that died leaves is <path>.unfinished.
func NewWriter(path string) (Writer, error) {
	path = filepath.Clean(path)
	if !isArchive(path) && otherArchive.MatchString(path) {
		return nil, fmt.Errorf("write a backup to %s: give a name that ends in .tar.zst, or a directory", path)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("write a backup to %s: it exists already; give another name", path)
	}
	unfinished := path + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return nil, fmt.Errorf("write a backup: %w", err)
	}
	if !isArchive(path) {
		if err := os.Mkdir(unfinished, 0o700); err != nil {
			return nil, fmt.Errorf("write a backup: %w", err)
		}
		return &directory{path, unfinished}, nil
	}
	f, err := os.OpenFile(unfinished, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write a backup: %w", err)
	}
	buffered := bufio.NewWriterSize(f, 1<<20)
	packed, err := zstd.NewWriter(buffered)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &archive{path: path, file: f, buffered: buffered, packed: packed, tar: tar.NewWriter(packed)}, nil
}

// otherArchive matches what somebody who expects a file may give, and who would get a directory of that name; "-" is the
// standard output to many programs.
var otherArchive = regexp.MustCompile(`^-$|\.(?:tar|tar\.gz|tgz|tar\.bz2|tar\.xz|zip|zstd?)$`)

func isArchive(path string) bool { return strings.HasSuffix(path, ".tar.zst") }

// archive is a backup in one file.
type archive struct {
	path     string
	file     *os.File
	buffered *bufio.Writer
	packed   *zstd.Encoder
	tar      *tar.Writer
}

// Add implements Writer.
func (a *archive) Add(file string, size int64, r io.Reader) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: file, Size: size, Mode: 0o600, ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
	if err := a.tar.WriteHeader(header); err != nil {
		return err
	}
	_, err := io.Copy(a.tar, r)
	return err
}

// Discard implements Writer.
func (a *archive) Discard() { _ = errors.Join(a.file.Close(), os.Remove(a.file.Name())) }

// Close implements Writer.
func (a *archive) Close() error {
	err := errors.Join(a.tar.Close(), a.packed.Close(), a.buffered.Flush(), a.file.Sync(), a.file.Close())
	if err != nil {
		return err
	}
	return os.Rename(a.file.Name(), a.path)
}

// directory is a backup as files below one directory.
type directory struct{ path, unfinished string }

// Add implements Writer.
func (d *directory) Add(file string, size int64, r io.Reader) error {
	path := filepath.Join(d.unfinished, filepath.FromSlash(file))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, r)
	if err == nil && n != size {
		err = fmt.Errorf("%d bytes came instead of %d", n, size)
	}
	return errors.Join(err, f.Close())
}

// Discard implements Writer.
func (d *directory) Discard() { _ = os.RemoveAll(d.unfinished) }

// Close implements Writer.
func (d *directory) Close() error { return os.Rename(d.unfinished, d.path) }

// readBackup visits the files of a backup. Those of an archive come in the order in which they were written.
func readBackup(path string, visit func(file string, size int64, r io.Reader) error) error {
	if info, err := os.Stat(path); err != nil {
		return err
	} else if info.IsDir() {
		return readDirectory(path, visit)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	packed, err := zstd.NewReader(f)
	if err != nil {
		return err
	}
	defer packed.Close()
	for files := tar.NewReader(packed); ; {
		h, err := files.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w, or it is none: %w", ErrDamaged, err)
		}
		if h.Typeflag != tar.TypeReg {
			return fmt.Errorf("%w: %.200q is no plain file", ErrDamaged, h.Name)
		}
		if err := visit(h.Name, h.Size, files); err != nil {
			return err
		}
	}
}

func readDirectory(dir string, visit func(string, int64, io.Reader) error) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if _, err := root.Stat(summaryFile); errors.Is(err, fs.ErrNotExist) {
		return errNoBackup // not after all of another directory was read
	}
	return fs.WalkDir(root.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		f, err := root.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		return visit(path, info.Size(), f)
	})
}

// hashing computes the digest of what is read through it.
type hashing struct {
	io.Reader
	sum hash.Hash
}

func newHashing(r io.Reader) *hashing {
	sum := sha256.New()
	return &hashing{io.TeeReader(r, sum), sum}
}

func (h *hashing) digest() objectstore.Digest {
	return objectstore.Digest(hex.EncodeToString(h.sum.Sum(nil)))
}
