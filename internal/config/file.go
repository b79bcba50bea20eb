package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/goccy/go-yaml"
)

// maxFileSize keeps a wrong path (a log, a device) from being read whole.
const maxFileSize = 1 << 20

// filePath returns the configuration file to read and whether it has to exist.
func filePath(getenv func(string) string) (path string, required bool, err error) {
	if path := getenv("AGENTFACTORY_CONFIG"); path != "" {
		return path, true, nil
	}
	home, err := xdgHome(getenv, "XDG_CONFIG_HOME", ".config")
	if err != nil {
		return "", false, nil // no home directory, hence no file in it
	}
	return filepath.Join(home, "agentfactory", "config.yaml"), false, nil
}

func (c *Config) readFile(path string, required bool) error {
	if path == "" {
		return nil
	}
	body, mode, err := readSmall(path)
	if !required && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	if err := c.parse(body); err != nil {
		return describe(path, err)
	}
	if err := c.resolvePaths(path); err != nil {
		return err
	}
	if c.Model.APIKey+c.Tools.Search.APIKey+c.Tools.Reading.APIKey+c.Browser.SessionKey+c.Packages.IndexURL+c.Encryption.PayloadKeys != "" && mode.Perm()&0o077 != 0 {
		c.Warnings = append(c.Warnings, fmt.Sprintf("%s holds a key and others may read it: chmod 600 it", path))
	}
	return nil
}

// resolvePaths makes what the file says about paths independent of the directory that
// a command is called from: they are relative to the file's own.
func (c *Config) resolvePaths(path string) error {
	file, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("find the configuration: %w", err)
	}
	c.File = file
	c.Data = joinRelative(filepath.Dir(file), c.Data)
	c.Policy.File = joinRelative(filepath.Dir(file), c.Policy.File)
	c.Encryption.PayloadKeysFile = joinRelative(filepath.Dir(file), c.Encryption.PayloadKeysFile)
	c.Packages.Dir = joinRelative(filepath.Dir(file), c.Packages.Dir)
	for _, program := range []*string{&c.Sandbox.Python, &c.Packages.UV} {
		if strings.ContainsRune(*program, filepath.Separator) { // else a command to be looked up
			*program = joinRelative(filepath.Dir(file), *program)
		}
	}
	return nil
}

func joinRelative(dir, path string) string {
	if path == "" || filepath.IsAbs(path) || strings.HasPrefix(path, "~") {
		return path
	}
	return filepath.Join(dir, path)
}

func readSmall(path string) ([]byte, fs.FileMode, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFileSize {
		return nil, 0, fmt.Errorf("%s is not a YAML file of at most 1 MiB", path)
	}
	body, err := io.ReadAll(io.LimitReader(f, maxFileSize))
	return body, info.Mode(), err
}

// parse decodes one strict YAML document over what is set already.
func (c *Config) parse(body []byte) error {
	decoder := yaml.NewDecoder(bytes.NewReader(body), yaml.Strict())
	err := decoder.Decode(c)
	if errors.Is(err, io.EOF) {
		return nil // empty, or comments alone
	}
	if err != nil {
		return err
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return errors.New("there is more than one YAML document: keep one")
	}
	return nil
}

// describe turns what the YAML library says over several lines into one.
func describe(path string, err error) error {
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil {
		return fmt.Errorf("%s: %s", path, firstLine(err.Error()))
	}
	token := at.GetToken()
	message := firstLine(at.GetMessage())
	var unknown *yaml.UnknownFieldError
	if errors.As(err, &unknown) {
		message = fmt.Sprintf("unknown setting %q", token.Value)
		if near := nearest(token.Value); near != "" {
			message += fmt.Sprintf(": did you mean %s?", near)
		}
	}
	return fmt.Errorf("%s:%d: %s", path, token.Position.Line, message)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

// nearest returns the key of the setting whose last part is most like the name, or ""
// when none is close enough to be what was meant.
func nearest(name string) string {
	best, distance := "", max(2, len(name)/3)+1
	for _, s := range settings {
		for _, candidate := range []string{s.Key, s.Key[strings.LastIndex(s.Key, ".")+1:]} {
			if d := levenshtein.ComputeDistance(name, candidate); candidate != "" && d < distance {
				best, distance = s.Key, d
			}
		}
	}
	return best
}
