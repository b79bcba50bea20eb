package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

func (a *app) skillsRollbackCommand() *cobra.Command {
	p := choice{kind: skill.MoveRollback}
	cmd := &cobra.Command{
		Use:   "rollback NAME VERSION --reason WHY",
		Short: "Make an earlier version of a skill the current one again",
		Long: `Make an earlier version of a skill the current one again. That is a move like any other:
nothing is deleted, and you can roll forward in the same way. It works on frozen and guarded
skills too. A version that was never current is taken by "starter skills promote".`,
		Example: `  starter skills rollback csv-summary 2 --reason "3 drops the last column"`,
		Args:    exactly("the NAME of a skill", "a VERSION"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.choose(cmd.Context(), p, args) },
	}
	reasonFlag(cmd, &p.reason)
	return cmd
}

func (a *app) skillsPromoteCommand() *cobra.Command {
	p := choice{kind: skill.MovePromote}
	cmd := &cobra.Command{
		Use:   "promote NAME VERSION --reason WHY",
		Short: "Take a version that was kept beside the current one",
		Long: `Take a version that was kept beside the current one, because its gate could not tell enough,
or because the skill was frozen or is guarded: it becomes the current one. You approve it by
this. One that failed its gate needs --force, a frozen skill is unfrozen first.`,
		Example: `  starter skills promote csv-summary 4 --reason "looked at the diff"
  starter skills promote csv-summary 4 --reason "the case that it broke was wrong" --force`,
		Args: exactly("the NAME of a skill", "a VERSION"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.choose(cmd.Context(), p, args) },
	}
	reasonFlag(cmd, &p.reason)
	cmd.Flags().BoolVar(&p.force, "force", false, "take a version that failed its gate")
	return cmd
}

// choice is what a person says about a version that shall be the current one.
type choice struct {
	kind   skill.MoveKind // MoveRollback or MovePromote
	reason string
	force  bool
}

func versionNumber(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, badInput("VERSION is %.20q: give a number from `starter skills history`", text)
	}
	return n, nil
}

// choose takes NAME and VERSION.
func (a *app) choose(ctx context.Context, p choice, args []string) error {
	if p.reason == "" {
		return badInput("--reason says why you %s it, for whoever reads `starter skills history` later", p.verb())
	}
	version, err := versionNumber(args[1])
	if err != nil {
		return err
	}
	c, head, m, err := a.openSkill(ctx, args[0], version)
	if err != nil {
		return err
	}
	defer c.Close()
	if m.Version == head.Version && head.Tombstone == nil {
		return a.printMoved(head, false, "current")
	}
	if err := c.checkChoice(ctx, p, head, m); err != nil {
		return err
	}
	head, err = c.Skills.Promote(ctx, p.promotion(head, m))
	if errors.Is(err, skillstore.ErrHeadMoved) {
		return fmt.Errorf("%w; look at `starter skills history %s` and decide again", err, m.Name)
	}
	if err != nil {
		return frozenHint(m.Name, err)
	}
	return a.printMoved(head, true, "current")
}

func (p choice) verb() string {
	if p.kind == skill.MoveRollback {
		return "roll back"
	}
	return "promote"
}

func (p choice) promotion(head skill.Head, m skill.Manifest) skillstore.Promotion {
	me := whoever()
	return skillstore.Promotion{
		Name: m.Name, Version: m.Version, BaseGeneration: head.Generation, PromotionID: string(p.kind) + "-" + rand.Text(),
		Rollback: p.kind == skill.MoveRollback, Approved: me, By: me, Why: p.reason,
	}
}

// checkChoice refuses to go back to a version that was never current, and a version that failed its gate unless that is
// what the person wants.
func (c *connection) checkChoice(ctx context.Context, p choice, head skill.Head, m skill.Manifest) error {
	switch {
	case wasCurrent(head, m.Version):
		return nil
	case p.kind == skill.MoveRollback:
		return badInput("version %d of %s was never current; `starter skills promote %[2]s %[1]d` takes it", m.Version, m.Name)
	case p.force:
		return nil
	}
	reports, err := c.Skills.GateReports(ctx, m.Name)
	if err != nil {
		return err
	}
	gates := gatesOf(reports, m.Version)
	if len(gates) > 0 && gates[len(gates)-1].Verdict == skill.GateFailed {
		return badInput("version %d of %s did not pass its gate: %s; --force takes it all the same", m.Version, m.Name, gateLine(gates))
	}
	return nil
}

// wasCurrent tells whether a version was current, as far as the head remembers. Of what it has forgotten, any version below
// those that it remembers may have been.
func wasCurrent(head skill.Head, version int) bool {
	if slices.ContainsFunc(head.Moves, func(m skill.Move) bool { return m.Version == version }) {
		return true
	}
	return len(head.Moves) == 0 || head.Moves[0].Generation > 1 && version < head.Moves[0].Version
}
