package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"agentfactory/internal/evaluation"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// skillFacts tells how the skills stood at that time, and each time that they changed since.
func (c *connection) skillFacts(ctx context.Context, since time.Time, show func(string)) ([]evaluation.SkillFact, error) {
	heads, err := c.Skills.Heads(ctx, "", 0)
	if err != nil {
		return nil, err
	}
	var (
		facts []evaluation.SkillFact
		mu    sync.Mutex
	)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i, h := range heads {
		g.Go(func() error {
			s, err := c.storyOf(ctx, h)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			facts = append(facts, s.facts(since)...)
			show(fmt.Sprintf("looked at skill %s of %s", count(i+1), count(len(heads))))
			return nil
		})
	}
	return facts, g.Wait()
}

// skillStory is everything that changed a skill.
type skillStory struct {
	head  skill.Head
	made  []time.Time // when its versions were
	cases []time.Time // when those were stored that are not dropped
	code  map[int]skillstore.CodeSize
}

func (c *connection) storyOf(ctx context.Context, h skill.Head) (skillStory, error) {
	s := skillStory{head: h, code: map[int]skillstore.CodeSize{}}
	versions, err := c.Skills.Versions(ctx, h.Name)
	if err != nil {
		return s, err
	}
	for _, m := range versions {
		s.made = append(s.made, m.CreatedAt)
		if s.code[m.Version], err = skillstore.SizeOf(ctx, c.Skills, m); err != nil {
			return s, err
		}
	}
	cases, err := c.Skills.Cases(ctx, h.Name)
	for _, x := range cases {
		if x.Mark == nil || !x.Mark.Dropped {
			s.cases = append(s.cases, x.CreatedAt)
		}
	}
	return s, err
}

// facts are one for the beginning and one for each change after it.
func (s skillStory) facts(since time.Time) []evaluation.SkillFact {
	times := slices.Concat(s.made, s.cases)
	for _, m := range s.head.Moves {
		times = append(times, m.At)
	}
	times = append(times, since)
	slices.SortFunc(times, time.Time.Compare)
	times = slices.CompactFunc(times, time.Time.Equal)
	var facts []evaluation.SkillFact
	for _, at := range times {
		if at.Before(since) {
			continue
		}
		if fact, ok := s.at(at); ok {
			facts = append(facts, fact)
		}
	}
	return facts
}

// at is how the skill stood at a time; not at all before it was promoted first. A head forgets its oldest moves: before
// those that it remembers, the skill is taken to have begun with the first of them.
func (s skillStory) at(at time.Time) (evaluation.SkillFact, bool) {
	version, retired := 0, false
	for _, m := range s.head.Moves {
		if m.At.After(at) {
			break
		}
		version = m.Version
		switch m.What() {
		case skill.MoveRetire:
			retired = true
		case skill.MovePromote, skill.MoveRollback, skill.MoveRestore:
			retired = false
		}
	}
	code := s.code[version]
	return evaluation.SkillFact{
		Name: s.head.Name, At: at, Versions: upTo(s.made, at), Cases: upTo(s.cases, at),
		Lines: code.Lines, Functions: code.Functions, Tools: code.Tools, Retired: retired,
	}, version > 0
}

// upTo counts the times that are not after at.
func upTo(times []time.Time, at time.Time) (n int) {
	for _, t := range times {
		if !t.After(at) {
			n++
		}
	}
	return n
}
