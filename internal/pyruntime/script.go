package pyruntime

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// Metadata is what a script declares about itself (PEP 723).
type Metadata struct {
	Dependencies   []string `toml:"dependencies"`    // PEP 508, as written
	RequiresPython string   `toml:"requires-python"` // PEP 440 specifiers; "" = any
}

// maxBlock bounds the TOML that is parsed, in bytes: it is untrusted and the parser recurses.
const maxBlock = 16 << 10

// block is the reference expression of PEP 723.
var block = regexp.MustCompile(`(?m)^# /// ([a-zA-Z0-9-]+)$\s((?:^#(?:| .*)$\s)+)^# ///$`)

// Dependencies reads the `# /// script` block of a Python source. Without one the
// metadata is empty. Errors are one line for whoever wrote the source.
func Dependencies(source []byte) (Metadata, error) {
	content, err := scriptBlock(source)
	if err != nil || content == "" {
		return Metadata{}, err
	}
	var m Metadata
	if _, err := toml.Decode(content, &m); err != nil {
		return Metadata{}, fmt.Errorf("the `# /// script` block cannot be read: %s", oneLine(strings.TrimPrefix(err.Error(), "toml: ")))
	}
	return m, nil
}

// scriptBlock is the block's TOML, "" without a block.
func scriptBlock(source []byte) (string, error) {
	var found []string
	for _, match := range block.FindAllSubmatch(pythonLines(source), -1) {
		if string(match[1]) == "script" {
			found = append(found, string(match[2]))
		}
	}
	switch {
	case len(found) == 0:
		return "", nil
	case len(found) > 1:
		return "", fmt.Errorf("the source has %d `# /// script` blocks; declare everything in one", len(found))
	case len(found[0]) > maxBlock:
		return "", fmt.Errorf("the `# /// script` block has more than %d bytes; declare packages only", maxBlock)
	}
	var content strings.Builder
	for line := range strings.Lines(found[0]) {
		content.WriteString(strings.TrimPrefix(strings.TrimPrefix(line, "#"), " "))
	}
	return content.String(), nil
}

