package skillstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
)

// maxQuery bounds the query of a case, in bytes.
const maxQuery = 1 << 20

// AddCase implements Store. ID and CreatedAt are set here; a mark lies beside the case.
func (s *S3) AddCase(ctx context.Context, name string, c skill.Case) error {
	if err := checkName(name); err != nil {
		return err
	}
	if len(c.Query) > maxQuery || !utf8.ValidString(c.Query) { // an empty one is what a skill without parameters is asked
		return invalid("case of %s: the query must be UTF-8 text of at most %d bytes", name, maxQuery)
	}
	c.ID, c.CreatedAt, c.Mark = c.ContentID(), s.now(), nil
	_, err := s.objects.Create(ctx, caseKey(name, c.ID), encode(c))
	if err != nil && !errors.Is(err, objectstore.ErrExists) {
		return fmt.Errorf("add case of %s: %w", name, err)
	}
	s.publish(ctx, name) // its query finds the skill from now on
	return nil
}

// Case implements Store.
func (s *S3) Case(ctx context.Context, name, id string) (skill.Case, error) {
	if err := checkName(name); err != nil {
		return skill.Case{}, err
	}
	c, err := s.readCase(ctx, name, id)
	if err != nil {
		return skill.Case{}, fmt.Errorf("read case: %w", missing(err, ErrUnknownCase, "%s of %s", id, name))
	}
	return c, nil
}

// CaseIDs implements Store.
func (s *S3) CaseIDs(ctx context.Context, name string) ([]string, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	listed, err := s.listCases(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("list cases of %s: %w", name, err)
	}
	return listed.ids, nil
}

// Cases implements Store.
func (s *S3) Cases(ctx context.Context, name string) ([]skill.Case, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	listed, err := s.listCases(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("list cases of %s: %w", name, err)
	}
	cases, err := each(ctx, listed.ids, func(ctx context.Context, id string) (skill.Case, error) {
		return s.readMarked(ctx, name, id, listed)
	})
	if err != nil {
		return nil, fmt.Errorf("read cases of %s: %w", name, err)
	}
	return cases, nil
}

// listedCases is what a listing tells of a skill's cases.
type listedCases struct {
	ids   []string          // ascending
	marks map[string]string // the ETag of its mark, of each case that has one
}

func (s *S3) listCases(ctx context.Context, name string) (listedCases, error) {
	objects, err := s.objects.List(ctx, casesPrefix(name), "", 0)
	var l listedCases
	for _, o := range objects {
		l.add(strings.TrimPrefix(o.Key, casesPrefix(name)), o.ETag)
	}
	return l, err
}

// add takes in an object below cases/, in the order of a listing.
func (l *listedCases) add(path, etag string) {
	switch id, file, _ := strings.Cut(path, "/"); file {
	case caseFile:
		l.ids = append(l.ids, id)
	case markFile:
		if l.marks == nil {
			l.marks = map[string]string{}
		}
		l.marks[id] = etag
	}
}

// marksDigest changes when a case is marked; without any mark it is empty.
func (l listedCases) marksDigest() string {
	if len(l.marks) == 0 {
		return ""
	}
	marks, err := json.MarshalIndent(l.marks, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("encode marks: %v", err)) // strings always encode
	}
	return shortDigest(string(append(marks, '\n')))
}

// readMarked reads a listed case and its mark, if it has one.
func (s *S3) readMarked(ctx context.Context, name, id string, listed listedCases) (skill.Case, error) {
	c, err := s.readCase(ctx, name, id)
	if err != nil || listed.marks[id] == "" {
		return c, err
	}
	m, _, err := s.readMark(ctx, name, id)
	c.Mark = shown(m)
	return c, err
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
