package workflows

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/run"
)

// yard is where deployments are tried: what its activities say can be set.
type yard struct {
	*testsuite.TestWorkflowEnvironment
	plan    activities.DeployPlan
	check   func(activities.VersionRef) (activities.ExportCheck, error)
	make    func(activities.MakeExportInput) (activities.MadeExport, error)
	prove   func(activities.MadeExport) activities.ExportProof
	made    []string
	planned activities.PlanDeployInput
}

func newYard(skills ...string) *yard {
	var suite testsuite.WorkflowTestSuite
	y := &yard{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), plan: activities.DeployPlan{Alone: []string{"agent-skills"}, Together: []string{"mcp"}}}
	y.SetTestTimeout(patience)
	for i, name := range skills {
		y.plan.Skills = append(y.plan.Skills, activities.VersionRef{Name: name, Version: i + 1})
	}
	y.check = func(activities.VersionRef) (activities.ExportCheck, error) { return activities.ExportCheck{}, nil }
	y.make = func(in activities.MakeExportInput) (activities.MadeExport, error) {
		return activities.MadeExport{MakeExportInput: in, File: in.Skills[0].Name + "." + in.Format}, nil
	}
	y.prove = func(activities.MadeExport) activities.ExportProof {
		return activities.ExportProof{Outcome: activities.ExportProved, Passed: 1, Told: 1, Cases: 1}
	}
	y.register()
	return y
}

func (y *yard) register() {
	var exports *activities.Exports
	var exporter *activities.Exporter
	y.RegisterWorkflowWithOptions(Deploy, workflow.RegisterOptions{Name: DeployType})
	y.RegisterActivity(exports)
	y.RegisterActivity(exporter)
	y.OnActivity(exports.PlanDeploy, mock.Anything, mock.Anything).Maybe().Return(func(_ context.Context, in activities.PlanDeployInput) (activities.DeployPlan, error) {
		y.planned = in
		return y.plan, nil
	})
	y.OnActivity(exporter.CheckExport, mock.Anything, mock.Anything).Maybe().Return(func(_ context.Context, v activities.VersionRef) (activities.ExportCheck, error) {
		return y.check(v)
	})
	y.OnActivity(exports.MakeExport, mock.Anything, mock.Anything).Maybe().Return(func(_ context.Context, in activities.MakeExportInput) (activities.MadeExport, error) {
		return y.make(in)
	})
	y.OnActivity(exporter.ProveExport, mock.Anything, mock.Anything).Maybe().Return(func(_ context.Context, in activities.MadeExport) (activities.ExportProof, error) {
		return y.prove(in), nil
	})
	y.OnActivity(exports.PublishExport, mock.Anything, mock.Anything).Maybe().Return(func(_ context.Context, in activities.PublishInput) (activities.Artifact, error) {
		y.made = append(y.made, in.Made.File)
		return activities.Artifact{Format: in.Made.Format, File: in.Made.File, Skills: in.Made.Skills, Proof: in.Proof}, nil
	})
}

func (y *yard) deploy(t *testing.T, in any) (DeployResult, error) {
	t.Helper()
	y.ExecuteWorkflow(DeployType, in)
	require.True(t, y.IsWorkflowCompleted())
	var res DeployResult
	if err := y.GetWorkflowError(); err != nil {
		return res, err
	}
	require.NoError(t, y.GetWorkflowResult(&res))
	return res, nil
}

func TestADeploymentRefusesWhatMakesNoSense(t *testing.T) {
	for input, says := range map[string]string{
		`{}`:                                    "skills is empty",
		`{"skills":["a"],"all":true}`:           "exclude each other",
		`{"skills":["a"],"fromats":[]}`:         `did you mean "formats"?`,
		fmt.Sprintf(`{"skills":%s}`, many101()): "skills has 101 names; at most 100",
	} {
		_, err := newYard("a").deploy(t, json.RawMessage(input))
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app)
		require.Equal(t, activities.InvalidInput, app.Type())
		require.Contains(t, app.Message(), says)
	}
}

func many101() string {
	names, _ := json.Marshal(make([]string, 101))
	return string(names)
}