// pythonLines makes line ends what Python sees: it ignores a byte order mark and takes
// CR and CRLF for a line end.
func pythonLines(source []byte) []byte {
	source = bytes.TrimPrefix(source, []byte("\uFEFF"))
	source = bytes.ReplaceAll(source, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(source, []byte("\r"), []byte("\n"))
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// specifier is one clause of PEP 440 over the release numbers that a Python has.
var specifier = regexp.MustCompile(`^(~=|==|!=|<=|>=|<|>)[ \t]*([0-9]{1,6}(?:\.[0-9]{1,6}){0,5})(\.\*)?$`)

// Accepts says whether the script runs on a Python version such as "3.11.2". The error
// is one line for whoever wrote the script.
func (m Metadata) Accepts(version string) error {
	if strings.TrimSpace(m.RequiresPython) == "" {
		return nil
	}
	for part := range strings.SplitSeq(m.RequiresPython, ",") {
		c := specifier.FindStringSubmatch(strings.TrimSpace(part))
		if c == nil || c[3] != "" && c[1] != "==" && c[1] != "!=" {
			return fmt.Errorf("requires-python %q cannot be read; write it like \">=3.9\"", m.RequiresPython)
		}
		if !accepts(c[1], release(c[2]), c[3] != "", release(version)) {
			return fmt.Errorf("requires-python is %q but the subagents' Python is %s; relax it", m.RequiresPython, version)
		}
	}
	return nil
}

func accepts(operator string, wanted []int, prefix bool, version []int) bool {
	same := slices.Equal(padded(version, len(wanted))[:len(wanted)], wanted)
	n := max(len(wanted), len(version))
	order := slices.Compare(padded(version, n), padded(wanted, n))
	switch operator {
	case "==":
		return order == 0 || prefix && same
	case "!=":
		return order != 0 && !(prefix && same)
	case "<=":
		return order <= 0
	case ">=":
		return order >= 0
	case "<":
		return order < 0
	case ">":
		return order > 0
	}
	// ~=3.9.1 means >=3.9.1 and ==3.9.*
	above := wanted[:max(1, len(wanted)-1)]
	return order >= 0 && slices.Equal(padded(version, len(above))[:len(above)], above)
}

func release(version string) (numbers []int) {
	for part := range strings.SplitSeq(version, ".") {
		n, _ := strconv.Atoi(part) // the expression lets digits through and nothing else
		numbers = append(numbers, n)
	}
	return numbers
}

// padded adds zeros: 3.11 is 3.11.0.
func padded(release []int, n int) []int {
	return append(slices.Clone(release), make([]int, max(0, n-len(release)))...)
}

const (
	maxRequirements = 30
	maxRequirement  = 300 // bytes
)

// requirement is the part of PEP 508 that is accepted: name, extras, version specifiers
// and a marker of comparisons. No URL, path or option of pip fits it.
var requirement = regexp.MustCompile(`^` + name + blank + `(?:\[` + blank + `(` + plain + `(?:` + blank + `,` + blank + plain + `)*)` + blank + `\])?` + blank +
	`(` + clause + `(?:` + blank + `,` + blank + clause + `)*)?` + blank +
	`(?:;` + blank + `(` + comparison + `(?:[ \t]+(?:and|or)[ \t]+` + comparison + `)*)` + blank + `)?$`)

const (
	blank      = `[ \t]*`
	plain      = `[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?`
	name       = `(` + plain + `)`
	clause     = `(?:~=|==|!=|<=|>=|<|>)` + blank + `[0-9A-Za-z][0-9A-Za-z.!+*_-]*`
	variable   = `(?:python_version|python_full_version|os_name|sys_platform|platform_release|platform_system|platform_version|platform_machine|platform_python_implementation|implementation_name|implementation_version)`
	literal    = `(?:'[A-Za-z0-9 ._*+-]*'|"[A-Za-z0-9 ._*+-]*")`
	operator   = `(?:` + blank + `(?:~=|==|!=|<=|>=|<|>)` + blank + `|[ \t]+(?:not[ \t]+)?in[ \t]+)`
	comparison = `(?:` + variable + operator + literal + `|` + literal + operator + variable + `)`
)

// checkRequirements accepts what may be handed to pip and returns it normalised, sorted
// and without duplicates, so that equal sets are equal strings.
func checkRequirements(declared []string) ([]string, error) {
	if len(declared) > maxRequirements {
		return nil, fmt.Errorf("%d packages are declared; at most %d are allowed", len(declared), maxRequirements)
	}
	normal := make([]string, 0, len(declared))
	for _, d := range declared {
		n, err := normalize(d)
		if err != nil {
			return nil, err
		}
		normal = append(normal, n)
	}
	slices.Sort(normal)
	return slices.Compact(normal), nil
}

func normalize(declared string) (string, error) {
	if len(declared) > maxRequirement {
		return "", fmt.Errorf("requirement %.40q... has more than %d bytes", declared, maxRequirement)
	}
	m := requirement.FindStringSubmatch(strings.Trim(declared, " \t"))
	if m == nil {
		return "", fmt.Errorf("requirement %q is not accepted; write a package name with an optional version, such as requests>=2.31 (no URL, path or option)", declared)
	}
	n := projectName(m[1])
	if m[2] != "" {
		n += "[" + list(m[2], projectName) + "]"
	}
	n += list(m[3], func(s string) string { return s })
	if m[4] != "" {
		n += "; " + oneLine(m[4])
	}
	return n, nil
}

var separators = regexp.MustCompile(`[-_.]+`)

// projectName is the normal form of PEP 503.
func projectName(s string) string { return strings.ToLower(separators.ReplaceAllString(s, "-")) }

// list normalises a comma-separated list whose order means nothing.
func list(s string, normal func(string) string) string {
	parts := strings.Split(strings.NewReplacer(" ", "", "\t", "").Replace(s), ",")
	for i := range parts {
		parts[i] = normal(parts[i])
	}
	slices.Sort(parts)
	return strings.Join(slices.Compact(parts), ",")
}
