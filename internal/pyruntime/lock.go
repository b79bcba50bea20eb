package pyruntime

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Lock says exactly which packages an environment consists of. Its text is a requirements file that pip and uv can
// install as it stands, with two comments in front:
//
//	# platform: cpython-311-x86_64-linux-gnu
//	# requires: requests>=2.31
//	certifi==2026.1.4 --hash=sha256:…
//	requests==2.32.5 --hash=sha256:…
type Lock struct {
	Platform string   // the interpreter's ABI, which compiled packages depend on
	Requires []string // the requirements that were resolved, in normal form
	Pins     []Pin    // by name
}

// Pin is one package with the digests of the files that may be installed for it.
type Pin struct {
	Name    string // normal form of PEP 503
	Version string
	SHA256  []string // hexadecimal, at least one
}

// ErrLock: a text is no lock.
var ErrLock = errors.New("no lock of packages")

const (
	maxLock      = 1 << 20 // bytes; uv names every file of a version, so that pandas alone has 8 KiB
	maxPins      = 500
	platformLine = "# platform: "
	requiresLine = "# requires: "
	between      = " | " // of requirements, which have commas and semicolons of their own
)

// pinLine lets no option of an installer, path or URL through: a lock may come from a foreign library.
var pinLine = regexp.MustCompile(`^(` + plain + `)==([0-9A-Za-z][0-9A-Za-z.!+_-]*)((?: --hash=sha256:[0-9a-f]{64})+)$`)

// ParseLock reads a lock's text. It fails with ErrLock, which names the line.
func ParseLock(text string) (Lock, error) {
	if len(text) > maxLock {
		return Lock{}, fmt.Errorf("%w: it has %d bytes, at most %d are read", ErrLock, len(text), maxLock)
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 2 || !strings.HasPrefix(lines[0], platformLine) || !strings.HasPrefix(lines[1], requiresLine) {
		return Lock{}, fmt.Errorf("%w: it does not begin with %q and %q", ErrLock, platformLine, requiresLine)
	}
	l := Lock{Platform: strings.TrimPrefix(lines[0], platformLine)}
	declared, err := checkRequirements(strings.Split(strings.TrimPrefix(lines[1], requiresLine), between))
	if err != nil {
		return Lock{}, fmt.Errorf("%w: line 2: %w", ErrLock, err)
	}
	l.Requires = declared
	for i, line := range lines[2:] {
		pin, err := parsePin(line)
		if err != nil {
			return Lock{}, fmt.Errorf("%w: line %d: %w", ErrLock, i+3, err)
		}
		l.Pins = append(l.Pins, pin)
	}
	return l.sorted()
}

func parsePin(line string) (Pin, error) {
	m := pinLine.FindStringSubmatch(line)
	if m == nil {
		return Pin{}, fmt.Errorf("%.60q is not name==version --hash=sha256:…", line)
	}
	var sums []string
	for hash := range strings.FieldsSeq(m[3]) {
		sums = append(sums, strings.TrimPrefix(hash, "--hash=sha256:"))
	}
	return Pin{Name: projectName(m[1]), Version: m[2], SHA256: sums}, nil
}

// sorted brings a lock into its one order and refuses one that names a package twice.
func (l Lock) sorted() (Lock, error) {
	if len(l.Pins) > maxPins {
		return Lock{}, fmt.Errorf("%w: it has %d packages, at most %d are installed", ErrLock, len(l.Pins), maxPins)
	}
	for i := range l.Pins {
		slices.Sort(l.Pins[i].SHA256)
		l.Pins[i].SHA256 = slices.Compact(l.Pins[i].SHA256)
	}
	slices.SortFunc(l.Pins, func(a, b Pin) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(l.Pins); i++ {
		if l.Pins[i].Name == l.Pins[i-1].Name {
			return Lock{}, fmt.Errorf("%w: %s is in it twice", ErrLock, l.Pins[i].Name)
		}
	}
	return l, nil
}

// String is the text that ParseLock reads; equal locks have equal texts.
func (l Lock) String() string {
	return platformLine + l.Platform + "\n" + requiresLine + strings.Join(l.Requires, between) + "\n" + l.pins()
}

// pins is what an installer is told.
func (l Lock) pins() string {
	var b strings.Builder
	for _, p := range l.Pins {
		fmt.Fprintf(&b, "%s==%s", p.Name, p.Version)
		for _, sum := range p.SHA256 {
			b.WriteString(" --hash=sha256:" + sum)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// digest names the environment: what was asked for makes no difference to what is installed.
func (l Lock) digest() string { return digestOf(l.Platform, l.pins()) }

func digestOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:16])
}

// names lists the packages with their versions for people.
func (l Lock) names() []string {
	names := make([]string, 0, len(l.Pins))
	for _, p := range l.Pins {
		names = append(names, p.Name+"=="+p.Version)
	}
	return names
}

// satisfies tells, on the safe side, whether a lock holds what is required: only names with plain versions are judged,
// and whatever is written otherwise counts as missing.
func (l Lock) satisfies(requires []string) bool {
	return !slices.ContainsFunc(requires, func(r string) bool {
		m := requirement.FindStringSubmatch(r)
		return m == nil || m[2] != "" || m[4] != "" || !l.has(m[1], m[3])
	})
}

func (l Lock) has(name, clauses string) bool {
	i := slices.IndexFunc(l.Pins, func(p Pin) bool { return p.Name == name })
	if i < 0 {
		return false
	}
	if clauses == "" {
		return true
	}
	return plainRelease.MatchString(l.Pins[i].Version) && Metadata{RequiresPython: clauses}.Accepts(l.Pins[i].Version) == nil
}

var plainRelease = regexp.MustCompile(`^[0-9]{1,6}(?:\.[0-9]{1,6}){0,5}$`)
