package workflows

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/run"
)

// newMethodBench is a bench whose calls save a lesson, and nothing else.
func newMethodBench(t *testing.T, turns ...activities.ThinkResult) *bench {
	b := newBench(t, turns...)
	b.carry = func(ctx context.Context, in activities.CallInput) (activities.CallResult, error) {
		res, err := b.carryOut(ctx, in)
		res.Saves = nil
		if in.Lesson != nil {
			res.Lesson, res.Usage = &run.Lesson{Key: "lessons/a.json", Title: "A title"}, run.Usage{}
		}
		return res, err
	}
	return b
}

var (
	program = activities.ThinkResult{Calls: []activities.Call{{ID: "program", Name: metaskill.RunCode, Runs: true}}}
	solved  = calls(metaskill.Finish)
	taught  = calls(metaskill.SaveLesson)
)

func TestReActEndsWithItsAnswer(t *testing.T) {
	b := newMethodBench(t, program, solved)
	res, err := b.execute(t, ReActType, InstallInput{Task: "x"})
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.Equal(t, metaskill.ReActName, res.Method)
	require.Nil(t, res.Decision)
	require.Nil(t, res.Lesson)
	require.Len(t, b.thinks, 2)
	require.False(t, b.calls[1].Finish.Save)
	require.Equal(t, "step2", b.closed[0].Plan)
}

func TestTheMetaAgentsRecordsNameNoMethod(t *testing.T) {
	b := newBench(t, calls("finish"))
	res, err := b.install(t, InstallInput{Task: "x"})
	require.NoError(t, err)
	require.Empty(t, res.Method)
	require.NotNil(t, res.Decision)
}

func TestTextualLeavesALessonAfterTheTask(t *testing.T) {
	b := newMethodBench(t, program, solved, taught)
	b.lessons = []run.Lesson{{Key: "lessons/b.json", Title: "Another"}}
	res, err := b.execute(t, TextualType, InstallInput{Task: "x", Budget: run.Budget{Turns: 2, OrchestrationTokens: 20}})
	require.NoError(t, err)
	require.Equal(t, run.Completed, res.Outcome)
	require.Equal(t, metaskill.TextualName, res.Method)
	require.Equal(t, &run.Lesson{Key: "lessons/a.json", Title: "A title"}, res.Lesson)
	require.Equal(t, []string{"lessons/b.json"}, res.LessonsOffered)
	require.Equal(t, int64(30), res.Usage.OrchestrationOutputTokens)
	require.Equal(t, metaskill.LessonRequest("completed"), b.thinks[2].Note)
	require.Equal(t, int64(maxLessonTokens), b.thinks[2].MaxOutputTokens, "the lesson is not held to the budget that the task has used")
	require.Equal(t, &activities.LessonArg{Outcome: run.Completed}, b.calls[2].Lesson)
}

// Whatever the model makes of the request for a lesson, the run ends as the task did.
func TestALessonThatComesToNothingFailsNoRun(t *testing.T) {
	failing := func(kind string) func(context.Context, activities.ThinkInput) (activities.ThinkResult, error) {
		return func(context.Context, activities.ThinkInput) (activities.ThinkResult, error) {
			return activities.ThinkResult{}, temporal.NewNonRetryableApplicationError("broken", kind, nil)
		}
	}
	for name, c := range map[string]struct {
		reply  activities.ThinkResult
		answer func(context.Context, activities.ThinkInput) (activities.ThinkResult, error)
		says   string
	}{
		"a refusal":                 {activities.ThinkResult{Refusal: "I'd rather not"}, nil, "no lesson is kept: the model refused: I'd rather not"},
		"a chat":                    {activities.ThinkResult{Text: "Well done!"}, nil, `no lesson is kept: the model called no save_lesson, it said "Well done!"`},
		"another call":              {program, nil, "no lesson is kept: no call of save_lesson was of use"},
		"a conversation too long":   {solved, failing(activities.ModelContext), "no lesson is kept: broken"},
		"a request that is refused": {solved, failing(activities.ModelRefusedCall), "no lesson is kept: broken"},
		"a record that is damaged":  {solved, failing(activities.StorageCorrupt), "no lesson is kept: broken"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newMethodBench(t, solved, c.reply)
			b.answer = func(ctx context.Context, in activities.ThinkInput) (activities.ThinkResult, error) {
				if c.answer != nil && in.Number == 2 {
					return c.answer(ctx, in)
				}
				return b.think(ctx, in)
			}
			res, err := b.execute(t, TextualType, InstallInput{Task: "x"})
			require.NoError(t, err)
			require.Equal(t, run.Completed, res.Outcome)
			require.Nil(t, res.Lesson)
			value, err := b.QueryWorkflow(StatusQuery)
			require.NoError(t, err)
			require.True(t, storyHas(decode(t, value), c.says), "%v", decode(t, value).Events)
		})
	}
}

func storyHas(s run.Status, part string) bool {
	for _, e := range s.Events {
		if strings.Contains(e.Text, part) {
			return true
		}
	}
	return false
}