func TestSkillsAreDeployedAloneAndTogether(t *testing.T) {
	y := newYard("b", "a")
	res, err := y.deploy(t, DeployInput{Skills: []string{"b", "a@1"}})
	require.NoError(t, err)
	require.Empty(t, res.Failed)
	require.ElementsMatch(t, []string{"a.agent-skills", "b.agent-skills", "a.mcp"}, y.made)
	require.Equal(t, []string{DefaultFormat}, y.planned.Formats)
	together := res.Artifacts[2]
	require.Equal(t, []string{"a", "b"}, []string{together.Skills[0].Name, together.Skills[1].Name}, "by name, whoever was checked first")
}

func TestASkillFailsAlone(t *testing.T) {
	y := newYard("bad-code", "bad-pack", "broken", "fine", "unproved")
	y.plan.Together = nil
	y.plan.Failed = []activities.FailedExport{{Skill: activities.VersionRef{Name: "gone"}, Reason: "it was retired"}}
	y.check = func(v activities.VersionRef) (activities.ExportCheck, error) {
		if v.Name == "bad-code" {
			return activities.ExportCheck{Errors: []string{"subagent.py:3: a key (secret)", "subagent.py:9: no such module (import)"}}, nil
		}
		return activities.ExportCheck{Warnings: []string{"subagent.py:1: something"}}, nil
	}
	pack := y.make
	y.make = func(in activities.MakeExportInput) (activities.MadeExport, error) {
		if in.Skills[0].Name == "bad-pack" {
			return activities.MadeExport{Refused: "its name is not one of Python"}, nil
		}
		return pack(in)
	}
	y.prove = func(in activities.MadeExport) activities.ExportProof {
		switch in.Skills[0].Name {
		case "broken":
			return activities.ExportProof{Outcome: activities.ExportFailed, Cases: 1, Told: 1, Why: "case 1: it says 4 now"}
		case "unproved":
			return activities.ExportProof{Outcome: activities.ExportUnproved, Cases: 1, Why: "case 1: it uses the browser"}
		}
		return activities.ExportProof{Outcome: activities.ExportProved, Passed: 1, Told: 1, Cases: 1}
	}
	res, err := y.deploy(t, DeployInput{All: true})
	require.NoError(t, err)
	require.Equal(t, []string{"fine.agent-skills"}, y.made)
	reasons := map[string]string{}
	for _, f := range res.Failed {
		reasons[f.Skill.Name] = f.Reason
	}
	require.Equal(t, map[string]string{
		"gone":     "it was retired",
		"bad-code": "subagent.py:3: a key (secret); subagent.py:9: no such module (import)",
		"bad-pack": "its name is not one of Python",
		"broken":   "it was packed, and it does not do what the skill did: case 1: it says 4 now",
		"unproved": "no past case could tell whether it works: case 1: it uses the browser; allow_unproved publishes it nevertheless",
	}, reasons)
}

func TestWhatNoCaseCouldTellIsPublishedWhereThatIsAllowed(t *testing.T) {
	y := newYard("a")
	y.plan.Together = nil
	y.prove = func(activities.MadeExport) activities.ExportProof {
		return activities.ExportProof{Outcome: activities.ExportUnproved}
	}
	res, err := y.deploy(t, DeployInput{Skills: []string{"a"}, AllowUnproved: true})
	require.NoError(t, err)
	require.Equal(t, activities.ExportUnproved, res.Artifacts[0].Proof.Outcome)
}

// A deployment waits for a service as runs do, visibly.
func TestADeploymentWaitsForASandbox(t *testing.T) {
	y := newYard("a")
	away := true
	y.check = func(activities.VersionRef) (activities.ExportCheck, error) {
		if away {
			return activities.ExportCheck{}, temporal.NewNonRetryableApplicationError("no sandbox", activities.SandboxUnavailable, nil)
		}
		return activities.ExportCheck{}, nil
	}
	var waited run.Status
	y.RegisterDelayedCallback(func() {
		answer, err := y.QueryWorkflow(StatusQuery)
		require.NoError(t, err)
		require.NoError(t, answer.Get(&waited))
		away = false
	}, 5*time.Second)
	_, err := y.deploy(t, DeployInput{Skills: []string{"a"}})
	require.NoError(t, err)
	require.Equal(t, run.WaitingForSandbox, waited.Phase)
	require.Contains(t, waited.WaitsFor, "no sandbox")
}
