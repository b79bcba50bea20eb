package skillstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
)

// Head implements Store.
func (s *S3) Head(ctx context.Context, name string) (skill.Head, error) {
	if err := checkName(name); err != nil {
		return skill.Head{}, err
	}
	h, _, err := s.readHead(ctx, name)
	if err != nil {
		return skill.Head{}, fmt.Errorf("read head: %w", err)
	}
	return h, nil
}

func (s *S3) readHead(ctx context.Context, name string) (skill.Head, string, error) {
	obj, err := s.objects.Get(ctx, headKey(name))
	if err != nil {
		return skill.Head{}, "", missing(err, ErrUnknownSkill, "%s", name)
	}
	var h skill.Head
	if err := decode(headKey(name), obj.Body, &h); err != nil {
		return skill.Head{}, "", err
	}
	if h.Name != name || h.Version < 1 || h.Generation < 1 {
		return skill.Head{}, "", fmt.Errorf("%s: %w: it is no head of %s", headKey(name), ErrCorrupt, name)
	}
	return h, obj.ETag, nil
}

// Promote implements Store.
func (s *S3) Promote(ctx context.Context, p Promotion) (skill.Head, error) {
	if err := p.check(); err != nil {
		return skill.Head{}, err
	}
	m, err := s.Version(ctx, p.Name, p.Version)
	if err != nil {
		return skill.Head{}, fmt.Errorf("promote %s: %w", p.Name, err)
	}
	h, err := s.promote(ctx, p, m)
	if err != nil {
		return skill.Head{}, fmt.Errorf("promote %s version %d: %w", p.Name, p.Version, err)
	}
	s.publish(ctx, p.Name) // also when an earlier attempt moved the head: it may not have lived to publish
	return h, nil
}

func (p Promotion) check() error {
	if err := checkName(p.Name); err != nil {
		return err
	}
	switch {
	case p.PromotionID == "":
		return invalid("promotion of %s: promotion_id is empty", p.Name)
	case p.BaseGeneration < 0:
		return invalid("promotion of %s: base_generation %d is negative", p.Name, p.BaseGeneration)
	case p.Trust != "" && p.Trust != skill.Provisional && p.Trust != skill.Mature:
		return invalid("promotion of %s: trust %.40q is neither %s nor %s", p.Name, p.Trust, skill.Provisional, skill.Mature)
	case p.Rollback && (p.By == "" || p.Why == ""):
		return invalid("rollback of %s: by and why are needed: who goes back to version %d, and for what reason?", p.Name, p.Version)
	}
	if err := checkReason("promotion of "+p.Name, p.By, p.Why); err != nil {
		return err
	}
	return checkReason("approval of a promotion of "+p.Name, p.Approved, "")
}

func (s *S3) promote(ctx context.Context, p Promotion, m skill.Manifest) (skill.Head, error) {
	current, etag, err := s.readHead(ctx, p.Name)
	if err != nil && !errors.Is(err, ErrUnknownSkill) {
		return skill.Head{}, err
	}
	if done, err := p.settled(current); done || err != nil {
		return current, err
	}
	if current.Frozen != nil && !p.Rollback {
		return skill.Head{}, frozen(current)
	}
	if !current.Unmoved(p.BaseGeneration) {
		return skill.Head{}, &HeadMovedError{Name: p.Name, Base: p.BaseGeneration, Current: current}
	}
	if current.Guarded != nil && p.Approved == "" && !p.Rollback {
		return skill.Head{}, guarded(current)
	}
	next := s.promoted(current, p, m)
	err = s.writeHead(ctx, next, etag)
	if !errors.Is(err, objectstore.ErrChanged) && !errors.Is(err, objectstore.ErrExists) {
		return next, err
	}
	return s.settle(ctx, p)
}

// settle finds out what a refused write means: an earlier attempt of this promotion went through although its reply was
// lost, or someone else was faster.
func (s *S3) settle(ctx context.Context, p Promotion) (skill.Head, error) {
	current, _, err := s.readHead(ctx, p.Name)
	if err != nil {
		return skill.Head{}, err
	}
	if done, err := p.settled(current); done || err != nil {
		return current, err
	}
	return skill.Head{}, &HeadMovedError{Name: p.Name, Base: p.BaseGeneration, Current: current}
}

// settled tells whether the head has carried out this promotion already.
func (p Promotion) settled(h skill.Head) (bool, error) {
	move, ok := h.Moved(p.PromotionID)
	if ok && move.Version != p.Version {
		return false, invalid("promotion of %s: promotion_id %.80q was used for version %d", p.Name, p.PromotionID, move.Version)
	}
	return ok, nil
}

// writeHead creates the first head of a skill, or replaces the one with this ETag.
func (s *S3) writeHead(ctx context.Context, h skill.Head, etag string) (err error) {
	if h.Generation == 1 {
		etag, err = s.create(ctx, headKey(h.Name), h)
	} else {
		etag, err = s.objects.Replace(ctx, headKey(h.Name), encode(h), etag)
	}
	if err == nil {
		s.heads.put(h, etag)
	}
	return err
}

func (s *S3) promoted(current skill.Head, p Promotion, m skill.Manifest) skill.Head {
	h := current
	h.Name, h.Version, h.VersionDigest = p.Name, p.Version, m.Digest
	h.Description, h.EntryFile, h.Tools = m.Description, m.EntryFile, m.Tools
	h.Tombstone = nil
	switch {
	case p.Trust != "":
		h.Trust = p.Trust
	case current.Version != p.Version:
		h.Trust = skill.Provisional
	}
	return s.moved(h, p.move())
}

func (p Promotion) move() skill.Move {
	m := skill.Move{Kind: skill.MovePromote, PromotionID: p.PromotionID, By: p.By, Why: p.Why}
	if p.Rollback {
		m.Kind = skill.MoveRollback
	}
	if p.Approved != "" && p.Approved != p.By {
		m.By = cmp.Or(p.By, p.Approved)
		m.Why = strings.TrimPrefix(p.Why+"; approved by "+p.Approved, "; ")
	}
	return m
}

// moved is the head after a move to the version that it has.
func (s *S3) moved(h skill.Head, m skill.Move) skill.Head {
	h.Generation++
	h.UpdatedAt, h.PromotionID = s.now(), m.PromotionID
	m.Generation, m.Version, m.At = h.Generation, h.Version, h.UpdatedAt
	h.Moves = h.WithMove(m)
	return h
}

// frozen is an ErrFrozen that says since when and why.
func frozen(h skill.Head) error {
	return fmt.Errorf("%w: %s, by %s since %s (%s); only a rollback or unfreezing it moves its head", ErrFrozen, h.Name, h.Frozen.By, h.Frozen.At.Format(time.DateOnly), h.Frozen.Why)
}

// guarded is an ErrGuarded that says since when and why.
func guarded(h skill.Head) error {
	return fmt.Errorf("%w: %s, by %s since %s (%s); a person must approve the promotion", ErrGuarded, h.Name, h.Guarded.By, h.Guarded.At.Format(time.DateOnly), h.Guarded.Why)
}
