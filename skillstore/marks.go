package skillstore

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
)

// caseID is what skill.Case.ContentID gives.
var caseID = regexp.MustCompile(`^[0-9a-f]{16}$`)

// MarkCase implements Care. The mark is one record beside the case. A mark that was taken away stays as a record of who did
// so and why. One that is corrupt is replaced.
func (s *S3) MarkCase(ctx context.Context, name, id string, m skill.CaseMark) (skill.Case, error) {
	if err := checkMark(name, id, m); err != nil {
		return skill.Case{}, err
	}
	c, err := s.markCase(ctx, name, id, m)
	if err != nil {
		return skill.Case{}, fmt.Errorf("mark case: %w", missing(err, ErrUnknownCase, "%s of %s", id, name))
	}
	s.publish(ctx, name) // also when an earlier attempt wrote the mark: dropped cases do not find the skill
	return c, nil
}

func checkMark(name, id string, m skill.CaseMark) error {
	if err := checkName(name); err != nil {
		return err
	}
	switch {
	case !caseID.MatchString(id):
		return fmt.Errorf("mark case: %w %.40q of %s: an ID is 16 hex digits", ErrUnknownCase, id, name)
	case m.Keep && m.Dropped:
		return invalid("mark of case %s of %s: keep and dropped exclude each other", id, name)
	case m.By == "" || m.Why == "":
		return invalid("mark of case %s of %s: by and why are needed: who says so, and for what reason?", id, name)
	}
	return checkReason(fmt.Sprintf("mark of case %s of %s", id, name), m.By, m.Why)
}

// markCase begins again when somebody else marks the case at the same time. An own write whose reply was lost is found then,
// and says the same.
func (s *S3) markCase(ctx context.Context, name, id string, m skill.CaseMark) (skill.Case, error) {
	c, err := s.readCase(ctx, name, id)
	if err != nil {
		return skill.Case{}, err
	}
	for {
		was, etag, err := s.readMark(ctx, name, id)
		corrupt := errors.Is(err, ErrCorrupt)
		switch {
		case err != nil && !corrupt:
			return skill.Case{}, err
		case !corrupt && was.Keep == m.Keep && was.Dropped == m.Dropped:
			c.Mark = shown(was)
			return c, nil
		}
		m.At = s.now()
		err = s.swap(ctx, markKey(name, id), etag, m)
		if !errors.Is(err, objectstore.ErrChanged) && !errors.Is(err, objectstore.ErrExists) {
			c.Mark = shown(m)
			return c, err
		}
	}
}

// readMark returns the mark of a case with the ETag to swap it against; one that was never set does nothing and has none.
// An ErrCorrupt comes with the ETag.
func (s *S3) readMark(ctx context.Context, name, id string) (skill.CaseMark, string, error) {
	key := markKey(name, id)
	obj, err := s.objects.Get(ctx, key)
	if errors.Is(err, objectstore.ErrNotFound) {
		return skill.CaseMark{}, "", nil
	}
	if err != nil {
		return skill.CaseMark{}, "", err
	}
	var m skill.CaseMark
	if err := decode(key, obj.Body, &m); err != nil {
		return skill.CaseMark{}, obj.ETag, err
	}
	if m.Keep && m.Dropped || m.By == "" {
		return skill.CaseMark{}, obj.ETag, fmt.Errorf("%s: %w: it is no mark of a case; mark the case again", key, ErrCorrupt)
	}
	return m, obj.ETag, nil
}

// shown is the mark as a case carries it: nil if it was taken away.
func shown(m skill.CaseMark) *skill.CaseMark {
	if !m.Keep && !m.Dropped {
		return nil
	}
	return &m
}
