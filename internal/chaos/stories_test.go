package chaos

import (
	"fmt"

	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// script is the model of all runs. A run says in its task what it is: "task ID: ...". Runs of one story share a skill, whose
// name has the story's; nobody else touches it, so that the one right state of the library at the end is known.
const script = `
conversations:
  - name: a subagent's own call
    when: {system: Translate}
    turns: [{text: "three"}]
  - name: translate
    when: {user: '/task (k\d+-\d+)-translate:/'}
    turns:
      - calls:
          - {name: list_saved_subagents, arguments: {query: 'translate'}}
          - name: create_subagent
            arguments:
              skill_name: 'translator-{{.Match 1}}'
              code: |
                from llm import call_llm
                def main(query):
                    said = call_llm("Translate into English.", [{"role": "user", "content": "the word for " + query}])
                    open("out.txt", "w").write(said * 1000)
                    return {"answer": said, "summary": "tranlated"}
      - calls:
          - {name: modify_subagent, arguments: {filename: subagent.py, old_content: tranlated, new_content: translated}}
          - {name: run_subagent, arguments: {filename: subagent.py, query: 'drei for {{.Match 1}}-translate'}}
      - calls: [{name: finish, arguments: {answer: three, subagents: [{entry_file: subagent.py, description: Translates a German word into English.}]}}]
  - name: learn
    when: {user: '/task (k\d+-\d+)-learn:/'}
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: 'counter-{{.Match 1}}'
              code: |
                def main(query):
                    text = open(query.split()[-1]).read()
                    answer = len(text.split())
                    # kinds
                    return {"answer": str(answer), "summary": "counted"}
              query: words of a.txt
      - calls: [{name: finish, arguments: {answer: 3 words, subagents: [{entry_file: subagent.py, description: Counts the words of the text file that query names.}]}}]
  - name: repair
    when: {user: '/task (k\d+-\d+)-repair:/'}
    turns:
      - calls: [{name: run_subagent, arguments: {skill_name: 'counter-{{.Match 1}}', query: lines of b.txt}}]
      - calls:
          - {name: modify_subagent, arguments: {skill_name: 'counter-{{.Match 1}}', old_content: text.split(), new_content: text.splitlines()}}
          - {name: run_subagent, arguments: {skill_name: 'counter-{{.Match 1}}', query: lines of b.txt}}
      - calls: [&finish {name: finish, arguments: {answer: 2 lines, subagents: [{entry_file: 'skills/counter-{{.Match 1}}/subagent.py', description: Counts the words or the lines of a text file.}]}}]
      - when: breaks 1 of 1 past cases
        calls:
          - {name: modify_subagent, arguments: {skill_name: 'counter-{{.Match 1}}', old_content: text.splitlines(), new_content: 'text.splitlines() if "lines" in query else text.split()'}}
          - {name: run_subagent, arguments: {skill_name: 'counter-{{.Match 1}}', query: lines of b.txt}}
      - calls: [*finish]
      - calls: [*finish]
  - name: visit
    when: {user: '/task (k\d+-\d+)-visit: of (\S+)/'}
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: 'visitor-{{.Match 1}}'
              skills: [browser_automation]
              code: |
                from tools import browser_automation
                def main(query):
                    for _ in range(5):
                        reply = browser_automation([{"action": "navigate", "url": query}, {"action": "text", "css": "h1"}])
                        if "error" not in reply:
                            return {"answer": reply["results"][-1]["text"], "summary": "visited"}
                    raise RuntimeError(reply["error"])
              query: "{{.Match 2}}"
      - calls: [{name: finish, arguments: {answer: '{{.Find "answer: (.*)"}}', subagents: [{entry_file: subagent.py, description: Reads the heading of a page whose address is the query.}]}}]
`

// task is one run of a story.
type task struct {
	id, workflow string
	input        any
	right        string // its answer
	saves        string // skill that it makes or changes
	leaves       state  // of that skill
}

// stories are what users do, one after the other: build a skill, improve it, use it.
var stories = []func(id, site string) []task{
	func(id, _ string) []task {
		return []task{
			install(workflows.InstallType, id+"-translate", "translate drei", "three").saving("translator-"+id, newSkill),
			use(id+"-again", "translator-"+id, "drei for "+id+"-again", "three"),
		}
	},
	func(id, _ string) []task {
		words, lines := run.InputFile{Path: "a.txt", Text: "one two three"}, run.InputFile{Path: "b.txt", Text: "one two\nthree\n"}
		repair := workflows.EvolveInput{Skill: "counter-" + id, Query: "lines of b.txt", InstallInput: installInput(id+"-repair", "count the lines", lines)}
		return []task{
			install(workflows.InstallType, id+"-learn", "count the words", "3 words", words).saving("counter-"+id, newSkill),
			task{id: id + "-repair", workflow: workflows.EvolveType, input: repair, right: "2 lines"}.saving("counter-"+id, state{3, 2, 3, 2}),
			use(id+"-words", "counter-"+id, "words of a.txt", "3", words),
			use(id+"-lines", "counter-"+id, "lines of b.txt", "2", lines),
		}
	},
	func(id, site string) []task {
		return []task{
			install(workflows.SolveType, id+"-visit", "of "+site, heading).saving("visitor-"+id, newSkill),
			use(id+"-return", "visitor-"+id, site, heading),
		}
	},
}

func install(workflow, id, what, answer string, files ...run.InputFile) task {
	return task{id: id, workflow: workflow, input: installInput(id, what, files...), right: answer}
}

// newSkill is a skill after the run that made it.
var newSkill = state{head: 1, generation: 1, versions: 1, cases: 1}

func (t task) saving(skill string, leaves state) task {
	t.saves, t.leaves = skill, leaves
	return t
}

func installInput(id, what string, files ...run.InputFile) workflows.InstallInput {
	return workflows.InstallInput{Task: fmt.Sprintf("task %s: %s", id, what), Files: files}
}

func use(id, skill, query, answer string, files ...run.InputFile) task {
	return task{id: id, workflow: workflows.RunSkillType, input: workflows.RunSkillInput{Skill: skill, Query: query, Files: files}, right: answer}
}
