package metaskill

import (
	"fmt"
	"strings"
)

// SaveLesson is the tool by which the textual method keeps what a task taught.
const SaveLesson = "save_lesson"

// Lesson are the arguments of save_lesson, and what a later task reads of it.
type Lesson struct {
	Title      string `json:"title" jsonschema:"what it is about, in a few words"`
	WhenToUse  string `json:"when_to_use" jsonschema:"kind of task that it helps with"`
	WhatWorked string `json:"what_worked,omitempty" jsonschema:"steps, libraries, sources that led to the answer"`
	WhatFailed string `json:"what_failed,omitempty" jsonschema:"what to avoid, and why"`
}

// textualDefinitions has save_lesson from the first request on, although it is called
// after the task: a list of tools that changed then would make the provider read the
// whole conversation anew.
var textualDefinitions = append(reactDefinitions[:len(reactDefinitions):len(reactDefinitions)],
	define[Lesson](SaveLesson, "Write down what the task taught. Only when you are asked for it, after the task.", false))

const textualPrompt = ReActPrompt + `

The task message may hold lessons of earlier tasks. Use those that fit: do what worked, avoid what failed. They may be wrong or not fit; what you observe counts.`

// LessonRequest is said to the model after the task. The conversation goes on, so that
// the lesson is made of all that was seen, and most of the request is in the provider's
// cache.
func LessonRequest(ended string) string {
	return "The task is over (" + ended + `). Write down what was learned from it, for somebody who will solve similar tasks without having seen this one: call save_lesson once, and nothing else. Be specific: name the approaches, libraries, sources and pitfalls that mattered, and what you would do at once next time. Leave out what is particular to this task alone, such as its answer, and never write down keys or passwords. Keep it under 200 words.`
}

const (
	// MaxLessons is how many lessons a task is begun with.
	MaxLessons = 5
	// maxLesson bounds what one of them costs in every turn, in characters of each field.
	maxLessonField = 800
	maxLessonTitle = 120
)

// writeLessons puts lessons into the first message; it is bounded whatever they hold.
func writeLessons(b *strings.Builder, lessons []Lesson) {
	if len(lessons) == 0 {
		return
	}
	b.WriteString("\nLessons of earlier tasks that may help:\n")
	for _, l := range lessons[:min(len(lessons), MaxLessons)] {
		fmt.Fprintf(b, "- %s\n", clip(oneLine(l.Title), maxLessonTitle))
		for _, part := range []struct{ name, text string }{{"when to use", l.WhenToUse}, {"what worked", l.WhatWorked}, {"what failed", l.WhatFailed}} {
			if text := oneLine(part.text); text != "" {
				fmt.Fprintf(b, "    %s: %s\n", part.name, clip(text, maxLessonField))
			}
		}
	}
}
