package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

func (a *app) skillsCasesCommand() *cobra.Command {
	var m marking
	cmd := &cobra.Command{
		Use:   "cases NAME [--keep CASE | --drop CASE | --unmark CASE] [--reason WHY]",
		Short: "List the past queries that later versions of a skill are tested against, or mark one",
		Long: `List the past queries that later versions of a skill are tested against, or mark one of them.
A kept case must be told by every gate, else a person decides. A dropped one stays stored, but
no version is held against it any more: drop a case whose recorded answer was wrong, for it
would block every repair.`,
		Example: `  starter skills cases csv-summary
  starter skills cases csv-summary --drop 5bbb339496cc7036 --reason "the answer was wrong"
  starter skills cases csv-summary --json | jq -r '.cases[].query'`,
		Args: exactly("the NAME of a skill"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if m.id() == "" && m.reason+m.by == "" {
				return a.listCases(cmd.Context(), args[0])
			}
			if err := m.check(); err != nil {
				return err
			}
			return a.markCase(cmd.Context(), args[0], m)
		},
	}
	cmd.Flags().StringVar(&m.keep, "keep", "", "the ID of a case that a gate must be able to tell about")
	cmd.Flags().StringVar(&m.drop, "drop", "", "the ID of a case that later versions are no longer held against")
	cmd.Flags().StringVar(&m.unmark, "unmark", "", "the ID of a case whose mark is taken away")
	cmd.Flags().StringVar(&m.reason, "reason", "", "why; kept with the mark")
	cmd.Flags().StringVar(&m.by, "by", "", "who says so (default: you)")
	return cmd
}

// marking is what a person says about a case.
type marking struct{ keep, drop, unmark, reason, by string }

func (m marking) id() string { return cmp.Or(m.keep, m.drop, m.unmark) }

func (m marking) check() error {
	switch {
	case m.id() != m.keep+m.drop+m.unmark:
		return badInput("--keep, --drop and --unmark exclude each other: give one of them")
	case m.id() == "":
		return badInput("--reason and --by belong to a mark: give --keep, --drop or --unmark with the ID of a case")
	case m.reason == "":
		return badInput("--reason says why you mark the case, for whoever reads `starter skills cases` later")
	}
	return nil
}

// done is what is so afterwards.
func (m marking) done() string {
	switch {
	case m.keep != "":
		return "kept: a gate that cannot tell about it leaves the decision to a person"
	case m.drop != "":
		return "dropped: later versions are not held against it"
	}
	return "no longer marked"
}

func (a *app) markCase(ctx context.Context, name string, m marking) error {
	c, head, _, err := a.openSkill(ctx, name, 0)
	if err != nil {
		return err
	}
	defer c.Close()
	marked, err := c.Skills.MarkCase(ctx, head.Name, m.id(), skill.CaseMark{
		Keep: m.keep != "", Dropped: m.drop != "", By: cmp.Or(m.by, whoever()), Why: m.reason,
	})
	if errors.Is(err, skillstore.ErrUnknownCase) {
		return fmt.Errorf("%w; `starter skills cases %s` lists them", err, head.Name)
	}
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"name": head.Name, "case": marked})
	}
	fmt.Fprintf(a.stdout, "case %s of %s is %s\n", marked.ID, head.Name, m.done())
	return nil
}

func (a *app) listCases(ctx context.Context, name string) error {
	c, head, _, err := a.openSkill(ctx, name, 0)
	if err != nil {
		return err
	}
	defer c.Close()
	cases, err := c.Skills.Cases(ctx, head.Name)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"name": head.Name, "cases": append([]skill.Case{}, cases...)})
	}
	if len(cases) == 0 {
		a.say("%s has no cases: each verified success of a run adds one", head.Name)
		return nil
	}
	rows := make([][]string, len(cases))
	for i, k := range cases {
		rows[i] = []string{
			k.ID, markOf(k), ago(k.CreatedAt), clip(oneLine(k.Lineage.WorkflowID), 40), checkOf(k), outputOf(k),
			plural(len(k.Inputs), "file"), clip(oneLine(k.Query), 60),
		}
	}
	return table(a.stdout, []string{"CASE", "MARK", "MADE", "RUN", "CHECK", "OUTPUT", "INPUTS", "QUERY"}, rows)
}

func markOf(c skill.Case) string {
	switch {
	case c.Mark == nil:
		return "-"
	case c.Mark.Keep:
		return "keep"
	}
	return "dropped"
}

func checkOf(c skill.Case) string {
	if c.Check == nil {
		return "the same output"
	}
	return plain(string(c.Check.Kind))
}

func outputOf(c skill.Case) string {
	if c.Output == nil {
		return "not kept"
	}
	return "kept"
}
