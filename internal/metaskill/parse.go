package metaskill

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/google/jsonschema-go/jsonschema"
)

// Parse checks the arguments of a call against the schema that the model was given
// and returns them as one of the argument structs of this package. Its errors are
// written for the model: short, exact, with the remedy.
func (m *Method) Parse(name, arguments string) (any, error) {
	d, ok := m.find(name)
	if !ok {
		return nil, fmt.Errorf("there is no tool %.64q; %s", name, m.suggestion(name))
	}
	if strings.TrimSpace(arguments) == "" {
		arguments = "{}"
	}
	var instance any
	if err := json.Unmarshal([]byte(arguments), &instance); err != nil {
		return nil, fmt.Errorf("the arguments of %s are not valid JSON (%s); send one complete JSON object", name, jsonProblem(arguments, err))
	}
	if err := m.resolved()[name].Validate(instance); err != nil {
		return nil, fmt.Errorf("the arguments of %s do not fit its schema: %s", name, schemaProblem(err))
	}
	return d.parse(json.RawMessage(arguments))
}

// resolve compiles the schemas of a method. Extra properties are ignored rather than
// refused: they do no harm, and a refusal costs a turn.
func resolve(definitions []definition) map[string]*jsonschema.Resolved {
	all := map[string]*jsonschema.Resolved{}
	for _, d := range definitions {
		schema, err := d.schema()
		if err != nil {
			panic(fmt.Sprintf("schema of %s: %v", d.name, err))
		}
		r, err := tolerant(schema).Resolve(nil)
		if err != nil {
			panic(fmt.Sprintf("resolve the schema of %s: %v", d.name, err))
		}
		all[d.name] = r
	}
	return all
}

func tolerant(s *jsonschema.Schema) *jsonschema.Schema {
	s.AdditionalProperties = nil
	for _, p := range s.Properties {
		if p.Items != nil {
			tolerant(p.Items)
		}
	}
	return s
}

func (m *Method) suggestion(name string) string {
	best, distance := "", len(name)
	for _, known := range m.Names() {
		if d := levenshtein.ComputeDistance(name, known); d < distance {
			best, distance = known, d
		}
	}
	if best != "" && distance <= len(best)/2 {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return "the tools are " + strings.Join(m.Names(), ", ")
}

func jsonProblem(arguments string, err error) string {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		if syntax.Offset >= int64(len(arguments)) {
			return "they end too early"
		}
		return fmt.Sprintf("%v at character %d", err, syntax.Offset)
	}
	return err.Error()
}

// schemaProblem keeps the innermost part of the validator's message, which names the property.
func schemaProblem(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, "validating "); i >= 0 {
		text = strings.TrimPrefix(text[i+len("validating "):], "root: ")
	}
	return text
}
