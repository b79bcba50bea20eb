package main

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	runs "agentfactory/internal/run"
	"agentfactory/internal/service"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
	"agentfactory/workflows"
)

// demoScript is what the scripted model says. Every embedded stack serves it.
//
//go:embed demo/script.yaml
var demoScript []byte

const (
	demoSkill = "source-tree-report" // the skill that the script builds
	demoOut   = "agentfactory-demo"  // directory of the results
)

func (a *app) demoCommand() *cobra.Command {
	var out string
	var fresh bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work, without a key and without network",
		Long: `Run three similar tasks about the source tree of the current directory. The first builds
a subagent, repairs a mistake in it and saves it as a skill. The second asks more than the
skill can do: it is repaired, and a repair that breaks what worked before is refused. The
third finds the better version and reuses it as it is, in two turns.

The model is scripted: it plays back prepared replies. Everything else is real: the
Temporal workflow, the S3 storage, the sandbox and Python. The demo uses the embedded
servers even when others are configured.`,
		Example: `  starter demo
  starter demo --fresh        # build the skill once more
  starter demo --json | jq -r '.tasks[].decision.reason'`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), out, fresh) },
	}
	cmd.Flags().StringVarP(&out, "out", "o", demoOut, "directory for the files that come out")
	cmd.Flags().BoolVar(&fresh, "fresh", false, "retire the skill of an earlier demo first")
	return cmd
}

// demoTask is one of the tasks, and what came of it.
type demoTask struct {
	runs.Result
	Task    string  `json:"task"`
	Seconds float64 `json:"seconds"`
	Built   bool    `json:"built"` // it saved the first version of the skill
}

// demoDocument is what `demo --json` prints.
type demoDocument struct {
	Scripted bool              `json:"scripted"` // always: the model is no real one
	Model    string            `json:"model"`
	Tasks    []demoTask        `json:"tasks"`
	Skill    string            `json:"skill"`
	SkillMD  string            `json:"skill_md"`
	Head     skill.Head        `json:"head"`
	Versions []historicVersion `json:"versions"` // the latest first
	Out      string            `json:"out"`      // directory of the files
}

func (a *app) demo(ctx context.Context, out string, fresh bool) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return badInput("make the directory for what comes out: %w; choose another one with --out", err)
	}
	scratch, err := os.MkdirTemp("", "agentfactory-demo-")
	if err != nil {
		return fmt.Errorf("make a scratch directory: %w", err)
	}
	defer os.RemoveAll(scratch)
	tree, err := collectTree(".", scratch)
	if err != nil {
		return err
	}
	a.sayHello(tree)
	c, err := a.open(ctx, wanted{embedded: true})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := a.demoLibrary(ctx, c, fresh); err != nil {
		return err
	}
	d, err := a.allTasks(ctx, c, tree, out)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(d)
	}
	return a.printDemo(c, d)
}

// allTasks runs one task after the other and fetches what they leave.
func (a *app) allTasks(ctx context.Context, c *connection, tree demoTree, out string) (demoDocument, error) {
	d := demoDocument{Scripted: true, Model: service.ScriptedDemoModel, Skill: demoSkill, Out: out}
	for i, task := range demoTasks(tree) {
		a.say("\n%s\n", wrapped(fmt.Sprintf("Task %d: %s", i+1, task)))
		done, err := a.demoRun(ctx, c, task, tree.files)
		if err != nil {
			return d, err
		}
		a.say("\nThe library: %s.", oneLine(done.Decision.Reason))
		d.Tasks = append(d.Tasks, done)
		if err := c.download(ctx, done.Files, out, true); err != nil {
			return d, err
		}
	}
	return d, c.describeDemoSkill(ctx, &d)
}

// describeDemoSkill tells what became of the skill.
func (c *connection) describeDemoSkill(ctx context.Context, d *demoDocument) (err error) {
	if d.Head, err = c.Skills.Head(ctx, d.Skill); err != nil {
		return err
	}
	document, err := c.Skills.File(ctx, d.Skill, d.Head.Version, skill.DocumentFile)
	if err != nil {
		return err
	}
	d.SkillMD = string(document)
	d.Versions, err = c.history(ctx, d.Skill, true)
	return err
}

func (a *app) sayHello(t demoTree) {
	a.say(`AgentFactory demo. The model is SCRIPTED: it plays back prepared replies, so no key and
no network are needed. Everything else is real: Temporal, S3, the sandbox, Python.`)
	where := "the current directory (" + t.name + ")"
	if t.sample {
		where = "a built-in sample, as the current directory has no source files"
	}
	more := ""
	if t.cut {
		more = ", which has more"
	}
	a.say("\nThe tasks are about %s in %s%s.", plural(len(t.files), "source file"), where, more)
}

// demoLibrary tells what the library already holds: the demo shows less then.
func (a *app) demoLibrary(ctx context.Context, c *connection, fresh bool) error {
	head, err := c.Skills.Head(ctx, demoSkill)
	switch {
	case errors.Is(err, skillstore.ErrUnknownSkill):
		return nil
	case err != nil:
		return err
	case head.Tombstone != nil:
		return nil
	case fresh:
		return c.Skills.Retire(ctx, demoSkill, skill.Tombstone{ID: "demo-" + rand.Text(), By: "starter demo --fresh", Reason: "to be built once more"})
	}
	a.say("The library holds %s version %d from an earlier demo, so the tasks begin with it.\n`starter demo --fresh` builds it once more.", demoSkill, head.Version)
	return nil
}

// demoTasks are worded as the script expects them.
func demoTasks(t demoTree) []string {
	suffix := t.commonest()
	return []string{
		fmt.Sprintf(`Describe the source tree in the folder %s: write a report titled "The source tree of %s" to report.md, with a bar chart of the lines by language in chart.svg.`, treeFolder, t.name),
		fmt.Sprintf(`Describe only the %s files of the folder %s: write a report titled "%s in %s" to %s-report.md, with a bar chart of the lines by folder in %[5]s-chart.svg.`,
			suffix, treeFolder, sourceSuffixes[suffix], t.name, strings.TrimPrefix(suffix, ".")),
		fmt.Sprintf(`Describe the source tree in the folder %s: write a report titled "The folders of %s" to folders.md, with a bar chart of the lines by folder in folders.svg.`, treeFolder, t.name),
	}
}

// demoRun runs one task to its end; an end other than completed is an error.
func (a *app) demoRun(ctx context.Context, c *connection, task string, files inputFiles) (demoTask, error) {
	in := workflows.InstallInput{Task: task, Model: service.ScriptedDemoModel}
	began := time.Now()
	inputs, err := files.hand(ctx, c.Blobs)
	if err != nil {
		return demoTask{}, err
	}
	in.Files = inputs
	id, err := c.start(ctx, workflows.SolveType, newRunID("demo", treeFolder), in.Task, in)
	if err != nil {
		return demoTask{}, err
	}
	res, err := a.await(ctx, c, id, newProgress(a.stderr, a.getenv))
	if errors.Is(err, errDetached) {
		return demoTask{}, a.leave(id, "detached: the run goes on")
	}
	if err != nil {
		return demoTask{}, err
	}
	if res.Outcome != runs.Completed {
		return demoTask{}, fmt.Errorf("the demo's run %s ended as %s: %s; `starter runs show %s` tells more", id, res.Outcome, res.Reason, id)
	}
	return demoTask{Result: withoutNulls(res), Task: task, Seconds: time.Since(began).Seconds(), Built: res.Decision.Choice == runs.Built}, nil
}
