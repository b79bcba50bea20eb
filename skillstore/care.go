package skillstore

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
)

// maxWhy bounds a reason, and a name of who gives it, in bytes: a head holds those of its latest moves.
const maxWhy = 2000

// Retire implements Care.
func (s *S3) Retire(ctx context.Context, name string, t skill.Tombstone) error {
	act := Act{ID: t.ID, By: t.By, Why: t.Reason}
	if act.ID == "" {
		act.ID = t.By
	}
	_, err := s.act(ctx, name, skill.MoveRetire, act, func(h *skill.Head) bool {
		if h.Tombstone != nil {
			return false
		}
		t.At = h.UpdatedAt
		h.Tombstone = &t
		return true
	})
	return err
}

// Restore implements Care.
func (s *S3) Restore(ctx context.Context, name string, act Act) (skill.Head, error) {
	return s.act(ctx, name, skill.MoveRestore, act, func(h *skill.Head) bool {
		was := h.Tombstone
		h.Tombstone = nil
		return was != nil
	})
}

// Freeze implements Care.
func (s *S3) Freeze(ctx context.Context, name string, act Act) (skill.Head, error) {
	return s.act(ctx, name, skill.MoveFreeze, act, func(h *skill.Head) bool {
		if h.Frozen != nil {
			return false
		}
		h.Frozen = &skill.Freeze{By: act.By, Why: act.Why, At: h.UpdatedAt}
		return true
	})
}

// Unfreeze implements Care.
func (s *S3) Unfreeze(ctx context.Context, name string, act Act) (skill.Head, error) {
	return s.act(ctx, name, skill.MoveUnfreeze, act, func(h *skill.Head) bool {
		was := h.Frozen
		h.Frozen = nil
		return was != nil
	})
}

// Guard implements Care.
func (s *S3) Guard(ctx context.Context, name string, act Act) (skill.Head, error) {
	return s.act(ctx, name, skill.MoveGuard, act, func(h *skill.Head) bool {
		if h.Guarded != nil {
			return false
		}
		h.Guarded = &skill.Freeze{By: act.By, Why: act.Why, At: h.UpdatedAt}
		return true
	})
}

// Unguard implements Care.
func (s *S3) Unguard(ctx context.Context, name string, act Act) (skill.Head, error) {
	return s.act(ctx, name, skill.MoveUnguard, act, func(h *skill.Head) bool {
		was := h.Guarded
		h.Guarded = nil
		return was != nil
	})
}

// act carries out what does not depend on the version. apply changes a head that is moved already, or says that there is
// nothing to change.
func (s *S3) act(ctx context.Context, name string, kind skill.MoveKind, a Act, apply func(*skill.Head) bool) (skill.Head, error) {
	if err := a.check(name, kind); err != nil {
		return skill.Head{}, err
	}
	h, err := s.changeHead(ctx, name, func(h skill.Head) (skill.Head, error) {
		next := s.moved(h, skill.Move{Kind: kind, PromotionID: a.ID, By: a.By, Why: a.Why, Retired: kind == skill.MoveRetire})
		switch {
		case h.Acted(kind, a.ID) || !apply(&next):
			return h, nil
		case h.Frozen != nil && (kind == skill.MoveRetire || kind == skill.MoveRestore):
			return h, frozen(h)
		}
		return next, nil
	})
	if err != nil {
		return skill.Head{}, fmt.Errorf("%s %s: %w", kind, name, err)
	}
	return h, nil
}

// changeHead writes what change makes of the head, unless that is what it was. It begins again when the head moved
// meanwhile: somebody else got further then, so this comes to an end. An own write whose reply was lost is seen by
// change, in the head that it left.
func (s *S3) changeHead(ctx context.Context, name string, change func(skill.Head) (skill.Head, error)) (skill.Head, error) {
	for {
		h, etag, err := s.readHead(ctx, name)
		if err != nil {
			return skill.Head{}, err
		}
		next, err := change(h)
		if err != nil {
			return h, err
		}
		if next.Generation == h.Generation {
			s.publish(ctx, name) // the attempt that moved the head may not have lived to
			return h, nil
		}
		err = s.writeHead(ctx, next, etag)
		if err == nil {
			s.publish(ctx, name)
		}
		if !errors.Is(err, objectstore.ErrChanged) {
			return next, err
		}
	}
}

func (a Act) check(name string, kind skill.MoveKind) error {
	if err := checkName(name); err != nil {
		return err
	}
	if a.ID == "" || a.By == "" {
		return invalid("%s %s: id and by may not be empty; by names the person or the promotion", kind, name)
	}
	return checkReason(fmt.Sprintf("%s %s", kind, name), a.By, a.Why)
}

func checkReason(what, by, why string) error {
	if max(len(by), len(why)) > maxWhy || !utf8.ValidString(by+why) {
		return invalid("%s: by and why must be UTF-8 text of at most %d bytes each", what, maxWhy)
	}
	return nil
}
