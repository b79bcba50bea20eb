package checking

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// MaxScript bounds a check script, in bytes.
const MaxScript = 16 << 10

// ErrNoCheck says that the tester found nothing that code could check. The rest of the message is its reason.
var ErrNoCheck = errors.New("no check by code")

// ParseScript takes the script out of the tester's reply: its one code block that is marked as Python or as nothing, or
// all of it if there are no blocks. A reply NO CHECK is ErrNoCheck. Every other error is one line for the model: what is
// wrong with the reply.
func ParseScript(reply string) (string, error) {
	script, err := locate(reply)
	if err != nil {
		return "", err
	}
	if declined := refusal.FindStringSubmatch(reply); declined != nil && !definition.MatchString(script) {
		return "", fmt.Errorf("%w: %s", ErrNoCheck, reason(declined[1]))
	}
	if err := inspect(script); err != nil {
		return "", err
	}
	return script + "\n", nil
}

// locate returns the text that should be the script, without the blank lines around it.
func locate(reply string) (string, error) {
	blocks, err := pythonBlocks(reply)
	if err != nil {
		return "", err
	}
	if len(blocks) > 1 {
		return "", fmt.Errorf("the reply holds %d Python blocks; put the whole check into one", len(blocks))
	}
	script := reply
	if len(blocks) == 1 {
		script = blocks[0]
	}
	return strings.TrimRight(strings.TrimLeft(script, "\r\n"), " \t\r\n"), nil
}

var (
	definition = regexp.MustCompile(`(?m)^def[ \t]+check[ \t]*\(`)
	refusal    = regexp.MustCompile(`(?m)^[*_ \t]*NO CHECK\b[*_:.\- \t]*(.*)$`)
)

func inspect(script string) error {
	switch {
	case script == "":
		return errors.New("the reply holds no code; write the check in one ```python block")
	case len(script) > MaxScript:
		return fmt.Errorf("the script has %d bytes; at most %d are taken", len(script), MaxScript)
	case strings.ContainsRune(script, 0):
		return errors.New("the script contains NUL bytes")
	case !utf8.ValidString(script):
		return errors.New("the script is not valid UTF-8")
	case !definition.MatchString(script):
		return errors.New("the reply defines no function check(query, answer) at the top level of one ```python block")
	}
	return nil
}

// maxReason bounds what a model gives as its reason, in characters.
const maxReason = 300

// reason makes one line of what a model said.
func reason(said string) string {
	line := strings.Join(strings.Fields(strings.ToValidUTF8(said, "�")), " ")
	if line == "" {
		return "it gave no reason"
	}
	if short := firstCharacters(line, maxReason); len(short) < len(line) {
		return short + "…"
	}
	return line
}

// pythonBlocks returns the content of the fenced code blocks (CommonMark, section 4.5) that are marked as Python, or of
// those without a mark if there are none.
func pythonBlocks(reply string) ([]string, error) {
	var python, plain []string
	lines := strings.SplitAfter(strings.ReplaceAll(reply, "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		open := fence.FindStringSubmatch(lines[i])
		if open == nil {
			continue
		}
		end := closing(lines, i+1, open[1])
		if end == len(lines) {
			return nil, errors.New("the code block does not end; the reply was cut off, write a shorter check")
		}
		content := strings.Join(lines[i+1:end], "")
		switch strings.ToLower(open[2]) {
		case "python", "py", "python3":
			python = append(python, content)
		case "":
			plain = append(plain, content)
		}
		i = end
	}
	if len(python) > 0 {
		return python, nil
	}
	return plain, nil
}

// fence is the opening line of a block: the fence, and the first word of its info string.
var fence = regexp.MustCompile("^ {0,3}(`{3,}|~{3,})[ \t]*([^ \t`\n]*)[^`\n]*\n?$")

// closing is the index of the line that ends a block opened by fence, len(lines) if none does. A line that is indented
// like code ends none.
func closing(lines []string, from int, fence string) int {
	for i := from; i < len(lines); i++ {
		line := strings.TrimLeft(lines[i], " ")
		indent := len(lines[i]) - len(line)
		line = strings.TrimRight(line, " \t\n")
		if indent <= 3 && len(line) >= len(fence) && strings.Trim(line, fence[:1]) == "" {
			return i
		}
	}
	return len(lines)
}
