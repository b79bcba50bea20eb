package batches

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"

	"github.com/goccy/go-yaml"
)

// ScriptModel is the model of Script.
const ScriptModel = "scripted-evaluation"

// Script is what the scripted model says in the tasks of the offline batch, for each method, in the form of
// docs/scripted-model.md. It is made of the reference solutions: methods differ in what they keep, so the meta-agent has a
// skill to run where the others write a program again. Some first versions are wrong, some saved skills fall short of
// their second task, one is overlooked, and some answers are wrong; what a run costs is counted from what is said. How
// real models fare, only they can show.
func Script() []byte {
	s := script{Models: []string{ScriptModel}}
	for i, p := range pairs {
		for second := range p.queries {
			scene := scene{pair: p, second: second, task: offlineTasks(second)[i]}
			s.Conversations = append(s.Conversations, scene.conversations()...)
		}
	}
	text, err := yaml.MarshalWithOptions(s, yaml.UseLiteralStyleIfMultiline(true))
	if err != nil {
		panic(fmt.Sprintf("write the script: %v", err)) // texts always encode
	}
	return text
}

// The parts of a script that are used here; internal/llm/scripted reads them.
type (
	script struct {
		Models        []string       `yaml:"models"`
		Conversations []conversation `yaml:"conversations"`
	}
	conversation struct {
		Name  string `yaml:"name"`
		When  when   `yaml:"when"`
		Turns []turn `yaml:"turns"`
	}
	when struct {
		System string `yaml:"system"`
		User   string `yaml:"user"`
	}
	turn struct {
		When    string `yaml:"when,omitempty"`
		Text    string `yaml:"text,omitempty"`
		Calls   []call `yaml:"calls,omitempty"`
		Refusal string `yaml:"refusal,omitempty"`
	}
	call struct {
		Name      string        `yaml:"name"`
		Arguments yaml.MapSlice `yaml:"arguments"`
	}
)

// offlineTask is what the script needs of a task.
type offlineTask struct {
	ID   string `json:"id"`
	Task string `json:"task"`
}

// offlineTasks are those of the first or the second file, in the order of pairs.
func offlineTasks(second int) []offlineTask {
	b := offline()
	data, err := fs.ReadFile(b.Files, b.Tasks[second])
	if err != nil {
		panic(err) // a mistake in this package
	}
	var tasks []offlineTask
	for line := range bytes.Lines(data) {
		var t offlineTask
		if err := json.Unmarshal(line, &t); err != nil {
			panic(fmt.Sprintf("%s: %v", b.Tasks[second], err)) // likewise
		}
		tasks = append(tasks, t)
	}
	return tasks
}

// stuck is what the model says to what it was not expected to meet: a refusal, which fails the run, so that the report
// shows it.
var stuck = turn{Refusal: "The script has no reply to what the last call returned."}

// meant is a call with its arguments in their order: name, value, name, value.
func meant(name string, arguments ...any) call {
	c := call{Name: name}
	for pair := range slices.Chunk(arguments, 2) {
		c.Arguments = append(c.Arguments, yaml.MapItem{Key: pair[0], Value: pair[1]})
	}
	return c
}
