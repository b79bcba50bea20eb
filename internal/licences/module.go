package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// module is a module of which packages are linked into a program.
type module struct {
	Path, Version, Dir string
	licences           []string // SPDX, sorted
}

func (m module) id() string { return m.Path + "@" + m.Version }

// embedding is a package of ours with files that are built into the programs.
type embedding struct {
	Package string
	Files   []string
}

// linked are the modules that the packages of programs come from, without our own, of which it returns the embedded files.
func linked(programs []string) ([]module, []embedding, error) {
	out, err := exec.Command("go", append([]string{"list", "-deps", "-json=Module,ImportPath,EmbedFiles"}, programs...)...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return nil, nil, fmt.Errorf("go list: %s", exit.Stderr)
		}
		return nil, nil, err
	}
	var all []module
	var ours []embedding
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p struct {
			ImportPath string
			EmbedFiles []string
			Module     *struct {
				module
				Main bool
			}
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, nil, fmt.Errorf("go list: %w", err)
		}
		switch {
		case p.Module == nil: // the standard library
		case !p.Module.Main:
			all = append(all, p.Module.module)
		case len(p.EmbedFiles) > 0:
			ours = append(ours, embedding{p.ImportPath, p.EmbedFiles})
		}
	}
	slices.SortFunc(all, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	slices.SortFunc(ours, func(a, b embedding) int { return strings.Compare(a.Package, b.Package) })
	return slices.CompactFunc(all, func(a, b module) bool { return a.Path == b.Path }), ours, nil
}

// texts are the names under which licences lie in the root of a module.
var texts = regexp.MustCompile(`(?i)^(licen[cs]es?|copying|unlicense|mit-license|ofl)([.-].*)?$`)

// recognize reads the licence files in the root of the module. Several of them all hold,
// for different parts of it.
func (m *module) recognize() error {
	if known, ok := byHand[m.id()]; ok {
		m.licences = []string{known.licence}
		return nil
	}
	entries, err := os.ReadDir(m.Dir)
	if err != nil {
		return fmt.Errorf("%s: %w; run `go mod download`", m.Path, err)
	}
	for _, e := range entries {
		if e.IsDir() || !texts.MatchString(e.Name()) {
			continue
		}
		found, err := licencesIn(filepath.Join(m.Dir, e.Name()))
		if err != nil {
			return fmt.Errorf("%s %s: %s: %w", m.Path, m.Version, e.Name(), err)
		}
		m.licences = append(m.licences, found...)
	}
	slices.Sort(m.licences)
	m.licences = slices.Compact(m.licences)
	if len(m.licences) == 0 {
		return fmt.Errorf("%s %s: no licence was found in %s; look for it, and enter it in byHand with where it stands", m.Path, m.Version, m.Dir)
	}
	for _, l := range m.licences {
		if !slices.Contains(allowed, l) {
			return fmt.Errorf("%s %s is under %s, which is not allowed: do without it, or have the list changed by whoever answers for it", m.Path, m.Version, l)
		}
	}
	return nil
}

// leastCovered is how much of a file, in percent, has to be the text of known licences: what is left are
// copyright lines and headings. Less could hide a condition.
const leastCovered = 75

func licencesIn(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	coverage := licensecheck.Scan(text)
	var found []string
	for _, m := range coverage.Match {
		if !m.IsURL {
			found = append(found, m.ID)
		}
	}
	if len(found) > 0 && coverage.Percent < leastCovered {
		return nil, fmt.Errorf("only %.0f%% of it is the text of a known licence (%s): read it, and enter the module in byHand", coverage.Percent, strings.Join(found, ", "))
	}
	return found, nil
}
