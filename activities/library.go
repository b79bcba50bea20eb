package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"agentfactory/internal/metaskill"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// Library reads the skill library for the meta-agent and saves what a run made.
type Library struct {
	Records *run.Records
	Blobs   *objectstore.Blobs
	Skills  skillstore.Store // the live library
	// Libraries opens those of evaluations.
	Libraries Libraries
	// VersionsPerDay is how many versions of one skill runs may make within 24 hours; what is more is kept beside the
	// current one.
	VersionsPerDay int
}

// Consult carries out the read-only meta skills, and answers calls that name no meta skill.
func (l *Library) Consult(ctx context.Context, in CallInput) (CallResult, error) {
	l, err := l.in(ctx, in.Library)
	if err != nil {
		return CallResult{}, err
	}
	k := caller{records: l.Records, blobs: l.Blobs}
	return k.carryOut(ctx, in, func(ctx context.Context, c *call) error {
		switch args := c.args.(type) {
		case metaskill.List:
			return l.list(ctx, c, args)
		case metaskill.Describe:
			return l.describe(ctx, c, args)
		case metaskill.View:
			return l.view(ctx, c, args)
		}
		return complain("%s cannot be answered from the library", c.name)
	})
}

const (
	defaultListed = 10
	mostListed    = 50
)

func (l *Library) list(ctx context.Context, c *call, args metaskill.List) error {
	limit := min(max(args.Limit, 0), mostListed)
	if limit == 0 {
		limit = defaultListed
	}
	heads, err := l.listed(ctx, c, args.Query, limit)
	if err != nil {
		return err
	}
	var lines []string
	for _, h := range heads {
		lines = append(lines, fmt.Sprintf("%s: %s", h.Name, h.Description))
	}
	text := "no saved skill found"
	if len(lines) > 0 {
		text = strings.Join(lines, "\n")
	}
	c.succeed(text, fmt.Sprintf("%d saved skills found", len(lines)))
	return nil
}

// listed are the skills that fit a query, or without one those that changed last.
func (l *Library) listed(ctx context.Context, c *call, query string, limit int) ([]skill.Head, error) {
	if strings.TrimSpace(query) == "" {
		return l.Skills.Recent(ctx, limit)
	}
	found, err := l.Skills.Search(ctx, query, limit)
	c.step.Usage.EmbeddingTokens += found.EmbeddingTokens
	var heads []skill.Head
	for _, h := range found.Hits {
		heads = append(heads, h.Head)
	}
	return heads, err
}

// describe answers for saved skills, and also for tool skills and meta skills, whose
// documentation models trained on the original system ask for.
func (l *Library) describe(ctx context.Context, c *call, args metaskill.Describe) error {
	if text, ok := c.method.Documentation(args.SkillName); ok {
		c.succeed(text, "read about "+args.SkillName)
		return nil
	}
	if c.method != metaskill.AgentFactory { // it has no library
		return complain("skill_name: there is no tool skill %.64q; the task message lists those that there are", args.SkillName)
	}
	head, err := l.head(ctx, args.SkillName)
	if err != nil {
		return err
	}
	text, err := l.Skills.File(ctx, head.Name, head.Version, skill.DocumentFile)
	if err != nil {
		return damaged(head.Name, err)
	}
	c.succeed(string(text), "read about "+head.Name)
	return nil
}

func (l *Library) view(ctx context.Context, c *call, args metaskill.View) error {
	head, err := l.head(ctx, args.SkillName)
	if err != nil {
		return err
	}
	number := args.Version
	if number == 0 {
		number = head.Version
	}
	version, err := l.Skills.Version(ctx, head.Name, number)
	if errors.Is(err, skillstore.ErrUnknownVersion) {
		return complain("version: %s has no version %d; the current one is %d", head.Name, number, head.Version)
	}
	if err != nil {
		return damaged(head.Name, err)
	}
	code, err := codeOf(ctx, l.Skills, version)
	if err != nil {
		return damaged(head.Name, err)
	}
	c.succeed(code, fmt.Sprintf("read the code of %s version %d", head.Name, number))
	return nil
}

// damaged makes a complaint of a record that cannot be read: the model can do without the skill, and people are told by
// whoever changes it next.
func damaged(name string, err error) error {
	if errors.Is(err, skillstore.ErrCorrupt) {
		return complain("skill_name: the library's record of %s is damaged; do without it", name)
	}
	return err
}

func (l *Library) head(ctx context.Context, wanted string) (skill.Head, error) {
	name, err := skill.NormalizeName(wanted)
	if err != nil {
		return skill.Head{}, complain("skill_name: %v", err)
	}
	head, err := l.Skills.Head(ctx, name)
	if errors.Is(err, skillstore.ErrUnknownSkill) {
		return skill.Head{}, complain("skill_name: the library has no skill %s; search it with list_saved_subagents", name)
	}
	return head, damaged(name, err)
}
