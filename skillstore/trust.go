package skillstore

import (
	"cmp"
	"context"
	"fmt"

	"agentfactory/internal/skill"
)

// trustRule is who moves the trust of heads.
const trustRule = "trust rule"

// ReviewTrust implements Care. It ends when it finds nothing to change: a use that was recorded, and reviewed, after this
// review had read the uses and before it moved the head is seen by another look.
func (s *S3) ReviewTrust(ctx context.Context, name string, needed int) (skill.Head, error) {
	if err := checkName(name); err != nil {
		return skill.Head{}, err
	}
	if needed < 0 {
		return skill.Head{}, invalid("review trust of %s: %d independent successes are needed; give a positive number, or 0 for the default", name, needed)
	}
	needed = cmp.Or(needed, skill.IndependentSuccesses)
	for {
		changes := false
		h, err := s.changeHead(ctx, name, func(h skill.Head) (next skill.Head, err error) {
			next, err = s.reviewed(ctx, h, needed)
			changes = next.Trust != h.Trust
			return next, err
		})
		if err != nil {
			return skill.Head{}, fmt.Errorf("review trust of %s: %w", name, err)
		}
		if !changes {
			return h, nil
		}
	}
}

// reviewed is the head with the trust that its current version deserves.
func (s *S3) reviewed(ctx context.Context, h skill.Head, needed int) (skill.Head, error) {
	p, err := s.Performance(ctx, h.Name)
	if err != nil {
		return h, err
	}
	trust, why := skill.NextTrust(h.Trust, p.Of(h.Version).Recent, needed)
	if trust == h.Trust {
		return h, nil
	}
	h.Trust = trust
	id := fmt.Sprintf("trust-%d", h.Generation+1)
	return s.moved(h, skill.Move{Kind: skill.MoveTrust, PromotionID: id, By: trustRule, Why: why, Trust: trust}), nil
}
