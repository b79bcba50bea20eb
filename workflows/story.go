package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/run"
)

// maxEvents is how many story lines a status shows; the transcript has them all.
const maxEvents = 40

// maxShownTask is how much of the task stands above the story, in characters.
const maxShownTask = 200

// story is what people see of a run while it goes on.
type story struct {
	now      run.Phase
	before   run.Phase // what a wait interrupted
	action   string
	waitsFor string
	outcome  run.Outcome
	task     string        // its beginning
	asked    *run.Approval // what a person is asked to release
	seq      int
	events   []run.Event
}

// phase says what the run begins to do.
func (a *agent) phase(ctx workflow.Context, p run.Phase, action string) {
	a.story.phase(ctx, p, action)
}

// wait says what holds the run up; goOn ends it.
func (a *agent) wait(ctx workflow.Context, p run.Phase, reason string) {
	a.story.wait(ctx, p, reason)
	a.list(ctx)
}

func (a *agent) goOn(ctx workflow.Context) {
	a.story.goOn(ctx)
	a.list(ctx)
}

// tell adds a line to the story.
func (a *agent) tell(ctx workflow.Context, line string) { a.story.tell(ctx, line) }

func (s *story) phase(ctx workflow.Context, p run.Phase, action string) {
	s.now, s.action, s.waitsFor = p, action, ""
	s.show(ctx)
}

func (s *story) wait(ctx workflow.Context, p run.Phase, reason string) {
	if s.waitsFor == "" {
		s.before = s.now
		s.tell(ctx, spaced(p)+": "+reason)
	}
	s.now, s.waitsFor = p, reason
	s.show(ctx)
}

func (s *story) goOn(ctx workflow.Context) {
	s.now, s.waitsFor = s.before, ""
	s.show(ctx)
}

func (s *story) tell(ctx workflow.Context, line string) {
	s.seq++
	s.events = append(s.events, run.Event{Seq: s.seq, At: workflow.Now(ctx), Text: clip(oneLine.Replace(line), 300)})
	if len(s.events) > maxEvents {
		s.events = s.events[len(s.events)-maxEvents:]
	}
	s.show(ctx)
}

// oneLine keeps the indentation of a line and ends what its text would begin anew.
var oneLine = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ")

// carriedEvents is how many lines go along when a run continues as new.
const carriedEvents = 10

func (s *story) recent() []run.Event {
	return s.events[max(0, len(s.events)-carriedEvents):]
}

// maxDetails keeps the story within what Temporal takes (20,000 bytes).
const maxDetails = 19_000

// show writes the story where the Temporal UI displays it.
func (s *story) show(ctx workflow.Context) { workflow.SetCurrentDetails(ctx, s.details()) }

// details are the story as Markdown: what is going on, what a person is asked, and the
// latest lines that fit. An arrow marks what became of a call of the turn above.
func (s *story) details() string {
	head := s.head()
	text := ""
	for _, e := range slices.Backward(s.events) {
		line := e.Text
		if call, ok := strings.CutPrefix(line, "  "); ok {
			line = "↳ " + call // the UI shows lists inside lists without line breaks
		}
		line = fmt.Sprintf("\n- %s %s", e.At.UTC().Format("15:04:05"), plain(line))
		if len(head)+len(text)+len(line) > maxDetails {
			break
		}
		text = line + text
	}
	return head + text
}

func (s *story) head() string {
	parts := []string{}
	if s.task != "" {
		parts = append(parts, "Task: "+plain(s.task))
	}
	if s.waitsFor != "" {
		parts = append(parts, fmt.Sprintf("**%s**: %s", spaced(s.now), plain(clip(s.waitsFor, 1000))))
	} else {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("**%s** %s", spaced(s.now), plain(s.action))))
	}
	if s.asked != nil {
		parts = append(parts, asked(*s.asked))
	}
	return strings.Join(parts, "\n\n") + "\n"
}

// asked is what a person has to release, as a quotation.
func asked(w run.Approval) string {
	text := "The answer:\n\n> " + strings.ReplaceAll(plain(clip(w.Answer, 1000)), "\n", "\n> ")
	if len(w.Skills) > 0 {
		text += "\n\nSkills to be saved: " + strings.Join(w.Skills, ", ")
	}
	return text
}

func spaced(p run.Phase) string { return strings.ReplaceAll(string(p), "_", " ") }

// plain takes the meaning of Markdown from what models, subagents and people wrote, so
// that none of them can put a link or a picture where a person looks for the story.
func plain(s string) string { return markdown.Replace(s) }

var markdown = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "__", `\_\_`, "[", `\[`, "]", `\]`, "<", `\<`)

func (a *agent) status() (run.Status, error) {
	s := &a.story
	return run.Status{
		Phase: s.now, Paused: a.paused != nil, Turn: a.number, Action: s.action, WaitsFor: s.waitsFor, Approval: a.approval, Next: a.waitingCalls(),
		Model: a.model, Budget: a.budget, Usage: a.usage, Skills: append([]run.SavedSkill{}, a.skills...), SkillsUsed: a.used,
		Outcome: s.outcome, TurnKey: a.turn, Events: append([]run.Event{}, s.events...),
	}, nil
}

// offerLine says which saved skills the search of the library found.
func offerLine(res activities.BeginResult) string {
	if res.Searched == "" || len(res.Offered) == 0 {
		return ""
	}
	names := make([]string, len(res.Offered))
	for i, c := range res.Offered {
		names[i] = fmt.Sprintf("%s version %d (%.2f)", c.Name, c.Version, c.Score)
	}
	return fmt.Sprintf("the library has (%s search): %s", res.Searched, strings.Join(names, ", "))
}

func thoughtLine(number int, t activities.ThinkResult) string {
	names := make([]string, len(t.Calls))
	for i, c := range t.Calls {
		names[i] = callName(c)
	}
	said := strings.Join(names, ", ")
	if said == "" {
		said = "no call: " + clip(t.Text+t.Refusal, 80)
	}
	return fmt.Sprintf("turn %d (%d tokens): %s", number, t.Usage.OrchestrationOutputTokens, said)
}

func callLine(c activities.Call, res activities.CallResult) string {
	mark := "ok"
	if !res.OK {
		mark = "not ok"
	}
	return fmt.Sprintf("  %s %s: %s", c.Name, mark, res.Summary)
}

func callName(c activities.Call) string {
	if c.Hint == "" || c.Name == metaskill.Finish {
		return c.Name
	}
	return c.Name + " " + c.Hint
}
