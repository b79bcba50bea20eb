package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"agentfactory/internal/secret"
)

// mask blots secrets out of what is journalled and delivered.
type mask struct{ secret.Mask }

func (m mask) error(e *Error) *Error {
	masked := *e
	masked.Message = strings.Join(strings.Fields(m.Text(e.Message)), " ")
	return &masked
}

// json masks a JSON object and returns it in one canonical form: fields sorted, no space, numbers as they were written.
// Masking the decoded strings catches a secret however it was escaped.
func (m mask) json(body []byte) (json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	if object == nil {
		return nil, errors.New("not a JSON object")
	}
	return encode(m.value(object))
}

func (m mask) value(v any) any {
	switch v := v.(type) {
	case string:
		return m.Text(v)
	case []any:
		for i := range v {
			v[i] = m.value(v[i])
		}
		return v
	case map[string]any:
		masked := make(map[string]any, len(v))
		for key, field := range v {
			masked[m.Text(key)] = m.value(field)
		}
		return masked
	}
	return v
}

// encode is json.Marshal without the escapes for HTML, which would swell every web page that a tool reads.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
