package skillstore

import (
	"context"
	"path"
	"regexp"
	"strings"

	"agentfactory/internal/skill"
)

// CodeSize says how much a version is.
type CodeSize struct {
	Lines     int `json:"lines"`     // of Python that are neither blank nor comment
	Functions int `json:"functions"` // that these lines define
	Tools     int `json:"tools"`     // tool skills that it is given
}

// SizeOf measures the code of a version. ErrCorrupt.
func SizeOf(ctx context.Context, s Store, m skill.Manifest) (CodeSize, error) {
	size := CodeSize{Tools: len(m.Tools)}
	for _, f := range m.Files {
		if path.Ext(f.Path) != ".py" {
			continue
		}
		code, err := s.File(ctx, m.Name, m.Version, f.Path)
		if err != nil {
			return size, err
		}
		size.add(string(code))
	}
	return size, nil
}

var definition = regexp.MustCompile(`^\s*(async\s+)?def\s`)

func (s *CodeSize) add(code string) {
	for line := range strings.Lines(code) {
		if text := strings.TrimSpace(line); text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		s.Lines++
		if definition.MatchString(line) {
			s.Functions++
		}
	}
}
