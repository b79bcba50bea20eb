package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	runs "agentfactory/internal/run"
	"agentfactory/workflows"
)

func (a *app) runsApproveCommand() *cobra.Command {
	var reject, full bool
	var note string
	cmd := &cobra.Command{
		Use:   "approve ID [APPROVAL_ID]",
		Short: "Show what a run waits to have approved, then approve or reject it",
		Long: `With the ID of a run alone show what waits for an approval: the whole answer and the
skills that would be saved. With the APPROVAL_ID that was shown release it, or end the
run with --reject. What has changed since it was shown has another APPROVAL_ID and is
not released. To have it changed, "starter runs instruct" the run instead.`,
		Example: `  starter runs approve install-plot-the-totals-k3x9qa
  starter runs approve install-plot-the-totals-k3x9qa finish-5f1c2a90be33d417
  starter runs approve install-plot-the-totals-k3x9qa finish-5f1c2a90be33d417 --reject --note "wrong year"`,
		Args: between(1, "the ID of a run", "an APPROVAL_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				if reject || note != "" {
					return badInput("--reject and --note need the APPROVAL_ID that `starter runs approve %s` shows", args[0])
				}
				return a.showApproval(cmd.Context(), args[0], full)
			}
			decision := workflows.Approve{ApprovalID: args[1], Decision: workflows.DecideApprove, Note: note, By: me()}
			if reject {
				decision.Decision = workflows.DecideReject
			}
			return a.steer(cmd.Context(), args[0], workflows.ApproveUpdate, decision)
		},
	}
	cmd.Flags().BoolVar(&reject, "reject", false, "end the run with the outcome rejected")
	cmd.Flags().StringVar(&note, "note", "", "why; kept in the result")
	cmd.Flags().BoolVar(&full, "full", false, "show the code of the skills as well")
	return cmd
}

// shownApproval is what `runs approve ID --json` prints.
type shownApproval struct {
	runs.Approval
	WorkflowID string     `json:"workflow_id"`
	Plan       *runs.Plan `json:"plan"` // the whole answer, and what would be saved
}

func (a *app) showApproval(ctx context.Context, id string, full bool) error {
	c, err := a.openRun(ctx, id)
	if err != nil {
		return err
	}
	defer c.Close()
	status, err := c.runStatus(ctx, id)
	if err != nil {
		return err
	}
	if status.Approval == nil {
		return badInput("nothing of run %s waits for an approval; it is %s", id, strings.ReplaceAll(string(status.Phase), "_", " "))
	}
	if status.Approval.Kind == workflows.ApprovePolicy {
		return a.showCall(id, *status.Approval)
	}
	step, err := c.Records.Step(ctx, status.Approval.Step)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(shownApproval{*status.Approval, id, step.Plan})
	}
	fmt.Fprintf(a.stdout, "Answer\n%s\n", plain(step.Plan.Answer))
	if len(status.Approval.Skills) > 0 {
		fmt.Fprintf(a.stdout, "\nSkills\n  %s\n", plain(strings.Join(status.Approval.Skills, "\n  ")))
	}
	for _, s := range step.Plan.Skills {
		if err := a.printPlanned(ctx, c, s, full); err != nil {
			return err
		}
	}
	a.say("\nrelease it with\n  starter runs approve %s %s\nend the run with --reject, or have it changed with\n  starter runs instruct %s \"…\"", id, status.Approval.ApprovalID, id)
	return nil
}

// showCall shows a call that the policy asks about.
func (a *app) showCall(id string, waits runs.Approval) error {
	if a.json {
		return a.printJSON(shownApproval{waits, id, nil})
	}
	fmt.Fprintln(a.stdout, plain(waits.Answer))
	a.say("\nallow it with\n  starter runs approve %s %s\nrefuse it with --reject; the run goes on in both cases", id, waits.ApprovalID)
	return nil
}

// printPlanned shows a skill that would be saved.
func (a *app) printPlanned(ctx context.Context, c *connection, s runs.PlannedSave, full bool) error {
	what := "new"
	if s.ParentVersion > 0 {
		what = fmt.Sprintf("replaces version %d", s.ParentVersion)
	}
	if s.Supersedes != "" {
		what = "supersedes " + s.Supersedes
	}
	fmt.Fprintf(a.stdout, "\nSkill %s (%s)\n  %s\n", s.Name, what, oneLine(s.Description))
	for _, f := range s.Files {
		fmt.Fprintf(a.stdout, "  %s, %s\n", plain(f.Path), size(f.Size))
		if !full {
			continue
		}
		code, err := c.Blobs.Get(ctx, f.Digest)
		if err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "\n%s\n", plain(string(code)))
	}
	return nil
}
