package skillstore

import (
	"cmp"
	"context"
	"fmt"

	"agentfactory/internal/skill"
)

// trustRule is who moves the trust of heads.
const trustRule = "trust rule"

// ReviewTrust implements Care. Two reviews at once come to the same end: each follows from all uses that are recorded,
// and the later one has seen them all.
func (s *S3) ReviewTrust(ctx context.Context, name string, needed int) (skill.Head, error) {
	if err := checkName(name); err != nil {
		return skill.Head{}, err
	}
	if needed < 0 {
		return skill.Head{}, invalid("review trust of %s: %d independent successes are needed; give a positive number, or 0 for the default", name, needed)
	}
	needed = cmp.Or(needed, skill.IndependentSuccesses)
	h, err := s.changeHead(ctx, name, func(h skill.Head) (skill.Head, error) {
		p, err := s.Performance(ctx, name)
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
	})
	if err != nil {
		return skill.Head{}, fmt.Errorf("review trust of %s: %w", name, err)
	}
	return h, nil
}
