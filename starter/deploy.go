package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"agentfactory/activities"
	"agentfactory/internal/export"
	"agentfactory/internal/objectstore"
	runs "agentfactory/internal/run"
	"agentfactory/workflows"
)

// deployOptions are the flags of deploy.
type deployOptions struct {
	in     workflows.DeployInput
	out    string
	force  bool
	sign   time.Duration
	id     string
	watch  string
	detach bool
}

func (a *app) deployCommand() startable {
	o := &deployOptions{}
	cmd := &cobra.Command{
		Use:   "deploy SKILL…",
		Short: "Export saved skills as artifacts that run anywhere without this system",
		Long: `Export saved skills. Exact versions are resolved, their code is checked, each artifact is
packed and then proved: it is unpacked where nothing of this system is, and run on the
skill's past cases with the replies of then. What passes is published on S3 under a key
that never changes, and downloaded with --out. A skill that fails fails alone.

A SKILL is a name, for its current version, or NAME@VERSION. Only mature skills are
exported unless --allow-provisional is given.

Formats:
` + formatLines() + `
"starter verify FILE" checks an artifact later. Past queries and answers are part of most
formats: --without-cases leaves them out.`,
		Example: `  starter deploy word-count csv-summary --out ./exports
  starter deploy --all --format agent-skills,claude-plugin --out ./exports
  starter deploy word-count@3 --format python --allow-provisional --out ./wheels`,
		Args: cobra.ArbitraryArgs,
	}
	plan := func(args []string) (startPlan, error) {
		o.in.Skills = args
		return o.plan()
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := plan(args)
		if err != nil {
			return err
		}
		return a.deploy(cmd.Context(), *o, p)
	}
	f := cmd.Flags()
	f.BoolVar(&o.in.All, "all", false, "export every mature skill")
	f.StringSliceVar(&o.in.Formats, "format", []string{workflows.DefaultFormat}, "formats, separated by commas")
	f.BoolVar(&o.in.AllowProvisional, "allow-provisional", false, "export skills that have not proved themselves yet")
	f.BoolVar(&o.in.AllowUnproved, "allow-unproved", false, "export artifacts that no stored case could be tried on")
	f.BoolVar(&o.in.WithoutCases, "without-cases", false, "ship no past queries and answers")
	f.StringVarP(&o.out, "out", "o", "", "directory to download the artifacts into; it is created")
	f.DurationVar(&o.sign, "sign", 0, "print URLs that fetch the artifacts for so long, such as 24h, without a key of the bucket")
	f.BoolVar(&o.force, "force", false, "replace files that exist there")
	f.StringVar(&o.id, "id", "", "workflow ID of the deployment (default: made from the skills)")
	f.BoolVarP(&o.detach, "detach", "d", false, "start it and return at once")
	f.StringVar(&o.watch, "watch", "", "come back to a deployment by its workflow ID, in place of starting one")
	return startable{cmd, plan}
}

// formatLines lists the formats for people.
func formatLines() string {
	var b strings.Builder
	for _, f := range export.Formats() {
		fmt.Fprintf(&b, "  %-20s %s\n", f.Name, f.About)
	}
	return b.String()
}

// plan is the deployment that the flags describe; nobody needs it to come back to one.
func (o deployOptions) plan() (startPlan, error) {
	input := func(context.Context, *connection, handing) (any, error) { return o.in, nil }
	return startPlan{workflowType: workflows.DeployType, id: o.id, title: title(o.in), input: input}, o.check()
}

func (a *app) deploy(ctx context.Context, o deployOptions, p startPlan) error {
	c, err := a.openFor(ctx, p)
	if err != nil {
		return err
	}
	defer c.Close()
	if o.watch != "" {
		return a.followDeployment(ctx, c, o.watch, o)
	}
	id, err := c.start(ctx, p.workflowType, p.id, p.title, o.in)
	if err != nil {
		return err
	}
	if o.detach {
		return a.leaveDeployment(id, "started")
	}
	return a.followDeployment(ctx, c, id, o)
}

// check refuses what no server has to be asked about.
func (o deployOptions) check() error {
	if o.watch != "" {
		if len(o.in.Skills) > 0 || o.in.All {
			return badInput("--watch goes with --out and --sign alone: the deployment knows its skills")
		}
	} else if len(o.in.Skills) == 0 && !o.in.All {
		return badInput("`starter deploy` needs a SKILL, or --all for every mature one; see `starter deploy --help`")
	} else if err := o.in.Check(); err != nil {
		return withCode(exitUsage, err)
	}
	for _, name := range o.in.Formats {
		if _, err := export.FormatByName(name); err != nil {
			return badInput("--format: %v", err)
		}
	}
	if o.sign < 0 || o.sign > objectstore.MaxSigned {
		return badInput("--sign is %v: give at most %v", o.sign, objectstore.MaxSigned)
	}
	return checkID(o.id)
}