func TestOnlyOneLessonIsWrittenAndOnlyWhenTheTaskIsOver(t *testing.T) {
	b := newMethodBench(t, calls(metaskill.SaveLesson, metaskill.Finish), calls(metaskill.RunCode, metaskill.SaveLesson, metaskill.SaveLesson))
	_, err := b.execute(t, TextualType, InstallInput{Task: "x"})
	require.NoError(t, err)
	var refused []string
	for _, c := range b.calls {
		refused = append(refused, c.Refuse)
	}
	require.Equal(t, []string{
		"not now: you are asked for the lesson when the task is over; go on with the task", "",
		"not carried out: the task is over", "", "a lesson is kept already",
	}, refused)
}

func TestALessonAnswersTheCallsThatTheBudgetLeftOver(t *testing.T) {
	b := newMethodBench(t, calls("run_subagent", "run_subagent", "run_subagent"), taught)
	res, err := b.execute(t, TextualType, InstallInput{Task: "x", Budget: run.Budget{SubagentRuns: 1}})
	require.NoError(t, err)
	require.Equal(t, run.BudgetExhausted, res.Outcome)
	require.Equal(t, "all 1 subagent runs are used", res.Reason)
	require.Equal(t, []string{"step1", "step2", "step3"}, b.thinks[1].Steps)
	require.Equal(t, 1, res.Usage.SubagentRuns)
	require.NotNil(t, res.Lesson)
}

func TestARunThatFailsLeavesNoLesson(t *testing.T) {
	b := newMethodBench(t, activities.ThinkResult{Refusal: "no"})
	_, err := b.execute(t, TextualType, InstallInput{Task: "x"})
	require.ErrorContains(t, err, "the model refused")
	require.Len(t, b.thinks, 1)
}

func TestACancelledLessonEndsTheRunAsCancelledWithItsAnswer(t *testing.T) {
	b := newMethodBench(t, solved)
	b.answer = func(ctx context.Context, in activities.ThinkInput) (activities.ThinkResult, error) {
		if in.Number == 2 {
			<-ctx.Done()
			return activities.ThinkResult{}, ctx.Err()
		}
		return b.think(ctx, in)
	}
	b.RegisterDelayedCallback(b.CancelWorkflow, time.Second)
	_, err := b.execute(t, TextualType, InstallInput{Task: "x"})
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, err, &cancelled)
	require.Equal(t, run.Cancelled, b.closed[0].Result.Outcome)
	require.Equal(t, "step1", b.closed[0].Plan)
}

func TestALessonIsPausedAndHearsNoInstructions(t *testing.T) {
	b := newMethodBench(t, solved, taught)
	b.update(time.Second, ResumeUpdate, Resume{Steps: 2}) // the turn and its finish
	b.at(t, time.Minute, func(st run.Status) {
		require.Equal(t, run.Paused, st.Phase)
		require.Len(t, b.thinks, 1, "the lesson waits")
	})
	late := b.update(time.Hour, InstructUpdate, Instruct{Message: "and now?"})
	b.update(2*time.Hour, ResumeUpdate, Resume{})
	res, err := b.execute(t, TextualType, InstallInput{Task: "x", Paused: true})
	require.NoError(t, err)
	require.NotNil(t, res.Lesson)
	require.ErrorContains(t, late.refused, errClosing.Error())
}

func TestAMethodIsKeptWhenItContinuesAsNew(t *testing.T) {
	b := newMethodBench(t, program)
	b.lessons = []run.Lesson{{Key: "lessons/b.json"}}
	b.SetContinueAsNewSuggested(true)
	b.ExecuteWorkflow(TextualType, InstallInput{Task: "x"})
	var next *workflow.ContinueAsNewError
	require.True(t, errors.As(b.GetWorkflowError(), &next))
	require.Equal(t, TextualType, next.WorkflowType.Name)
	var in InstallInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in))
	require.Equal(t, b.lessons, in.Carry.Lessons)
}

func TestWhatMethodsWithoutSkillsDoNotTake(t *testing.T) {
	yes := true
	for name, c := range map[string]struct {
		in   InstallInput
		says string
	}{
		"save":        {InstallInput{Task: "x", Save: &yes}, "save: Textual saves no skills, so leave it out"},
		"an approval": {InstallInput{Task: "x", Approval: ApproveSave}, `approval is "save": Textual saves no skills`},
		"no task":     {InstallInput{}, "task is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, c.in.CheckFor(TextualType), c.says)
			b := newMethodBench(t)
			_, err := b.execute(t, TextualType, c.in)
			require.ErrorContains(t, err, c.says)
			require.Empty(t, b.thinks)
		})
	}
	require.NoError(t, InstallInput{Task: "x", Save: &yes, Approval: ApproveSave}.CheckFor(SolveType))
	require.NoError(t, InstallInput{Task: "x", Approval: ApproveNever}.CheckFor(ReActType))
}
