package scripted

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Pattern matches texts: between slashes it is a regular expression (RE2), else a part that must occur. The empty
// pattern matches everything.
type Pattern struct {
	source string
	regexp *regexp.Regexp
}

// UnmarshalYAML reads a pattern from a YAML string.
func (p *Pattern) UnmarshalYAML(decode func(any) error) error {
	if err := decode(&p.source); err != nil {
		return err
	}
	inner, slash := strings.CutPrefix(p.source, "/")
	inner, slashes := strings.CutSuffix(inner, "/")
	if !slash || !slashes {
		return nil
	}
	compiled, err := regexp.Compile(inner)
	if err != nil {
		return fmt.Errorf("pattern %s: %w", p.source, err)
	}
	p.regexp = compiled
	return nil
}

func (p Pattern) set() bool { return p.source != "" }

// find returns what the pattern's groups matched (the whole match first), and whether it matched.
func (p Pattern) find(text string) ([]string, bool) {
	if p.regexp == nil {
		return nil, strings.Contains(text, p.source)
	}
	groups := p.regexp.FindStringSubmatch(text)
	return groups, groups != nil
}

// Duration is written like 250ms, 2s or 1m30s; a bare number means seconds.
type Duration time.Duration

// UnmarshalYAML reads a duration.
func (d *Duration) UnmarshalYAML(decode func(any) error) error {
	var text string
	if err := decode(&text); err != nil {
		return err
	}
	parsed, err := time.ParseDuration(text)
	if err != nil {
		seconds, numberErr := strconv.ParseFloat(text, 64)
		if numberErr != nil {
			return fmt.Errorf("%q is no duration (250ms, 2s, 1m30s, or a number of seconds)", text)
		}
		parsed = time.Duration(seconds * float64(time.Second))
	}
	if parsed < 0 {
		return errors.New("a duration is negative")
	}
	*d = Duration(parsed)
	return nil
}

// Faults is one fault or several, met one after the other.
type Faults []Fault

// UnmarshalYAML reads a fault or a list of faults.
func (f *Faults) UnmarshalYAML(decode func(any) error) error {
	var several []Fault
	listErr := decode(&several)
	if listErr == nil {
		*f = several
		return nil
	}
	var one Fault
	if err := decode(&one); err != nil {
		return err
	}
	*f = Faults{one}
	return nil
}
