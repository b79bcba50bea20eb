// Package metaskill defines what the meta-agent can do: the seven meta skills with
// their arguments and JSON schemas, the names of the tool skills that a subagent may
// be given, and the system prompt that explains both. Beside it stand the methods that
// it is compared with, which have prompts and tools of their own ([Method]). Everything
// here is sent with every model call, so each byte of it has to earn its place.
//
// It knows the wire form (internal/llm) and nothing about how a call is carried out.
package metaskill

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/jsonschema-go/jsonschema"
)

// The meta skills.
const (
	CreateSubagent      = "create_subagent"
	RunSubagent         = "run_subagent"
	ModifySubagent      = "modify_subagent"
	GetSkillDescription = "get_skill_description"
	ListSavedSubagents  = "list_saved_subagents"
	ViewSubagentCode    = "view_subagent_code"
	Finish              = "finish"
)

// Create are the arguments of create_subagent.
type Create struct {
	SkillName string   `json:"skill_name" jsonschema:"short general name, e.g. csv-summary"`
	Filename  string   `json:"filename,omitempty" jsonschema:"entry file, default subagent.py"`
	Code      string   `json:"code" jsonschema:"whole Python module with main(query: str) -> dict"`
	Skills    []string `json:"skills,omitempty" jsonschema:"tool skills it may import"`
	Query     string   `json:"query,omitempty" jsonschema:"run it at once with this"`
}

// Run are the arguments of run_subagent.
type Run struct {
	Filename  string `json:"filename,omitempty" jsonschema:"entry file of a subagent in the workspace"`
	SkillName string `json:"skill_name,omitempty" jsonschema:"or the name of a saved skill"`
	Query     string `json:"query"`
}

// Modify are the arguments of modify_subagent.
type Modify struct {
	Filename   string `json:"filename,omitempty" jsonschema:"file in the workspace"`
	SkillName  string `json:"skill_name,omitempty" jsonschema:"or a saved skill; its copy in the workspace is edited"`
	OldContent string `json:"old_content" jsonschema:"exact text that occurs once"`
	NewContent string `json:"new_content"`
}

// Describe are the arguments of get_skill_description.
type Describe struct {
	SkillName string `json:"skill_name" jsonschema:"saved skill, tool skill or meta skill"`
}

// List are the arguments of list_saved_subagents.
type List struct {
	Query string `json:"query,omitempty" jsonschema:"words to search for; empty lists the latest"`
	Limit int    `json:"limit,omitempty" jsonschema:"default 10"`
}

// View are the arguments of view_subagent_code.
type View struct {
	SkillName string `json:"skill_name"`
	Version   int    `json:"version,omitempty" jsonschema:"default: the current one"`
}

// Final are the arguments of finish.
type Final struct {
	Answer    string      `json:"answer" jsonschema:"complete answer for the user"`
	Subagents []SavedItem `json:"subagents,omitempty" jsonschema:"subagents worth saving"`
}

// SavedItem names a subagent that finish saves.
type SavedItem struct {
	EntryFile   string `json:"entry_file"`
	Description string `json:"description" jsonschema:"what it does and when to use it, incl. the form of query; for strangers"`
	SkillName   string `json:"skill_name,omitempty" jsonschema:"default: the name it was created with"`
	Supersedes  string `json:"supersedes,omitempty" jsonschema:"saved skill that this one replaces; not with skill_name"`
}

type definition struct {
	name, description string
	schema            func() (*jsonschema.Schema, error)
	parse             func(json.RawMessage) (any, error)
	readOnly          bool
}

// The order is part of the cached prompt prefix: append, never reorder.
var definitions = []definition{
	define[Create](CreateSubagent, "Write a new Python subagent into the workspace; with query, also run it.", false),
	define[Run](RunSubagent, "Run a subagent or a saved skill in the sandbox. Returns its answer and summary, or the exception with local variables.", false),
	define[Modify](ModifySubagent, "Replace one exact, unique piece of a subagent's code.", false),
	define[Describe](GetSkillDescription, "Read the full documentation of a skill.", true),
	define[List](ListSavedSubagents, "Search the library of saved skills.", true),
	define[View](ViewSubagentCode, "Read the code of a saved skill.", true),
	define[Final](Finish, "End the task with the answer; save the subagents worth keeping.", false),
}

func define[T any](name, description string, readOnly bool) definition {
	return narrowed[T, T](name, description, readOnly)
}

// narrowed shows the model less than the arguments can hold: the schema is that of Shown.
func narrowed[Shown, T any](name, description string, readOnly bool) definition {
	return definition{
		name: name, description: description, readOnly: readOnly,
		schema: func() (*jsonschema.Schema, error) { return jsonschema.For[Shown](nil) },
		parse: func(raw json.RawMessage) (any, error) {
			var v T
			if err := json.Unmarshal(raw, &v); err != nil {
				return nil, err
			}
			return v, nil
		},
	}
}

// ReadOnly reports whether calls of this meta skill change nothing, so that
// adjacent ones may be carried out in parallel. A name means the same in every method.
func ReadOnly(name string) bool {
	return slices.ContainsFunc(definitions, func(d definition) bool { return d.name == name && d.readOnly })
}

// compact drops what costs tokens in every call and tells a model nothing: that a list may be null.
func compact(s *jsonschema.Schema) *jsonschema.Schema {
	for _, p := range s.Properties {
		if i := slices.Index(p.Types, "null"); i >= 0 && len(p.Types) == 2 {
			p.Type, p.Types = p.Types[1-i], nil
		}
		if p.Items != nil {
			compact(p.Items)
		}
	}
	return s
}

func encode(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode a schema: %v", err))
	}
	return raw
}
