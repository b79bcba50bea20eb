package metaskill

import (
	"cmp"
	"encoding/json"
	"strings"

	"agentfactory/internal/toolskill"
)

// maxHint bounds what a call adds to the workflow's history, in characters.
const maxHint = 60

// Hint tells in a few words what a call is about, and whether it executes a
// subagent. It never fails: arguments that do not parse have no hint.
func Hint(name, arguments string) (hint string, runs bool) {
	var a struct {
		SkillName string `json:"skill_name"`
		Filename  string `json:"filename"`
		Query     string `json:"query"`
		Code      string `json:"code"`
		Title     string `json:"title"`
	}
	// Arguments of the wrong shape are reported to the model when the call is carried out.
	_ = json.Unmarshal([]byte(arguments), &a)
	runs = name == RunSubagent || name == RunCode || name == CreateSubagent && a.Query != ""
	hint = cmp.Or(a.SkillName, a.Filename, a.Query, a.Title)
	if name == RunCode {
		hint, _, _ = strings.Cut(strings.TrimSpace(a.Code), "\n")
	}
	if r := []rune(oneLine(hint)); len(r) > maxHint {
		return string(r[:maxHint]), runs
	}
	return strings.ToValidUTF8(oneLine(hint), "?"), runs
}

// Documentation returns what there is to know of a tool skill or one of the method's tools.
func (m *Method) Documentation(name string) (string, bool) {
	if t, ok := toolByName(name); ok {
		return toolskill.Document(t.Name)
	}
	for _, tool := range m.Tools() {
		if tool.Name == name {
			return tool.Description + "\nParameters: " + string(tool.Parameters), true
		}
	}
	return "", false
}
