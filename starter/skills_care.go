package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// care is a command by which a person moves a head without another version.
type care struct {
	kind             skill.MoveKind // also the name of the command
	short, long, why string         // why: an example of a reason
	done             string         // what is so afterwards
	do               func(skillstore.Store, context.Context, string, skillstore.Act) (skill.Head, error)
}

func (a *app) skillsFreezeCommand() *cobra.Command {
	return a.careCommand(care{
		kind: skill.MoveFreeze, short: "Keep a skill as it is: no run changes or retires it",
		long: `Keep a skill as it is. Runs go on using it, but none promotes another version of it or
retires it; new versions are kept beside it. You can still roll it back.`,
		why: "audited", done: "frozen",
		do: skillstore.Store.Freeze,
	})
}

func (a *app) skillsUnfreezeCommand() *cobra.Command {
	return a.careCommand(care{
		kind: skill.MoveUnfreeze, short: "Let a frozen skill change again",
		why: "the audit is over", done: "no longer frozen",
		do: skillstore.Store.Unfreeze,
	})
}

func (a *app) skillsGuardCommand() *cobra.Command {
	return a.careCommand(care{
		kind: skill.MoveGuard, short: "Let new versions of a skill wait for a person",
		long: `Let new versions of a skill wait for a person: a run that made a better one asks for approval
before it becomes the current one. You can promote one yourself with "starter skills promote".`,
		why: "the invoices depend on it", done: "guarded",
		do: skillstore.Store.Guard,
	})
}

func (a *app) skillsUnguardCommand() *cobra.Command {
	return a.careCommand(care{
		kind: skill.MoveUnguard, short: "Let runs promote versions of a guarded skill again",
		why: "its cases tell enough", done: "no longer guarded",
		do: skillstore.Store.Unguard,
	})
}

func (a *app) skillsRetireCommand() *cobra.Command {
	return a.careCommand(care{
		kind: skill.MoveRetire, short: "Take a skill out of use; all its versions stay",
		long: `Take a skill out of use: no search finds it any more. All its versions and cases stay, and
"starter skills restore" brings it back. "starter skills stats" lists the unused ones.`,
		why: "unused since spring", done: "retired",
		do: func(s skillstore.Store, ctx context.Context, name string, act skillstore.Act) (skill.Head, error) {
			if err := s.Retire(ctx, name, skill.Tombstone{ID: act.ID, By: act.By, Reason: act.Why}); err != nil {
				return skill.Head{}, err
			}
			return s.Head(ctx, name)
		},
	})
}

func (a *app) skillsRestoreCommand() *cobra.Command {
	return a.careCommand(care{
		kind: skill.MoveRestore, short: "Bring a retired skill back as it was",
		why: "needed after all", done: "in use",
		do: skillstore.Store.Restore,
	})
}

func (a *app) careCommand(k care) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     string(k.kind) + " NAME --reason WHY",
		Short:   k.short,
		Long:    k.long,
		Example: fmt.Sprintf("  starter skills %s csv-summary --reason %q", k.kind, k.why),
		Args:    exactly("the NAME of a skill"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return badInput("--reason says why you %s it, for whoever reads `starter skills history` later", k.kind)
			}
			return a.careFor(cmd.Context(), k, args[0], reason)
		},
	}
	reasonFlag(cmd, &reason)
	return cmd
}

func reasonFlag(cmd *cobra.Command, reason *string) {
	cmd.Flags().StringVar(reason, "reason", "", "why; kept in the history")
}

func (a *app) careFor(ctx context.Context, k care, name, reason string) error {
	c, before, _, err := a.openSkill(ctx, name, 0)
	if err != nil {
		return err
	}
	defer c.Close()
	act := skillstore.Act{ID: string(k.kind) + "-" + rand.Text(), By: whoever(), Why: reason}
	head, err := k.do(c.Skills, ctx, before.Name, act)
	if err != nil {
		return frozenHint(before.Name, err)
	}
	return a.printMoved(head, head.Acted(k.kind, act.ID), k.done)
}

// printMoved says what is so after a command that moves a head, and whether it was so before.
func (a *app) printMoved(head skill.Head, changed bool, done string) error {
	if a.json {
		return a.printJSON(map[string]any{"name": head.Name, "version": head.Version, "generation": head.Generation, "changed": changed})
	}
	already := ""
	if !changed {
		already = " (it was so before; nothing has changed)"
	}
	fmt.Fprintf(a.stdout, "%s version %d is %s%s\n", head.Name, head.Version, done, already)
	return nil
}

// whoever is who a move is by. The library wants a name.
func whoever() string { return cmp.Or(me(), "somebody") }

// frozenHint tells how a frozen skill can be changed.
func frozenHint(name string, err error) error {
	if errors.Is(err, skillstore.ErrFrozen) {
		return fmt.Errorf("%w; `starter skills unfreeze %s` first", err, name)
	}
	return err
}
