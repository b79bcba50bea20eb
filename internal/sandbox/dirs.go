package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// reachableDir makes the directory for what runs need. Root's programs run under
// another user, who cannot enter /root or another private place; they get one below the
// system's temporary directory instead, named by the wanted one.
func reachableDir(wanted string, asRoot bool) (string, error) {
	if wanted == "" {
		d, err := os.MkdirTemp("", "agentfactory-sandbox-")
		if err != nil {
			return "", err
		}
		wanted = d
	}
	dir, err := filepath.Abs(wanted)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return "", err
	}
	if !asRoot {
		return dir, nil
	}
	if othersMayReach(filepath.Dir(dir)) == nil {
		return dir, os.Chmod(dir, 0o711)
	}
	public, err := publicDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(dir))
	elsewhere := filepath.Join(public, "agentfactory-"+hex.EncodeToString(sum[:6]))
	if err := os.Mkdir(elsewhere, 0o711); err != nil && !os.IsExist(err) {
		return "", err
	}
	return elsewhere, checkOwn(elsewhere)
}

// publicDir is a temporary directory that every user may enter; TMPDIR may be a private one.
func publicDir() (string, error) {
	candidates := []string{os.TempDir(), "/var/tmp", "/tmp"}
	for _, dir := range candidates {
		if othersMayReach(dir) == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("none of %v may be entered by other users, and root's sandboxes run under another one", candidates)
}

// checkOwn refuses a directory in a public place that somebody else has put there.
func checkOwn(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(st.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s exists and does not belong to this user alone; remove it", dir)
	}
	return nil
}

// othersMayReach reports whether every directory on the way may be entered by anybody.
func othersMayReach(path string) error {
	for p := path; ; p = filepath.Dir(p) {
		info, err := os.Stat(p)
		if err != nil {
			return err
		}
		need := fs.FileMode(0o001)
		if p == path && !info.IsDir() {
			need = 0o004
		}
		if info.Mode().Perm()&need == 0 {
			return fmt.Errorf("%s is closed to other users", p)
		}
		if p == filepath.Dir(p) {
			return nil
		}
	}
}

// replaceFile writes a file that others may read, atomically: another worker may be using it.
func replaceFile(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.Write(data); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Chmod(0o444); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// giveTo makes a tree the user's. Symbolic links are not followed.
func giveTo(dir string, uid int) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return root.Lchown(p, uid, uid)
	})
}