// leaveDeployment ends a command whose deployment goes on.
func (a *app) leaveDeployment(id, how string) error {
	if a.json {
		if err := a.printJSON(map[string]any{"workflow_id": id}); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(a.stdout, id)
	}
	a.say("%s; come back with\n  starter deploy --watch %s --out DIR", how, id)
	if how == "started" {
		return nil
	}
	return ended(exitDetached)
}

// title is what a deployment is called in lists.
func title(in workflows.DeployInput) string {
	if in.All {
		return "all mature skills"
	}
	return strings.Join(in.Skills, " ")
}

// followDeployment waits for the artifacts and fetches them.
func (a *app) followDeployment(ctx context.Context, c *connection, id string, o deployOptions) error {
	a.say("deployment %s", id)
	ended, err := a.await(ctx, c, id, newProgress(a.stderr, a.getenv))
	if errors.Is(err, errDetached) {
		return a.leaveDeployment(id, "detached: the deployment goes on")
	}
	if err != nil {
		return err
	}
	if ended.Outcome != "" && ended.Outcome != runs.Completed { // the result of a deployment has no outcome
		a.say("%s: %s", ended.Outcome, oneLine(ended.Reason))
		return endOf(ended.Outcome)
	}
	var res workflows.DeployResult
	if err := c.Temporal.GetWorkflow(ctx, id, "").Get(ctx, &res); err != nil {
		return fmt.Errorf("read the result of %s: %w", id, err)
	}
	if o.out != "" {
		if err := c.download(ctx, artifactFiles(res.Artifacts), o.out, o.force); err != nil {
			return err
		}
	}
	shown, err := c.where(ctx, res.Artifacts, o)
	if err != nil {
		return err
	}
	return a.printDeployment(id, shown, res.Failed)
}

// shownArtifact is an artifact with the place where it can be had.
type shownArtifact struct {
	activities.Artifact
	Path string `json:"path,omitempty"` // with --out
	URL  string `json:"url,omitempty"`  // with --sign
}

func (c *connection) where(ctx context.Context, artifacts []activities.Artifact, o deployOptions) ([]shownArtifact, error) {
	shown := make([]shownArtifact, len(artifacts))
	for i, x := range artifacts {
		shown[i].Artifact = x
		if o.out != "" {
			shown[i].Path = filepath.Join(o.out, x.File)
		}
		if o.sign > 0 {
			url, err := c.Objects.Sign(ctx, x.Key, x.File, o.sign)
			if err != nil {
				return nil, err
			}
			shown[i].URL = url
		}
	}
	return shown, nil
}

// artifactFiles are artifacts as files of a run, which the same download fetches: their bytes lie in the blob store as well.
func artifactFiles(artifacts []activities.Artifact) []runs.OutputFile {
	var files []runs.OutputFile
	for _, x := range artifacts {
		files = append(files, runs.OutputFile{Path: x.File, Size: x.Size, Key: objectstore.BlobKey(objectstore.Digest(x.SHA256))})
	}
	return files
}

// printDeployment ends with exit code 1 if a skill was not exported.
func (a *app) printDeployment(id string, artifacts []shownArtifact, failures []activities.FailedExport) error {
	if a.json {
		if err := a.printJSON(map[string]any{"workflow_id": id, "artifacts": artifacts, "failed": failures}); err != nil {
			return err
		}
	} else if err := a.printArtifacts(artifacts, failures); err != nil {
		return err
	}
	if len(failures) > 0 {
		return ended(exitFailed)
	}
	return nil
}

func (a *app) printArtifacts(artifacts []shownArtifact, failures []activities.FailedExport) error {
	for _, f := range failures {
		a.say("not exported: %s: %s", strings.TrimSpace(f.Skill.Name+" "+f.Format), oneLine(f.Reason))
	}
	if len(artifacts) == 0 {
		return nil
	}
	rows := make([][]string, len(artifacts))
	for i, x := range artifacts {
		rows[i] = []string{x.Format, plain(cmp.Or(x.URL, x.Path, x.Key)), size(x.Size), count(x.Proof.Passed)}
	}
	return table(a.stdout, []string{"FORMAT", "ARTIFACT", "SIZE", "CASES PASSED"}, rows)
}
