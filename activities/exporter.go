package activities

import (
	"context"
	"errors"
	"fmt"

	"agentfactory/internal/export"
	"agentfactory/internal/export/check"
	"agentfactory/internal/export/proof"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// Exporter looks at skills and runs artifacts in the sandbox, before anything is published.
type Exporter struct {
	Library export.Library
	Checker *check.Checker
	Prover  *proof.Prover
}

// maxFindings is how many findings a check tells of.
const maxFindings = 20

// CheckExport looks at the code of a version without running it.
func (x *Exporter) CheckExport(ctx context.Context, v VersionRef) (ExportCheck, error) {
	defer beat(ctx)()
	s, err := x.Library.Load(ctx, v.Name, v.Version)
	if errors.Is(err, skillstore.ErrCorrupt) {
		return ExportCheck{Errors: []string{brief(err.Error())}}, nil
	}
	if err != nil {
		return ExportCheck{}, failure("read "+v.Name, err)
	}
	report, err := x.Checker.Check(ctx, s)
	var missing *pyruntime.IndexError
	if errors.As(err, &missing) && !missing.Passing { // without the linters nobody has looked
		return ExportCheck{Errors: []string{brief(err.Error())}}, nil
	}
	if err != nil {
		return ExportCheck{}, failure("check "+v.Name, err)
	}
	res := ExportCheck{Python: report.Python}
	for i, f := range report.Findings {
		switch {
		case i == maxFindings:
			res.Warnings = append(res.Warnings, fmt.Sprintf("there are %d more findings", len(report.Findings)-i))
			return res, nil
		case f.Severity == check.Error:
			res.Errors = append(res.Errors, f.String())
		default:
			res.Warnings = append(res.Warnings, f.String())
		}
	}
	return res, nil
}

// ProveExport runs an artifact on the past cases of each skill in it. It is made anew, byte for byte.
func (x *Exporter) ProveExport(ctx context.Context, in MadeExport) (ExportProof, error) {
	defer beat(ctx)()
	skills, a, err := makeExport(ctx, x.Library, in.MakeExportInput)
	if err != nil {
		return ExportProof{}, failure("pack "+in.File, err)
	}
	if made := objectstore.DigestOf(a.Data); string(made) != in.SHA256 {
		return ExportProof{Outcome: ExportFailed, Why: "its skill got another case or mark while it was exported; deploy it again"}, nil
	}
	if len(a.Programs) == 0 {
		return ExportProof{Outcome: ExportIsText}, nil
	}
	p := ExportProof{Outcome: ExportProved}
	for _, s := range skills {
		report, err := x.Prover.Prove(ctx, a.Tree, a.Programs[s.Manifest.Name], s)
		if err != nil {
			return ExportProof{}, failure("prove "+in.File, err)
		}
		p.add(report, len(skills) > 1)
	}
	return p, nil
}

// add counts the cases of one skill; the worst outcome of all skills is that of the artifact.
func (p *ExportProof) add(r proof.Report, several bool) {
	for _, c := range r.Cases {
		p.Cases++
		if c.Result != skill.CaseUnknown {
			p.Told++
		}
		if c.Result == skill.CasePassed {
			p.Passed++
		}
	}
	outcome := ProofOutcome(r.Outcome)
	if outcome == ExportProved || p.Outcome == ExportFailed || p.Outcome == outcome {
		return
	}
	p.Outcome, p.Why = outcome, brief(r.Why)
	if several {
		p.Why = r.Skill + ": " + p.Why
	}
}
