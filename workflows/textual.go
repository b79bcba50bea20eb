package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/run"
)

// maxLessonTokens bounds the reply that holds the lesson, with what a model thinks before it.
const maxLessonTokens = 4000

// learn has the model of the textual method write down what the task taught, in one turn more of the same conversation.
// The turn is taken whatever budget ran out: what a task failed by is half of what the method learns. Only a cancellation
// is an error; a run whose lesson comes to nothing ends as it would have.
func (a *agent) learn(ctx workflow.Context, outcome run.Outcome, reason string) error {
	if a.method != metaskill.TextualName || a.turn == "" {
		return nil
	}
	a.learning = outcome
	why, err := a.writeLesson(ctx, endLine(outcome, reason))
	switch {
	case temporal.IsCanceledError(err):
		return err
	case err != nil:
		why = reasonOf(err)
	}
	if a.lesson == nil {
		a.tell(ctx, "no lesson is kept: "+why)
	}
	return nil
}

// writeLesson asks for the lesson and keeps it. Where there is none afterwards, it says why.
func (a *agent) writeLesson(ctx workflow.Context, ended string) (why string, err error) {
	if err := a.answerCalls(ctx); err != nil { // a model server demands an answer to each call before anything else is said
		return "", err
	}
	if err := a.ready(ctx); err != nil {
		return "", err
	}
	turn, err := a.takeTurn(ctx, metaskill.LessonRequest(ended), maxLessonTokens)
	if err != nil {
		return "", err
	}
	return whyNone(turn), a.answerCalls(ctx)
}

// answerCalls carries out what is left of the turn: the first save_lesson that was asked for; everything else is refused.
func (a *agent) answerCalls(ctx workflow.Context) error {
	for len(a.answers) < len(a.calls) {
		if err := a.ready(ctx); err != nil {
			return err
		}
		if err := a.act(ctx); err != nil {
			return err
		}
	}
	return nil
}

func whyNone(turn activities.ThinkResult) string {
	switch {
	case turn.Refusal != "":
		return "the model refused: " + turn.Refusal
	case len(turn.Calls) == 0:
		return fmt.Sprintf("the model called no %s, it said %q", metaskill.SaveLesson, turn.Text)
	}
	return fmt.Sprintf("no call of %s was of use", metaskill.SaveLesson)
}

// untimely says why a call comes at the wrong time: lessons are written when the task is over, and nothing else is then.
func (a *agent) untimely(c activities.Call) string {
	lesson := c.Name == metaskill.SaveLesson && a.method == metaskill.TextualName
	switch {
	case lesson && a.learning == "":
		return "not now: you are asked for the lesson when the task is over; go on with the task"
	case lesson && a.lesson != nil:
		return "a lesson is kept already"
	case !lesson && a.learning != "":
		return "not carried out: the task is over"
	}
	return ""
}

func titles(lessons []run.Lesson) []string {
	var list []string
	for _, l := range lessons {
		list = append(list, l.Title)
	}
	return list
}

func keys(lessons []run.Lesson) []string {
	var list []string
	for _, l := range lessons {
		list = append(list, l.Key)
	}
	return list
}
