package skillstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
)

// AddGateReport implements Gates. At is set here if it is not given.
func (s *S3) AddGateReport(ctx context.Context, r skill.GateReport) (skill.GateReport, error) {
	if err := checkName(r.Name); err != nil {
		return skill.GateReport{}, err
	}
	if err := r.Check(); err != nil {
		return skill.GateReport{}, invalid("gate report of %s: %w", r.Name, err)
	}
	m, err := s.Version(ctx, r.Name, r.Candidate.Version)
	if err != nil {
		return skill.GateReport{}, fmt.Errorf("add gate report: %w", err)
	}
	if m.Digest != r.Candidate.Digest {
		return skill.GateReport{}, invalid("gate report of %s: candidate: version %d has the digest %.12s, not %.12s", r.Name, m.Version, m.Digest, r.Candidate.Digest)
	}
	if r.At.IsZero() {
		r.At = s.now()
	}
	_, err = s.objects.Create(ctx, gateKey(r.Name, r.Candidate.Version, r.ID), encode(r))
	if errors.Is(err, objectstore.ErrExists) {
		r, err = s.readGateReport(ctx, r.Name, gateRef{r.Candidate.Version, r.ID})
	}
	if err != nil {
		return skill.GateReport{}, fmt.Errorf("add gate report of %s: %w", r.Name, err)
	}
	return r, nil
}

// GateReports implements Gates.
func (s *S3) GateReports(ctx context.Context, name string) ([]skill.GateReport, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	listed, err := s.objects.List(ctx, versionsPrefix(name), "", 0)
	if err != nil {
		return nil, fmt.Errorf("list gate reports of %s: %w", name, err)
	}
	var refs []gateRef
	for _, o := range listed {
		if ref, ok := parseGateKey(strings.TrimPrefix(o.Key, versionsPrefix(name))); ok {
			refs = append(refs, ref)
		}
	}
	reports, err := each(ctx, refs, func(ctx context.Context, ref gateRef) (skill.GateReport, error) {
		return s.readGateReport(ctx, name, ref)
	})
	if err != nil {
		return nil, fmt.Errorf("read gate reports of %s: %w", name, err)
	}
	slices.SortFunc(reports, func(a, b skill.GateReport) int {
		return cmp.Or(cmp.Compare(a.Candidate.Version, b.Candidate.Version), a.At.Compare(b.At), strings.Compare(a.ID, b.ID))
	})
	return reports, nil
}

// gateRef says which report it is among those of a skill.
type gateRef struct {
	version int
	id      string
}

// parseGateKey reads <0001>/gate/<id>.json.
func parseGateKey(key string) (gateRef, bool) {
	number, rest, _ := strings.Cut(key, "/")
	file, inFolder := strings.CutPrefix(rest, gateFolder)
	id, isJSON := strings.CutSuffix(file, ".json")
	version, err := strconv.Atoi(number)
	return gateRef{version, id}, inFolder && isJSON && err == nil
}

func (s *S3) readGateReport(ctx context.Context, name string, ref gateRef) (skill.GateReport, error) {
	key := gateKey(name, ref.version, ref.id)
	obj, err := s.objects.GetImmutable(ctx, key)
	if err != nil {
		return skill.GateReport{}, err
	}
	var r skill.GateReport
	if err := decode(key, obj.Body, &r); err != nil {
		return skill.GateReport{}, err
	}
	if r.Name != name || r.ID != ref.id || r.Candidate.Version != ref.version {
		return skill.GateReport{}, fmt.Errorf("%s: %w: it is no report of this gate", key, ErrCorrupt)
	}
	return r, nil
}
