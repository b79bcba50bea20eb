package activities

import (
	"context"
	"errors"

	"agentfactory/skillstore"
)

// Libraries opens skill libraries that lie beside the live one: an evaluation gives its runs some of their own.
type Libraries interface {
	Open(ctx context.Context, name string) (skillstore.Store, error)
}

// openLibrary is the library that an input names: the live one, or one of an evaluation.
func openLibrary(ctx context.Context, others Libraries, name string, live skillstore.Store) (skillstore.Store, error) {
	if name == "" {
		return live, nil
	}
	skills, err := others.Open(ctx, name)
	switch {
	case errors.Is(err, skillstore.ErrUnknownLibrary), errors.Is(err, skillstore.ErrInvalid):
		return nil, invalid("library: %v", err)
	case err != nil:
		return nil, failure("open the library "+name, err)
	}
	return skills, nil
}

// in is the same with another library.
func (r *Runs) in(ctx context.Context, library string) (*Runs, error) {
	skills, err := openLibrary(ctx, r.Libraries, library, r.Skills)
	own := *r
	own.Skills = skills
	return &own, err
}

func (l *Library) in(ctx context.Context, library string) (*Library, error) {
	skills, err := openLibrary(ctx, l.Libraries, library, l.Skills)
	own := *l
	own.Skills = skills
	return &own, err
}

func (g *Gates) in(ctx context.Context, library string) (*Gates, error) {
	skills, err := openLibrary(ctx, g.Libraries, library, g.Skills)
	own := *g
	own.Skills = skills
	return &own, err
}

func (s *Subagents) in(ctx context.Context, library string) (*Subagents, error) {
	skills, err := openLibrary(ctx, s.Libraries, library, s.Skills)
	own := *s
	own.Skills = skills
	return &own, err
}
