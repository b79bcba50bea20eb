package transcript

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Arguments are those of a JSON object, in the order in which the model wrote them;
// false when it wrote something else.
func Arguments(raw string) ([]Argument, bool) {
	var values map[string]json.RawMessage
	if json.Unmarshal([]byte(raw), &values) != nil {
		return nil, false
	}
	var list []Argument
	for _, name := range keysInOrder(raw) {
		value := string(values[name])
		var text string
		if json.Unmarshal(values[name], &text) == nil {
			value = text
		}
		list = append(list, Argument{Name: name, Value: value})
	}
	return list, true
}

// keysInOrder returns the keys of a JSON object as they stand in it.
func keysInOrder(raw string) []string {
	d := json.NewDecoder(strings.NewReader(raw))
	var keys []string
	if _, err := d.Token(); err != nil {
		return nil
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return keys
		}
		keys = append(keys, fmt.Sprint(key))
		var skip json.RawMessage
		if d.Decode(&skip) != nil {
			return keys
		}
	}
	return keys
}
