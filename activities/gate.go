package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// Gates holds candidate versions against the past of their skill.
type Gates struct {
	Skills skillstore.Store // the live library
	// Libraries opens those of evaluations.
	Libraries Libraries
	Models    Models
}

// OpenGate resolves which versions are compared and on which cases.
func (g *Gates) OpenGate(ctx context.Context, in OpenGateInput) (OpenGateResult, error) {
	defer beat(ctx)()
	g, err := g.in(ctx, in.Library)
	if err != nil {
		return OpenGateResult{}, err
	}
	res, err := g.open(ctx, in)
	switch {
	case errors.Is(err, skillstore.ErrUnknownSkill), errors.Is(err, skillstore.ErrUnknownVersion), errors.Is(err, skill.ErrInvalidName):
		return OpenGateResult{}, invalid("skill, version: %v", err)
	case err != nil:
		return OpenGateResult{}, failure("open the gate of "+in.Skill, err)
	}
	return res, nil
}

func (g *Gates) open(ctx context.Context, in OpenGateInput) (OpenGateResult, error) {
	candidate, err := g.Skills.Version(ctx, in.Skill, in.Version)
	if err != nil {
		return OpenGateResult{}, err
	}
	base := in.Base
	if base == nil {
		head, err := g.Skills.Head(ctx, in.Skill)
		if err != nil {
			return OpenGateResult{}, err
		}
		base = &Base{VersionRef{head.Name, head.Version, head.VersionDigest}, head.Generation}
	}
	settings, err := g.Models.Resolve(in.Model)
	if err != nil {
		return OpenGateResult{}, err
	}
	cases, err := g.Skills.Cases(ctx, base.Name)
	if err != nil {
		return OpenGateResult{}, err
	}
	res := OpenGateResult{Candidate: VersionRef{in.Skill, in.Version, candidate.Digest}, Base: *base, Cases: []Chosen{}, Model: or(in.Model, settings.SubagentModel)}
	chosen, sampled := skill.Sample(cases, in.Cases, candidate.Digest)
	for _, c := range chosen {
		res.Cases = append(res.Cases, Chosen{Case: c.ID, Keep: c.Mark != nil && c.Mark.Keep})
	}
	res.Sampled = sampled
	return res, nil
}

// CloseGate decides and keeps the report with the candidate, whatever it says. Repeating it changes nothing.
func (g *Gates) CloseGate(ctx context.Context, in CloseGateInput) (GateVerdict, error) {
	defer beat(ctx)()
	g, err := g.in(ctx, in.Library)
	if err != nil {
		return GateVerdict{}, err
	}
	exec := activity.GetInfo(ctx).WorkflowExecution
	r := skill.GateReport{
		ID:        "gate-" + string(objectstore.DigestOf([]byte(exec.ID + "/" + exec.RunID)))[:16],
		Name:      in.Gate.Candidate.Name,
		Candidate: skill.GateVersion{Version: in.Gate.Candidate.Version, Digest: in.Gate.Candidate.Digest},
		Base: skill.GateBase{
			GateVersion: skill.GateVersion{Version: in.Gate.Base.Version, Digest: in.Gate.Base.Digest}, Generation: in.Gate.Base.Generation,
		},
		Sampled: in.Gate.Sampled, CostUSD: in.Usage.CostUSD, Tokens: in.Usage.SubagentOutputTokens + in.Usage.CheckOutputTokens, Seconds: in.Seconds,
		RunIDs: []string{exec.RunID}, At: time.Now().UTC(),
	}
	if in.Gate.Base.Name != in.Gate.Candidate.Name {
		r.Base.Name = in.Gate.Base.Name
	}
	r.Decide(in.Cases)
	kept, err := g.Skills.AddGateReport(ctx, r)
	if err != nil {
		return GateVerdict{}, failure("keep the gate's report", err)
	}
	return GateVerdict{Report: kept.ID, Verdict: kept.Verdict, Why: kept.Why}, nil
}
