package batches

import (
	"fmt"
	"regexp"
	"strings"
)

// scene is all that the scripted model says about one task.
type scene struct {
	pair
	second int // 1 for the task of the second batch
	task   offlineTask
}

// The system prompts by which the script tells who asks (internal/metaskill, internal/checking).
const (
	asMetaAgent = `/^You are the meta-agent of AgentFactory/`
	asProgram   = `/^You solve tasks by writing and running Python programs\./`
	asTextual   = `/(?s)^You solve tasks by writing and running Python programs\..*The task message may hold lessons/`
	asTester    = `/^You write checks for/`
)

// conversations begin with the most particular: the first that fits a request answers it.
func (s scene) conversations() []conversation {
	var all []conversation
	add := func(name, system, user string, turns []turn) {
		all = append(all, conversation{s.task.ID + ": " + name, when{system, user}, turns})
	}
	if s.saveAs() == s.name {
		add("use the saved skill", asMetaAgent, s.below("\n- "+s.name+": "), s.reuse())
	}
	add("build the skill", asMetaAgent, s.task.Task, s.build())
	add("write a check", asTester, s.task.Task, []turn{{Text: "```python\n" + s.check() + "```"}})
	add("a lesson helps", asTextual, s.below("\n- "+s.lessonTitle()+"\n"), s.programs("textual", true))
	add("first of its kind", asTextual, s.task.Task, s.programs("textual", false))
	add("by programs", asProgram, s.task.Task, s.programs("react", false))
	return all
}

// below matches a first message that holds the task and, below it, a text.
func (s scene) below(text string) string {
	return "/(?s)" + regexp.QuoteMeta(s.task.Task) + ".*" + regexp.QuoteMeta(text) + "/"
}

func (s scene) query() string { return s.queries[s.second] }

// saveAs is the name of the skill that is built.
func (s scene) saveAs() string {
	if s.second == 1 && s.anew != "" {
		return s.anew
	}
	return s.name
}

// solution is what the scene ends with. The first task shows nothing of what only the second one asks for.
func (s scene) solution() string {
	if s.second == 0 {
		return s.narrow.in(s.pair.solution())
	}
	return s.pair.solution()
}

const answered = `/(?m)^answer: /`

// build writes the subagent, repairs it after a run that failed, and saves it.
func (s scene) build() []turn {
	first := turn{
		Text: "No saved skill fits. I write one subagent and try it at once.",
		Calls: []call{meant("create_subagent", "skill_name", s.saveAs(), "filename", s.file(), "code", s.draft.in(s.solution()),
			"skills", s.tools, "query", s.query())},
	}
	finish := turn{When: answered, Calls: []call{s.finish(s.file())}}
	turns := []turn{first, finish, stuck}
	if s.draft.made() {
		turns = []turn{first, s.repair(s.draft, "filename", s.file()), stuck, finish, stuck}
	}
	return append(turns, s.afterwards(meant("run_subagent", "filename", s.file(), "query", s.query()))...)
}

// reuse runs the saved skill, and repairs it where it falls short of the second task.
func (s scene) reuse() []turn {
	use := meant("run_subagent", "skill_name", s.name, "query", s.query())
	turns := []turn{{Calls: []call{use}}}
	finish := turn{When: answered, Calls: []call{s.finish("")}}
	if s.second == 1 && s.narrow.made() {
		turns = append(turns, s.repair(s.narrow, "skill_name", s.name), finish, stuck)
		finish.Calls = []call{s.finish("skills/" + s.name + "/" + s.file())}
	}
	return append(append(turns, finish, stuck), s.afterwards(use)...)
}

// repair replaces the mistake and runs the subagent again.
func (s scene) repair(e edit, by, name string) turn {
	return turn{When: e.sign, Text: e.why, Calls: []call{
		meant("modify_subagent", by, name, "old_content", e.wrong, "new_content", e.right),
		meant("run_subagent", by, name, "query", s.query()),
	}}
}

