package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"agentfactory/internal/skill"
)

func (a *app) skillsHistoryCommand() *cobra.Command {
	var diffs bool
	cmd := &cobra.Command{
		Use:   "history NAME",
		Short: "Show every version of a skill and every move of its head",
		Long: `Show every version of a skill, where it comes from and how it did against the version
before (its gate), and the latest moves of its head: which version became current when,
by whom and why.`,
		Example: `  starter skills history csv-summary
  starter skills history csv-summary --diff | less
  starter skills history csv-summary --json | jq '.versions[].gates[].verdict'`,
		Args: exactly("the NAME of a skill"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.skillHistory(cmd.Context(), args[0], diffs) },
	}
	cmd.Flags().BoolVar(&diffs, "diff", false, "show what each version changed")
	return cmd
}

// historicVersion is a version in `skills history --json`.
type historicVersion struct {
	skill.Manifest
	Gates []skill.GateReport `json:"gates"` // oldest first
	Diff  []fileDiff         `json:"diff,omitempty"`
}

func (a *app) skillHistory(ctx context.Context, name string, diffs bool) error {
	c, head, _, err := a.openSkill(ctx, name, 0)
	if err != nil {
		return err
	}
	defer c.Close()
	history, err := c.history(ctx, head.Name, diffs)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"name": head.Name, "head": head, "versions": history})
	}
	if err := a.printVersions(head, history); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout)
	if err := a.printMoves(head, history); err != nil {
		return err
	}
	for _, v := range history {
		if len(v.Diff) > 0 {
			fmt.Fprintf(a.stdout, "\nVersion %d\n", v.Version)
			a.printDiff(v.Diff)
		}
	}
	return nil
}

// history lists the versions of a skill, the latest first.
func (c *connection) history(ctx context.Context, name string, diffs bool) ([]historicVersion, error) {
	versions, err := c.Skills.Versions(ctx, name)
	if err != nil {
		return nil, err
	}
	reports, err := c.Skills.GateReports(ctx, name)
	if err != nil {
		return nil, err
	}
	history := make([]historicVersion, len(versions))
	for i, m := range versions {
		history[i] = historicVersion{Manifest: m, Gates: gatesOf(reports, m.Version)}
		if !diffs || i == 0 {
			continue
		}
		if history[i].Diff, err = c.diff(ctx, numbered(versions, before(m)), m); err != nil {
			return nil, err
		}
	}
	slices.Reverse(history)
	return history, nil
}

// before is the version that a later one than the first was made from, as far as is known.
func before(m skill.Manifest) int {
	if own := m.Lineage.ParentSkill == "" || m.Lineage.ParentSkill == m.Name; own && m.Lineage.ParentVersion < m.Version {
		return cmp.Or(m.Lineage.ParentVersion, m.Version-1)
	}
	return m.Version - 1
}

// numbered is the version of this number, or one without files.
func numbered(versions []skill.Manifest, n int) skill.Manifest {
	if i := slices.IndexFunc(versions, func(m skill.Manifest) bool { return m.Version == n }); i >= 0 {
		return versions[i]
	}
	return skill.Manifest{}
}

func gatesOf(reports []skill.GateReport, version int) []skill.GateReport {
	gates := []skill.GateReport{}
	for _, r := range reports {
		if r.Candidate.Version == version {
			gates = append(gates, r)
		}
	}
	return gates
}

// gateLine is the last of several gates in a few words.
func gateLine(gates []skill.GateReport) string {
	if len(gates) == 0 {
		return "-"
	}
	last := gates[len(gates)-1]
	text := fmt.Sprintf("%s (%s", last.Verdict, plural(last.Cases, "case"))
	if n := len(last.Broken()); n > 0 {
		text += fmt.Sprintf(", %d broken", n)
	}
	if n := len(last.Inconclusive); n > 0 {
		text += fmt.Sprintf(", %d inconclusive", n)
	}
	return text + ")"
}

func (a *app) printVersions(head skill.Head, history []historicVersion) error {
	rows := make([][]string, len(history))
	for i, v := range history {
		mark := ""
		if v.Version == head.Version {
			mark = "current"
		}
		rows[i] = []string{fmt.Sprint(v.Version), mark, ago(v.CreatedAt), originOf(v.Lineage), gateLine(v.Gates)}
	}
	return table(a.stdout, []string{"VERSION", "", "MADE", "ORIGIN", "GATE"}, rows)
}

// printMoves shows the moves that the head remembers, the latest first.
func (a *app) printMoves(head skill.Head, history []historicVersion) error {
	var rows [][]string
	for _, m := range slices.Backward(head.Moves) {
		what := string(m.What())
		if m.Trust != "" {
			what = "now " + string(m.Trust)
		}
		rows = append(rows, []string{what, fmt.Sprint(m.Version), ago(m.At), clip(oneLine(moverOf(m, history)), 40), clip(oneLine(m.Why), 70)})
	}
	return table(a.stdout, []string{"MOVE", "VERSION", "WHEN", "BY", "WHY"}, rows)
}

// moverOf is who moved a head: who the move names, else the run that made the version.
func moverOf(m skill.Move, history []historicVersion) string {
	for _, v := range history {
		if m.By == "" && m.What() == skill.MovePromote && v.Version == m.Version && v.Lineage.WorkflowID != "" {
			return "run " + v.Lineage.WorkflowID
		}
	}
	return cmp.Or(m.By, "-")
}
