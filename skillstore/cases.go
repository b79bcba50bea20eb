package skillstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
)

// maxQuery bounds the query of a case, in bytes.
const maxQuery = 1 << 20

// AddCase implements Store. ID and CreatedAt are set here.
func (s *S3) AddCase(ctx context.Context, name string, c skill.Case) error {
	if err := checkName(name); err != nil {
		return err
	}
	switch {
	case strings.TrimSpace(c.Query) == "":
		return invalid("case of %s: the query is empty", name)
	case len(c.Query) > maxQuery || !utf8.ValidString(c.Query):
		return invalid("case of %s: the query must be UTF-8 text of at most %d bytes", name, maxQuery)
	}
	c.ID, c.CreatedAt = c.ContentID(), s.now()
	_, err := s.objects.Create(ctx, caseKey(name, c.ID), encode(c))
	if err != nil && !errors.Is(err, objectstore.ErrExists) {
		return fmt.Errorf("add case of %s: %w", name, err)
	}
	s.publish(ctx, name) // its query finds the skill from now on
	return nil
}

// Cases implements Store.
func (s *S3) Cases(ctx context.Context, name string) ([]skill.Case, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	ids, err := s.objects.Folders(ctx, casesPrefix(name))
	if err != nil {
		return nil, fmt.Errorf("list cases of %s: %w", name, err)
	}
	cases, err := each(ctx, ids, func(ctx context.Context, id string) (skill.Case, error) { return s.readCase(ctx, name, id) })
	if err != nil {
		return nil, fmt.Errorf("read cases of %s: %w", name, err)
	}
	return cases, nil
}

func (s *S3) readCase(ctx context.Context, name, id string) (skill.Case, error) {
	obj, err := s.objects.GetImmutable(ctx, caseKey(name, id))
	if err != nil {
		return skill.Case{}, err
	}
	var c skill.Case
	if err := decode(caseKey(name, id), obj.Body, &c); err != nil {
		return skill.Case{}, err
	}
	if c.ID != id || c.ContentID() != id {
		return skill.Case{}, fmt.Errorf("%s: %w: the case does not match its ID", caseKey(name, id), ErrCorrupt)
	}
	return c, nil
}
