package shellcheck

import (
	"regexp"
	"strings"
)

const stringLiteral = `(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')`

// What a program in another language says about commands and files in so many words.
var (
	codeCommand = regexp.MustCompile(`\b(?:system|popen|exec|execSync|spawnSync|shell_exec|passthru|getoutput|getstatusoutput|run|call|check_call|check_output|Popen)\s*\(?\s*` + stringLiteral)
	codeList    = regexp.MustCompile(`\b(?:run|call|check_call|check_output|Popen|spawnSync?|execFileSync|system|exec)\s*\(\s*(\[?\s*` + stringLiteral + `(?:\s*,\s*\[?\s*` + stringLiteral + `)+)`)
	codeString  = regexp.MustCompile(stringLiteral)
	codeTicks   = regexp.MustCompile("`([^`]+)`")
	codeDelete  = regexp.MustCompile(`\b(?:rmtree|remove|unlink|rmdir|removedirs|rm_rf|rm_r|rmSync|unlinkSync|rmdirSync|delete|rimraf)\s*\(?\s*(?:glob\s*\(?\s*)?(?:os\.path\.expanduser\(\s*)?` + stringLiteral)
	codeWrite   = regexp.MustCompile(`\b(?:open|writeFileSync|file_put_contents|truncate)\s*\(\s*(?:os\.path\.expanduser\(\s*)?` + stringLiteral + `\)?\s*(?:,\s*["']([^"']*))?`)
	codePath    = regexp.MustCompile(`\bPath\(\s*` + stringLiteral + `\s*\)(?:\.expanduser\(\))?\.(unlink|rmdir|write_text|write_bytes|chmod)\b`)
	codeKill    = regexp.MustCompile(`\b(?:os|process)\.kill(?:pg)?\(\s*-?\d+`)
	codeMode    = regexp.MustCompile(`\b(?:chmod|chown|chmodSync|chownSync)\(\s*` + stringLiteral)
	awkWrite    = regexp.MustCompile(`>\s*"(/[^"]+)"`)
	awkPipe     = regexp.MustCompile(`\|\s*"([^"]+)"|"([^"]+)"\s*\|\s*getline`)
)

// interpreter follows the program that an interpreter is given, as far as it names commands and files in so many words.
func interpreter(c *checker, args []string, s *state) {
	for _, program := range programs(args) {
		c.runCode(program, s)
	}
	given, operands := parse(args, "c e E n r m W X")
	if given.has("-i") { // perl -pi, ruby -i
		for _, name := range operands {
			c.write(s, name)
		}
	}
	switch {
	case len(programs(args)) > 0 || hasModule(args):
	case len(operands) == 0 || operands[0] == "-":
		c.codeInput(s)
	default:
		for _, version := range c.files[c.path(s, operands[0])] {
			c.runCode(version, s)
		}
	}
}

func hasModule(args []string) bool {
	given, _ := parse(args, "c e E m W X")
	return given.has("-m", "--version", "-V", "--help", "-h")
}

// programs are those on the command line. An awk program is the first operand.
func programs(args []string) []string {
	given, operands := parse(args, "c e E n r m W X F v f eval")
	all := given.values("-c", "-e", "-E", "-r", "--eval")
	if len(all) == 0 && len(operands) > 0 && strings.ContainsAny(operands[0], "{") {
		all = operands[:1]
	}
	return all
}

func (c *checker) codeInput(s *state) {
	if input, known := s.input(); known {
		c.runCode(input, s)
	}
}

func (c *checker) runCode(program string, s *state) {
	if strings.Contains(program, fetched) {
		c.flag(PipeToShell, "runs what it downloads, unseen")
		return
	}
	c.code(program, s)
}

func (c *checker) code(program string, s *state) {
	for _, m := range codeCommand.FindAllStringSubmatch(program, maxFindings) {
		c.generated(either(m[1:]), s.clone())
	}
	for _, m := range codeList.FindAllStringSubmatch(program, maxFindings) {
		var words []string
		for _, w := range codeString.FindAllStringSubmatch(m[1], maxFields) {
			words = append(words, either(w[1:]))
		}
		c.run(words, s.clone())
	}
	for _, m := range codeTicks.FindAllStringSubmatch(program, maxFindings) {
		if program := strings.Fields(m[1]); len(program) > 1 && (effects[program[0]] != nil || builtins[program[0]] != nil) {
			c.generated(m[1], s.clone())
		}
	}
	c.codeFiles(program, s)
}

func (c *checker) codeFiles(program string, s *state) {
	for _, m := range codeDelete.FindAllStringSubmatch(program, maxFindings) {
		c.remove(s, either(m[1:3]))
	}
	for _, m := range codeWrite.FindAllStringSubmatch(program, maxFindings) {
		if name := either(m[1:3]); strings.ContainsAny(m[3], "wax+") || strings.HasPrefix(m[0], "writeFile") || strings.HasPrefix(m[0], "file_put") {
			c.write(s, strings.TrimLeft(name, "> "))
		} else {
			c.uses(s, name)
		}
	}
	for _, m := range codePath.FindAllStringSubmatch(program, maxFindings) {
		judge := map[string]func(*state, string){"unlink": c.remove, "rmdir": c.remove, "chmod": c.permit}[m[3]]
		if judge == nil {
			judge = c.write
		}
		judge(s, either(m[1:3]))
	}
	for _, m := range codeMode.FindAllStringSubmatch(program, maxFindings) {
		c.permit(s, either(m[1:3]))
	}
	if codeKill.MatchString(program) {
		c.flag(Kill, "ends a process that it did not start")
	}
	for _, m := range awkWrite.FindAllStringSubmatch(program, maxFindings) {
		c.write(s, m[1])
	}
	for _, m := range awkPipe.FindAllStringSubmatch(program, maxFindings) {
		c.generated(either(m[1:]), s.clone())
	}
}

// either is the group that took part in the match, without its escapes.
func either(groups []string) string {
	for _, g := range groups {
		if g != "" {
			return strings.NewReplacer(`\"`, `"`, `\'`, `'`, `\\`, `\`).Replace(g)
		}
	}
	return ""
}
