package export

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"agentfactory/internal/gateway"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// Skill is one version of a skill with all that an export is made of.
type Skill struct {
	Manifest skill.Manifest
	Trust    skill.Trust
	Document skill.Document // its SKILL.md
	// DocumentText is the SKILL.md as it was saved; nil: as Document renders.
	DocumentText []byte
	Code         map[string][]byte // by path as in the version; neither SKILL.md nor lock
	Declared     pyruntime.Metadata
	// Python is the oldest version on which the code runs, such as "3.10", where it does not declare one itself; "": nobody looked.
	Python string
	Lock   []byte // see skill.LockFile; nil: it needs no packages
	Cases  []Case // that later versions are held against, in the order of their IDs
	Gate   *skill.GateReport
}

// Case is a past query of a skill with what was answered then.
type Case struct {
	skill.Case
	Files  map[string][]byte // the inputs by path
	Answer string
	Calls  []gateway.Entry // the recorded calls of tools and models
}

// Library is where skills are read from.
type Library struct {
	Skills  skillstore.Store
	Blobs   *objectstore.Blobs
	Objects objectstore.Store
}

// ErrRetired: the skill is not part of the library any more.
var ErrRetired = errors.New("the skill was retired")

// Load reads a version of a skill, 0 for the current one. Errors are those of skillstore, and ErrRetired.
func (l Library) Load(ctx context.Context, name string, version int) (Skill, error) {
	head, err := l.Skills.Head(ctx, name)
	if err != nil {
		return Skill{}, err
	}
	if head.Tombstone != nil && version == 0 {
		return Skill{}, fmt.Errorf("%w: %s; name a version to export it in spite of that", ErrRetired, name)
	}
	if version == 0 {
		version = head.Version
	}
	s := Skill{Trust: head.Trust, Code: map[string][]byte{}}
	if s.Manifest, err = l.Skills.Version(ctx, name, version); err != nil {
		return Skill{}, err
	}
	if err := l.readFiles(ctx, &s); err != nil {
		return Skill{}, err
	}
	if s.Declared, err = pyruntime.Dependencies(s.Code[s.Manifest.EntryFile]); err != nil {
		return Skill{}, fmt.Errorf("%s: %w", s.Manifest.EntryFile, err)
	}
	if s.Gate, err = l.gateOf(ctx, s.Manifest); err != nil {
		return Skill{}, err
	}
	s.Cases, err = l.cases(ctx, name)
	return s, err
}

func (l Library) readFiles(ctx context.Context, s *Skill) error {
	for _, f := range s.Manifest.Files {
		data, err := l.Skills.File(ctx, s.Manifest.Name, s.Manifest.Version, f.Path)
		if err != nil {
			return err
		}
		switch f.Path {
		case skill.DocumentFile:
			if s.Document, err = skill.Parse(data); err != nil {
				return fmt.Errorf("%s: %w", f.Path, err)
			}
			s.DocumentText = data
		case skill.LockFile:
			s.Lock = data
		default:
			s.Code[f.Path] = data
		}
	}
	return nil
}

// gateOf is the latest report about a version that let it pass; nil if it replaced nothing.
func (l Library) gateOf(ctx context.Context, m skill.Manifest) (*skill.GateReport, error) {
	reports, err := l.Skills.GateReports(ctx, m.Name)
	if err != nil {
		return nil, err
	}
	for _, r := range slices.Backward(reports) {
		if r.Candidate.Digest == m.Digest {
			return &r, nil
		}
	}
	return nil, nil
}

func (l Library) cases(ctx context.Context, name string) ([]Case, error) {
	stored, err := l.Skills.Cases(ctx, name)
	if err != nil {
		return nil, err
	}
	var cases []Case
	for _, c := range stored {
		if c.Mark != nil && c.Mark.Dropped || c.Output == nil {
			continue
		}
		whole, err := l.readCase(ctx, c)
		if errors.Is(err, objectstore.ErrNotFound) {
			continue // a part of it is gone, so it proves nothing
		}
		if err != nil {
			return nil, fmt.Errorf("case %s: %w", c.ID, err)
		}
		cases = append(cases, whole)
	}
	return cases, nil
}

func (l Library) readCase(ctx context.Context, c skill.Case) (Case, error) {
	whole := Case{Case: c, Files: map[string][]byte{}}
	answer, err := l.Blobs.Get(ctx, objectstore.Digest(c.Output.Answer))
	if err != nil {
		return Case{}, err
	}
	whole.Answer = string(answer)
	for _, f := range c.Inputs {
		if whole.Files[f.Path], err = l.Blobs.Get(ctx, objectstore.Digest(f.Digest)); err != nil {
			return Case{}, err
		}
	}
	if c.Journal != "" {
		whole.Calls, err = gateway.NewJournal(l.Objects, c.Journal).Load(ctx)
	}
	return whole, err
}
