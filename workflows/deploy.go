package workflows

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/run"
)

// Deploy makes standalone artifacts of saved skills: exact versions are resolved, each is checked, packed in every format,
// and proved by running what was packed on the skill's past cases; only then it is published under a key that never
// changes. Skills fail alone. Its input is a DeployInput.
func Deploy(ctx workflow.Context, raw json.RawMessage) (DeployResult, error) {
	in, err := DecodeDeploy(raw)
	if err != nil {
		return DeployResult{}, invalidInput(err)
	}
	d := &deploy{in: in, python: map[string]string{}, result: DeployResult{Artifacts: []activities.Artifact{}, Failed: []activities.FailedExport{}}}
	const shows = "which skills have been exported, and what the deployment waits for"
	if err := workflow.SetQueryHandlerWithOptions(ctx, StatusQuery, d.status, workflow.QueryHandlerOptions{Description: shows}); err != nil {
		return DeployResult{}, err
	}
	err = d.run(ctx)
	return d.result, err
}

// deploy is one deployment under way.
type deploy struct {
	in     DeployInput
	plan   activities.DeployPlan
	sound  []activities.VersionRef // skills that passed their checks
	python map[string]string       // the oldest Python of each of them
	result DeployResult
	watched
}

func (d *deploy) run(ctx workflow.Context) error {
	if err := d.open(ctx); err != nil {
		return err
	}
	if err := d.each(ctx, d.plan.Skills, d.check); err != nil {
		return err
	}
	slices.SortFunc(d.sound, func(x, y activities.VersionRef) int { return strings.Compare(x.Name, y.Name) }) // whoever was checked first
	if err := d.each(ctx, d.sound, d.makeAlone); err != nil {
		return err
	}
	for _, format := range d.plan.Together {
		if len(d.sound) == 0 {
			break
		}
		if err := d.make(ctx, format, d.sound); err != nil {
			return err
		}
	}
	d.story.phase(ctx, run.Finished, "")
	d.story.tell(ctx, fmt.Sprintf("%d artifacts, %d failures", len(d.result.Artifacts), len(d.result.Failed)))
	return nil
}

func (d *deploy) open(ctx workflow.Context) error {
	d.story.task = "export " + strings.Join(d.in.Skills, ", ")
	if d.in.All {
		d.story.task = "export every mature skill"
	}
	d.story.phase(ctx, run.Starting, "resolve the versions")
	formats := d.in.Formats
	if len(formats) == 0 {
		formats = []string{DefaultFormat}
	}
	in := activities.PlanDeployInput{Skills: d.in.Skills, All: d.in.All, Formats: formats, AllowProvisional: d.in.AllowProvisional, Most: MaxDeployed}
	if err := perform(ctx, d, recordKeeping, "resolve the versions", (*activities.Exports).PlanDeploy, in, &d.plan); err != nil {
		return err
	}
	for _, f := range d.plan.Failed {
		d.fail(ctx, f)
	}
	return nil
}

// each works through skills, several at once.
func (d *deploy) each(ctx workflow.Context, skills []activities.VersionRef, do func(workflow.Context, activities.VersionRef) error) error {
	return sideBySide(ctx, deployAtOnce, len(skills), func(ctx workflow.Context, i int) error { return do(ctx, skills[i]) })
}

// check looks at the code of a skill before anything is made of it.
func (d *deploy) check(ctx workflow.Context, v activities.VersionRef) error {
	d.story.phase(ctx, run.Checking, "check "+versionName(v))
	var res activities.ExportCheck
	if err := perform(ctx, d, sandboxRun, "check "+versionName(v), (*activities.Exporter).CheckExport, v, &res); err != nil {
		return err
	}
	for _, w := range res.Warnings {
		d.story.tell(ctx, "  "+v.Name+": "+w)
	}
	if len(res.Errors) > 0 {
		d.fail(ctx, activities.FailedExport{Skill: v, Reason: strings.Join(res.Errors, "; ")})
		return nil
	}
	d.sound = append(d.sound, v)
	d.python[v.Name] = res.Python
	return nil
}

func (d *deploy) makeAlone(ctx workflow.Context, v activities.VersionRef) error {
	for _, format := range d.plan.Alone {
		if err := d.make(ctx, format, []activities.VersionRef{v}); err != nil {
			return err
		}
	}
	return nil
}

// make packs, proves and publishes one artifact.
func (d *deploy) make(ctx workflow.Context, format string, skills []activities.VersionRef) error {
	name := fmt.Sprintf("%s of %s", format, skillNames(skills))
	d.story.phase(ctx, run.Saving, "make "+name)
	var made activities.MadeExport
	in := activities.MakeExportInput{Format: format, Skills: skills, WithoutCases: d.in.WithoutCases, Python: map[string]string{}}
	for _, v := range skills {
		in.Python[v.Name] = d.python[v.Name]
	}
	if err := perform(ctx, d, recordKeeping, "pack "+name, (*activities.Exports).MakeExport, in, &made); err != nil {
		return err
	}
	if made.Refused != "" {
		d.failAll(ctx, format, skills, made.Refused)
		return nil
	}
	d.story.phase(ctx, run.Gating, "prove "+name)
	var proof activities.ExportProof
	if err := perform(ctx, d, sandboxRun, "prove "+name, (*activities.Exporter).ProveExport, made, &proof); err != nil {
		return err
	}
	if reason := d.unfit(proof); reason != "" {
		d.failAll(ctx, format, skills, reason)
		return nil
	}
	var published activities.Artifact
	if err := perform(ctx, d, saving, "publish "+name, (*activities.Exports).PublishExport, activities.PublishInput{Made: made, Proof: proof}, &published); err != nil {
		return err
	}
	d.result.Artifacts = append(d.result.Artifacts, published)
	d.story.tell(ctx, fmt.Sprintf("%s is published: %s, %d of %d cases passed", published.File, proof.Outcome, proof.Passed, proof.Cases))
	return nil
}

// unfit says why an artifact is not published after its proof, or "".
func (d *deploy) unfit(p activities.ExportProof) string {
	switch {
	case p.Outcome == activities.ExportFailed:
		return "it was packed, and it does not do what the skill did: " + p.Why
	case p.Outcome == activities.ExportUnproved && !d.in.AllowUnproved:
		return "no past case could tell whether it works: " + p.Why + "; allow_unproved publishes it nevertheless"
	}
	return ""
}

func (d *deploy) failAll(ctx workflow.Context, format string, skills []activities.VersionRef, reason string) {
	for _, v := range skills {
		d.fail(ctx, activities.FailedExport{Skill: v, Format: format, Reason: reason})
	}
}

func (d *deploy) fail(ctx workflow.Context, f activities.FailedExport) {
	d.result.Failed = append(d.result.Failed, f)
	d.story.tell(ctx, because("not exported: "+strings.TrimSpace(f.Format+" "+versionName(f.Skill)), f.Reason))
}

func versionName(v activities.VersionRef) string {
	if v.Version == 0 {
		return v.Name
	}
	return fmt.Sprintf("%s version %d", v.Name, v.Version)
}

func skillNames(skills []activities.VersionRef) string {
	if len(skills) > 1 {
		return fmt.Sprintf("%d skills", len(skills))
	}
	return versionName(skills[0])
}

func (d *deploy) status() (run.Status, error) { return d.seen(), nil }
