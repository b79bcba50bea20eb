package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"agentfactory/internal/export"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// Exports makes and publishes artifacts of saved skills.
type Exports struct {
	Library export.Library
}

// PlanDeploy resolves names to versions, and formats to artifacts. A skill that cannot be exported is in Failed; a format that
// is not known ends the deployment.
func (x *Exports) PlanDeploy(ctx context.Context, in PlanDeployInput) (DeployPlan, error) {
	defer beat(ctx)()
	var plan DeployPlan
	for _, name := range in.Formats {
		f, err := export.FormatByName(name)
		if err != nil {
			return DeployPlan{}, invalid("formats: %v", err)
		}
		list := &plan.Alone
		if f.Many {
			list = &plan.Together
		}
		if !slices.Contains(*list, f.Name) { // langchain is the same wheel as python
			*list = append(*list, f.Name)
		}
	}
	err := x.resolve(ctx, in, &plan)
	if err != nil {
		return DeployPlan{}, failure("resolve the versions", err)
	}
	if len(plan.Skills) > in.Most {
		return DeployPlan{}, invalid("skills: there are %d; at most %d are exported at once", len(plan.Skills), in.Most)
	}
	return plan, nil
}

func (x *Exports) resolve(ctx context.Context, in PlanDeployInput, plan *DeployPlan) error {
	names := in.Skills
	if in.All {
		heads, err := x.Library.Skills.Recent(ctx, 0)
		if err != nil {
			return err
		}
		for _, h := range heads {
			if h.Trust == skill.Mature || in.AllowProvisional {
				names = append(names, h.Name)
			}
		}
	}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	for _, name := range names {
		v, refused, err := x.resolveOne(ctx, name, in.AllowProvisional)
		switch {
		case err != nil:
			return err
		case refused != "":
			plan.Failed = append(plan.Failed, FailedExport{Skill: VersionRef{Name: name}, Reason: refused})
		default:
			plan.Skills = append(plan.Skills, v)
		}
	}
	return nil
}

// resolveOne finds the version that NAME or NAME@VERSION means, or says why it is not exported.
func (x *Exports) resolveOne(ctx context.Context, asked string, allowProvisional bool) (v VersionRef, refused string, err error) {
	name, number, pinned := strings.Cut(asked, "@")
	version := 0
	if pinned {
		if version, err = strconv.Atoi(number); err != nil || version < 1 {
			return v, fmt.Sprintf("%q is no version: write NAME@NUMBER", number), nil
		}
	}
	head, err := x.Library.Skills.Head(ctx, name)
	switch {
	case errors.Is(err, skillstore.ErrUnknownSkill), errors.Is(err, skill.ErrInvalidName):
		return v, "the library has no skill of this name", nil
	case err != nil:
		return v, "", err
	case head.Tombstone != nil && !pinned:
		return v, "it was retired" + successor(head), nil
	case head.Trust != skill.Mature && !allowProvisional:
		return v, "it is provisional: it has not had three independent successes yet; allow_provisional exports it nevertheless", nil
	}
	if !pinned {
		version = head.Version
	}
	m, err := x.Library.Skills.Version(ctx, name, version)
	if errors.Is(err, skillstore.ErrUnknownVersion) || errors.Is(err, skillstore.ErrCorrupt) {
		return v, brief(err.Error()), nil
	}
	return VersionRef{Name: name, Version: version, Digest: m.Digest}, "", err
}

// MakeExport packs an artifact and stores its bytes, which are the same whenever it is made.
func (x *Exports) MakeExport(ctx context.Context, in MakeExportInput) (MadeExport, error) {
	defer beat(ctx)()
	_, a, err := makeExport(ctx, x.Library, in)
	if errors.Is(err, export.ErrRefused) || errors.Is(err, skillstore.ErrCorrupt) {
		return MadeExport{MakeExportInput: in, Refused: brief(err.Error())}, nil
	}
	if err != nil {
		return MadeExport{}, failure("pack "+in.Format, err)
	}
	digest, err := x.Library.Blobs.Put(ctx, a.Data)
	if err != nil {
		return MadeExport{}, failure("store "+a.File, err)
	}
	return MadeExport{MakeExportInput: in, File: a.File, SHA256: string(digest), Size: int64(len(a.Data))}, nil
}

// makeExport reads skills and packs them. Equal skills give equal bytes.
func makeExport(ctx context.Context, library export.Library, in MakeExportInput) ([]export.Skill, export.Artifact, error) {
	format, err := export.FormatByName(in.Format)
	if err != nil {
		return nil, export.Artifact{}, err
	}
	var skills []export.Skill
	for _, v := range in.Skills {
		s, err := library.Load(ctx, v.Name, v.Version)
		if err != nil {
			return nil, export.Artifact{}, fmt.Errorf("%s: %w", v.Name, err)
		}
		s.Python = in.Python[v.Name]
		skills = append(skills, s)
	}
	a, err := format.Make(skills, export.Options{Cases: !in.WithoutCases})
	return skills, a, err
}

// PublishExport puts an artifact under its key, and beside it what is known of it. Both are created once; the key holds the
// digest, so that what lies there is what was proved.
func (x *Exports) PublishExport(ctx context.Context, in PublishInput) (Artifact, error) {
	defer beat(ctx)()
	a := Artifact{
		Format: in.Made.Format, Skills: in.Made.Skills, File: in.Made.File, SHA256: in.Made.SHA256, Size: in.Made.Size, Proof: in.Proof,
		Key: exportKey(in.Made),
	}
	data, err := x.Library.Blobs.Get(ctx, objectstore.Digest(in.Made.SHA256))
	if err != nil {
		return Artifact{}, failure("read "+a.File, err)
	}
	record, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return Artifact{}, failure("describe "+a.File, err)
	}
	for key, body := range map[string][]byte{a.Key: data, a.Key + ".json": record} {
		if _, err := x.Library.Objects.Create(ctx, key, body); err != nil && !errors.Is(err, objectstore.ErrExists) {
			return Artifact{}, failure("publish "+a.File, err)
		}
	}
	return a, nil
}

// exportKey is where an artifact is published: by its skill, or for several by their digest.
func exportKey(m MadeExport) string {
	whose := fmt.Sprintf("%s/%04d", m.Skills[0].Name, m.Skills[0].Version)
	if len(m.Skills) > 1 {
		var names strings.Builder
		for _, v := range m.Skills {
			fmt.Fprintf(&names, "%s %s\n", v.Name, v.Digest)
		}
		whose = "sets/" + string(objectstore.DigestOf([]byte(names.String())))[:16]
	}
	return fmt.Sprintf("exports/%s/%s/%.12s/%s", whose, m.Format, m.SHA256, m.File)
}
