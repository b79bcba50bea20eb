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
	var r rollback
	cmd := &cobra.Command{
		Use:   "rollback NAME VERSION --reason WHY",
		Short: "Make an earlier version of a skill the current one again",
		Long: `Make an earlier version of a skill the current one again. That is a move like any other:
nothing is deleted, and you can roll forward in the same way. It works on frozen skills
too. A version that its gate kept out needs --force.`,
		Example: `  starter skills rollback csv-summary 2 --reason "3 drops the last column"
  starter skills rollback csv-summary 4 --reason "the case was wrong" --force`,
		Args: exactly("the NAME of a skill", "a VERSION"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if r.reason == "" {
				return badInput("--reason says why you roll it back, for whoever reads `starter skills history` later")
			}
			if r.version, err = versionNumber(args[1]); err != nil {
				return err
			}
			return a.rollBack(cmd.Context(), args[0], r)
		},
	}
	reasonFlag(cmd, &r.reason)
	cmd.Flags().BoolVar(&r.force, "force", false, "take a version that its gate kept out")
	return cmd
}

type rollback struct {
	version int
	reason  string
	force   bool
}

func versionNumber(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, badInput("VERSION is %.20q: give a number from `starter skills history`", text)
	}
	return n, nil
}

func (a *app) rollBack(ctx context.Context, name string, r rollback) error {
	c, head, m, err := a.openSkill(ctx, name, r.version)
	if err != nil {
		return err
	}
	defer c.Close()
	if m.Version == head.Version && head.Tombstone == nil {
		return a.printMoved(head, false, "current")
	}
	if err := c.checkGate(ctx, head, m); err != nil && !r.force {
		return err
	}
	head, err = c.Skills.Promote(ctx, skillstore.Promotion{
		Name: m.Name, Version: m.Version, BaseGeneration: head.Generation, PromotionID: "rollback-" + rand.Text(),
		Rollback: true, By: whoever(), Why: r.reason,
	})
	if errors.Is(err, skillstore.ErrHeadMoved) {
		return fmt.Errorf("%w; look at `starter skills history %s` and decide again", err, m.Name)
	}
	if err != nil {
		return err
	}
	return a.printMoved(head, true, "current")
}

// checkGate refuses a version that was never current and did not pass its last gate.
func (c *connection) checkGate(ctx context.Context, head skill.Head, m skill.Manifest) error {
	current := func(move skill.Move) bool { return move.Version == m.Version }
	if slices.ContainsFunc(head.Moves, current) {
		return nil
	}
	reports, err := c.Skills.GateReports(ctx, m.Name)
	if err != nil {
		return err
	}
	gates := gatesOf(reports, m.Version)
	if len(gates) == 0 || gates[len(gates)-1].Verdict == skill.GatePassed {
		return nil
	}
	return badInput("version %d of %s was never current, and its gate says %s; --force takes it all the same", m.Version, m.Name, gateLine(gates))
}
