package browser

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// coreIntegrity is the SHA-512 of playwright-core-1.60.0.tgz, as `npm view playwright-core@1.60.0 dist.integrity` prints
// it: code that will drive a browser with logins is not taken on a registry's word.
const coreIntegrity = "9bW6zvX/m0lEbgTKJ6YppOKx8H3VOPBMOCFh2irXFOT4BbHgrx5hPjwJYLT40Lu+4qtD36qKc/Hn56StUW57IA=="

// maxDriver bounds the unpacked driver, in bytes; it has 13 MB.
const maxDriver = 128 << 20

// Fetch gets the driver with npm, which knows the registry that this machine uses, and keeps it in stateDir. Where it is
// already there, nothing is done.
func Fetch(ctx context.Context, stateDir string) error {
	dir := fetched(stateDir)
	if checkDriver(dir) == nil {
		return nil
	}
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return fmt.Errorf("fetch the Playwright driver: %w", err)
	}
	tmp, err := os.MkdirTemp(stateDir, ".fetch-*")
	if err != nil {
		return fmt.Errorf("fetch the Playwright driver: %w", err)
	}
	defer os.RemoveAll(tmp)
	archive, err := pack(ctx, tmp)
	if err == nil {
		err = unpack(archive, filepath.Join(tmp, "driver"))
	}
	if err == nil {
		err = publish(filepath.Join(tmp, "driver"), dir)
	}
	if err != nil {
		return fmt.Errorf("fetch the Playwright driver: %w", err)
	}
	return nil
}

// pack runs npm pack in dir and returns the archive's path, verified.
func pack(ctx context.Context, dir string) (string, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", errors.New("there is no npm; install it (apt install npm)")
	}
	cmd := exec.CommandContext(ctx, npm, "pack", "--silent", "--ignore-scripts", "playwright-core@"+Version)
	cmd.Dir = dir
	cmd.Env = append(plainEnv(os.Getenv("HOME")), registryEnv(os.Environ())...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm pack playwright-core@%s: %w: %.300s", Version, err, strings.Join(strings.Fields(string(out)), " "))
	}
	archive := filepath.Join(dir, "playwright-core-"+Version+".tgz")
	return archive, verify(archive)
}

// registryEnv is what npm needs of our environment to reach its registry.
func registryEnv(environ []string) (found []string) {
	for _, pair := range environ {
		name, _, _ := strings.Cut(strings.ToUpper(pair), "=")
		if strings.HasPrefix(name, "NPM_CONFIG_") || slices.Contains([]string{"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "NPM_TOKEN", "NODE_AUTH_TOKEN"}, name) {
			found = append(found, pair)
		}
	}
	return found
}

func verify(archive string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha512.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if sum := base64.StdEncoding.EncodeToString(h.Sum(nil)); sum != coreIntegrity {
		return fmt.Errorf("playwright-core %s from the registry has SHA-512 %s, not the published %s", Version, sum, coreIntegrity)
	}
	return nil
}

// unpack lays the regular files of package/ out in dir; a package holds no others that matter.
func unpack(archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	entries := tar.NewReader(io.LimitReader(zip, maxDriver))
	for {
		h, err := entries.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeReg && filepath.IsLocal(h.Name) && strings.HasPrefix(h.Name, "package/") {
			if err := writeFile(filepath.Join(dir, filepath.FromSlash(h.Name)), entries); err != nil {
				return err
			}
		}
	}
}

func writeFile(path string, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}

// publish moves a directory that is complete to its place. Another process that was faster has put the same there.
func publish(complete, dir string) error {
	err := os.Rename(complete, dir)
	if err != nil && checkDriver(dir) == nil {
		return nil
	}
	return err
}
