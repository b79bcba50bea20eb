package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

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
	id     string
	detach bool
}

func (a *app) deployCommand() *cobra.Command {
	o := deployOptions{}
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
		RunE: func(cmd *cobra.Command, args []string) error {
			o.in.Skills = args
			return a.deploy(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.in.All, "all", false, "export every mature skill")
	f.StringSliceVar(&o.in.Formats, "format", []string{workflows.DefaultFormat}, "formats, separated by commas")
	f.BoolVar(&o.in.AllowProvisional, "allow-provisional", false, "export skills that have not proved themselves yet")
	f.BoolVar(&o.in.AllowUnproved, "allow-unproved", false, "export artifacts that no stored case could be tried on")
	f.BoolVar(&o.in.WithoutCases, "without-cases", false, "ship no past queries and answers")
	f.StringVarP(&o.out, "out", "o", "", "directory to download the artifacts into; it is created")
	f.BoolVar(&o.force, "force", false, "replace files that exist there")
	f.StringVar(&o.id, "id", "", "workflow ID of the deployment (default: made from the skills)")
	f.BoolVarP(&o.detach, "detach", "d", false, "start it and return at once")
	return cmd
}

// formatLines lists the formats for people.
func formatLines() string {
	var b strings.Builder
	for _, f := range export.Formats() {
		fmt.Fprintf(&b, "  %-20s %s\n", f.Name, f.About)
	}
	return b.String()
}

func (a *app) deploy(ctx context.Context, o deployOptions) error {
	if err := o.in.Check(); err != nil {
		return withCode(exitUsage, err)
	}
	for _, name := range o.in.Formats {
		if _, err := export.FormatByName(name); err != nil {
			return badInput("--format: %v", err)
		}
	}
	if err := checkID(o.id); err != nil {
		return err
	}
	c, err := a.open(ctx, wanted{})
	if err != nil {
		return err
	}
	defer c.Close()
	id, err := c.start(ctx, workflows.DeployType, o.id, strings.Join(append([]string{"export"}, o.in.Skills...), " "), o.in)
	if err != nil {
		return err
	}
	if o.detach {
		return a.started(id)
	}
	return a.followDeployment(ctx, c, id, o)
}

// followDeployment waits for the artifacts and fetches them.
func (a *app) followDeployment(ctx context.Context, c *connection, id string, o deployOptions) error {
	a.say("deployment %s", id)
	ended, err := a.await(ctx, c, id, newProgress(a.stderr, a.getenv))
	if errors.Is(err, errDetached) {
		return a.leave(id, "detached: the deployment goes on")
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
	return a.printDeployment(id, o.out, res)
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
func (a *app) printDeployment(id, out string, res workflows.DeployResult) error {
	if a.json {
		document := map[string]any{"workflow_id": id, "artifacts": res.Artifacts, "failed": res.Failed}
		if out != "" {
			document["out"] = out
		}
		if err := a.printJSON(document); err != nil {
			return err
		}
	} else if err := a.printArtifacts(out, res); err != nil {
		return err
	}
	if len(res.Failed) > 0 {
		return ended(exitFailed)
	}
	return nil
}

func (a *app) printArtifacts(out string, res workflows.DeployResult) error {
	rows := make([][]string, len(res.Artifacts))
	for i, x := range res.Artifacts {
		where := x.Key
		if out != "" {
			where = strings.TrimSuffix(out, "/") + "/" + x.File
		}
		rows[i] = []string{x.Format, plain(where), size(x.Size), count(x.Proof.Passed)}
	}
	for _, f := range res.Failed {
		a.say("not exported: %s", oneLine(strings.TrimSpace(fmt.Sprintf("%s %s: %s", f.Skill.Name, f.Format, f.Reason))))
	}
	if len(rows) == 0 {
		return nil
	}
	return table(a.stdout, []string{"FORMAT", "ARTIFACT", "SIZE", "CASES PASSED"}, rows)
}