// finish answers with what the last run did, and saves the subagent unless entry is empty.
func (s scene) finish(entry string) call {
	shown := "(.*)"
	if miss, missed := misses["agentfactory/"+s.task.ID]; missed {
		shown = miss.wrong
	}
	answer := fmt.Sprintf(`{{.Find "(?m)^answer: %s"}}`, shown)
	if entry == "" {
		return meant("finish", "answer", answer)
	}
	saved := map[string]string{"entry_file": entry, "description": s.description}
	return meant("finish", "answer", answer, "subagents", []map[string]string{saved})
}

// afterwards is for a finish that was not accepted, because the library has got a skill of this name meanwhile: the task
// is answered without saving one.
func (s scene) afterwards(run call) []turn {
	return []turn{
		{Text: "The answer matters more than the skill.", Calls: []call{run}},
		{When: answered, Calls: []call{s.finish("")}}, stuck,
	}
}

const printed = `/(?m)^result: /`

// programs solve the task without a library: a look at the material, a program, another one if it failed, the answer, and
// the lesson where one is asked for. Who has been told a lesson does not look, and does not make the mistake.
func (s scene) programs(method string, told bool) []turn {
	var turns []turn
	code := s.pair.solution()
	if look := s.looking(); look != "" && !told {
		turns = append(turns, turn{Text: "I look at the material first.", Calls: []call{meant("run_code", "code", look)}})
	}
	if miss, missed := misses[method+"/"+s.task.ID]; missed && !told {
		code = miss.in(code)
	}
	if s.draft.made() && !told {
		turns = append(turns, s.program("I write a program for it.", s.draft.in(code)))
		second := s.program(s.draft.why, code)
		second.When = s.draft.sign
		turns = append(turns, second, stuck)
	} else {
		turns = append(turns, s.program("I write a program for it.", code))
	}
	finish := turn{When: printed, Calls: []call{meant("finish", "answer", `{{.Find "(?m)^result: (.*)"}}`)}}
	return append(turns, finish, stuck, turn{When: "The task is over", Calls: []call{s.lesson()}}, stuck)
}

// program runs the solution as a program that prints its answer.
func (s scene) program(says, code string) turn {
	code += fmt.Sprintf("\n\nprint(\"result:\", main('''%s''')[\"answer\"])\n", s.query())
	return turn{Text: says, Calls: []call{meant("run_code", "code", code, "skills", s.tools)}}
}

// looking is a program that shows the beginning of what the task is about.
func (s scene) looking() string {
	places := strings.Fields(s.look)
	if len(places) == 0 {
		return ""
	}
	place := places[min(s.second, len(places)-1)]
	switch {
	case strings.HasPrefix(place, "http"):
		return fmt.Sprintf("import urllib.request\n\nwith urllib.request.urlopen(%q, timeout=20) as page:\n    print(page.read().decode()[:1500])\n", place)
	case strings.HasSuffix(place, ".docx"), strings.HasSuffix(place, ".epub"):
		return fmt.Sprintf("import zipfile\n\nwith zipfile.ZipFile(%q) as z:\n    names = z.namelist()\n    print(names)\n    print(z.read(names[-1]).decode()[:1200])\n", place)
	case strings.HasSuffix(place, ".wav"):
		return fmt.Sprintf("import wave\n\nwith wave.open(%q) as w:\n    print(w.getparams())\n    print(list(w.readframes(400)))\n", place)
	}
	return fmt.Sprintf("with open(%q, encoding=\"utf-8\") as f:\n    print(f.read()[:1500])\n", place)
}

func (p pair) lessonTitle() string { return "How to do it: " + strings.ReplaceAll(p.name, "-", " ") }

func (s scene) lesson() call {
	return meant("save_lesson", "title", s.lessonTitle(), "when_to_use", s.description, "what_worked", s.worked, "what_failed", s.failed)
}
