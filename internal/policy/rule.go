package policy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
)

// Action is what a rule does with an event.
type Action string

// The actions. Log notes the event and lets the next rules decide.
const (
	Allow Action = "allow"
	Deny  Action = "deny"
	Ask   Action = "ask"
	Log   Action = "log"
)

// Rule is one rule as it is written.
type Rule struct {
	Name    string  `yaml:"name" json:"name"`
	Trigger Trigger `yaml:"trigger" json:"trigger"`
	When    string  `yaml:"when,omitempty" json:"when,omitempty"` // CEL; "": always
	Action  Action  `yaml:"action" json:"action"`
	Reason  string  `yaml:"reason,omitempty" json:"reason,omitempty"`
}

// What a condition may be and cost. A condition of this size that compares a host with a hundred others costs some hundreds.
const (
	maxCondition = 4096   // characters
	maxNesting   = 50     // levels
	maxCost      = 50_000 // CEL's units, about one for each operation and each ten characters that are compared
)

// condition is a rule that is ready to be evaluated; nil program: it always holds.
type condition struct {
	Rule
	program cel.Program
}

var namePattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

const maxName = 64

func (r Rule) compile() (condition, error) {
	c := condition{Rule: r}
	if err := r.check(); err != nil || strings.TrimSpace(r.When) == "" {
		return c, err
	}
	env, err := environment(r.Trigger)
	if err != nil {
		return c, err
	}
	ast, issues := env.Compile(r.When)
	if issues.Err() != nil {
		return c, fmt.Errorf("when: %s", described(issues, r.Trigger))
	}
	if ast.OutputType() != cel.BoolType {
		return c, fmt.Errorf("when: the condition is of type %s: it must be true or false", ast.OutputType())
	}
	c.program, err = env.Program(ast, cel.CostLimit(maxCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return c, fmt.Errorf("when: %s", firstLine(err.Error()))
	}
	return c, nil
}

func (r Rule) check() error {
	switch {
	case !namePattern.MatchString(r.Name) || len(r.Name) > maxName:
		return fmt.Errorf("name: %.80q: use 1 to %d of a–z, 0–9 and single hyphens", r.Name, maxName)
	case !slices.Contains(triggers, r.Trigger):
		return fmt.Errorf("trigger: %.80q: choose one of %s", r.Trigger, joined(triggers))
	case !slices.Contains([]Action{Allow, Deny, Ask, Log}, r.Action):
		return fmt.Errorf("action: %.80q: choose allow, deny, ask or log", r.Action)
	case len([]rune(r.When)) > maxCondition:
		return fmt.Errorf("when: has more than %d characters: divide the rule", maxCondition)
	case strings.ContainsAny(strings.TrimSpace(r.Reason), "\n\r"):
		return errors.New("reason: has more than one line")
	}
	return nil
}

// described is the first mistake in a condition, with its line and column.
func described(issues *cel.Issues, t Trigger) string {
	first := issues.Errors()[0]
	said := strings.ReplaceAll(firstLine(first.Message), " (in container '')", "")
	message := fmt.Sprintf("%d:%d: %s", first.Location.Line(), first.Location.Column()+1, said)
	if !strings.Contains(message, "undeclared reference") {
		return message
	}
	var names []string
	for _, v := range Variables(t) {
		names = append(names, v.Name)
	}
	return fmt.Sprintf("%s; a rule for %s can use %s", message, t, strings.Join(names, ", "))
}

// holds tells whether the condition is true of an event.
func (c condition) holds(values map[string]any) (bool, error) {
	if c.program == nil {
		return true, nil
	}
	out, _, err := c.program.Eval(values)
	if err != nil {
		return false, errors.New(firstLine(err.Error()))
	}
	return out.Value() == true, nil
}

var environments sync.Map // of Trigger: func() (*cel.Env, error)

// environment is what conditions of a trigger are checked against; making one takes milliseconds.
func environment(t Trigger) (*cel.Env, error) {
	made, _ := environments.LoadOrStore(t, sync.OnceValues(func() (*cel.Env, error) { return newEnvironment(t) }))
	return made.(func() (*cel.Env, error))()
}

func newEnvironment(t Trigger) (*cel.Env, error) {
	options := append(functions(), cel.ParserExpressionSizeLimit(maxCondition), cel.ParserRecursionLimit(maxNesting))
	for _, v := range Variables(t) {
		options = append(options, cel.VariableWithDoc(v.Name, v.kind, v.Meaning))
	}
	return cel.NewEnv(options...)
}

func joined[T ~string](all []T) string {
	words := make([]string, len(all))
	for i, w := range all {
		words[i] = string(w)
	}
	return strings.Join(words, ", ")
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
