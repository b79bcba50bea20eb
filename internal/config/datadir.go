package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Why a data directory cannot be used. CheckDataDir wraps them into the whole line.
var (
	ErrNotDirectory = errors.New("is not a directory")
	ErrReadOnly     = errors.New("cannot be written")
	ErrNotOurs      = errors.New("belongs to another user")
	ErrNoSpace      = errors.New("has no space left")
	ErrNoXattr      = errors.New("is on a filesystem without extended attributes")
)

// probeSize is enough that a disk with nothing but reserved blocks left is noticed.
const probeSize = 1 << 20

// CheckDataDir creates the data directory (mode 0700) when it is missing and tries
// everything that the embedded servers will need of it: a file is really written, and
// an extended attribute is set, in which the S3 server keeps its metadata.
func CheckDataDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return dataDirError(dir, classify(err))
	}
	info, err := os.Stat(dir)
	if err != nil {
		return dataDirError(dir, err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; int(owner) != os.Getuid() {
		return dataDirError(dir, fmt.Errorf("%w (owner is uid %d, this is uid %d)", ErrNotOurs, owner, os.Getuid()))
	}
	if err := probe(dir); err != nil {
		return dataDirError(dir, classify(err))
	}
	return nil
}

func dataDirError(dir string, err error) error {
	return fmt.Errorf("data directory %s %w: set AGENTFACTORY_DATA to a directory that is yours and has space", dir, err)
}

// probe writes through to the disk: delayed allocation would accept bytes it has no room for.
func probe(dir string) error {
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(make([]byte, probeSize)); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return unix.Fsetxattr(int(f.Fd()), "user.agentfactory.probe", []byte("1"), 0)
}

// classify names the problem; the message then says where and what to do.
func classify(err error) error {
	switch {
	case errors.Is(err, unix.ENOTDIR):
		return ErrNotDirectory
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return ErrNoSpace
	case errors.Is(err, unix.ENOTSUP):
		return ErrNoXattr
	case errors.Is(err, unix.EROFS), errors.Is(err, fs.ErrPermission):
		return ErrReadOnly
	}
	return fmt.Errorf("cannot be used (%w)", unwrapPath(err))
}

// unwrapPath drops the probe file's random name from the message.
func unwrapPath(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return fmt.Errorf("%s %s: %w", at.Op, filepath.Dir(at.Path), at.Err)
	}
	return err
}
