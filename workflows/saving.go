package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/run"
	"agentfactory/internal/skill"
)

// accepted is a finish that the review accepted, on its way to being released and saved.
type accepted struct {
	Step     string `json:"step"` // key of the step with the plan
	Saves    []save `json:"saves,omitempty"`
	Digest   string `json:"digest,omitempty"`   // of the plan
	Answer   string `json:"answer,omitempty"`   // its beginning
	Released string `json:"released,omitempty"` // by whom; "" until somebody did
}

// save is one skill of it, on its way into the library: a check for its case is written, what replaces another version is
// stored beside that and held against its past cases, a person releases it where that is asked for, and the head moves.
type save struct {
	Name      string                `json:"name"`
	Index     int                   `json:"index"`              // in the plan
	Replaces  string                `json:"replaces,omitempty"` // the skill whose current version it is to replace
	Parent    int                   `json:"parent,omitempty"`   // version that it was made from
	Checked   bool                  `json:"checked,omitempty"`
	Check     string                `json:"check,omitempty"` // key of the record of its case's check
	Candidate *activities.Candidate `json:"candidate,omitempty"`
	Gate      *GateResult           `json:"gate,omitempty"`
	Hold      string                `json:"hold,omitempty"` // why the version is only kept
	Saved     bool                  `json:"saved,omitempty"`
}

func (s *save) pending() bool   { return !s.Saved }
func (s *save) unchecked() bool { return !s.Saved && !s.Checked }

// ungated tells that it replaces a version and has not been held against its past.
func (s *save) ungated() bool {
	return !s.Saved && s.Replaces != "" && s.Hold == "" && s.Gate == nil && (s.Candidate == nil || !s.Candidate.Current)
}

// next is the first of the skills for which something is left to do.
func (a *accepted) next(left func(*save) bool) *save {
	i := slices.IndexFunc(a.Saves, func(s save) bool { return left(&s) })
	if i < 0 {
		return nil
	}
	return &a.Saves[i]
}

func (a *agent) accept(res activities.CallResult) {
	a.accepted = &accepted{Step: res.Step, Digest: res.Digest, Answer: res.Answer}
	for i, name := range res.Saves {
		a.accepted.Saves = append(a.accepted.Saves, save{Name: name, Index: i, Checked: !a.policy.Checks})
	}
	for _, r := range res.Replaces {
		a.accepted.Saves[r.Index].Replaces, a.accepted.Saves[r.Index].Parent = r.Skill, r.Parent
	}
}

// settle takes the accepted finish one action further.
func (a *agent) settle(ctx workflow.Context) error {
	if len(a.messages) > 0 && a.recallable() && !a.mustAsk() {
		a.tell(ctx, "goes back to work, as somebody had something to say")
		a.accepted = nil
		return nil
	}
	if s := a.accepted.next((*save).unchecked); s != nil {
		return a.check(ctx, s)
	}
	if s := a.accepted.next((*save).ungated); s != nil {
		return a.gate(ctx, s)
	}
	if a.mustAsk() {
		return a.ask(ctx)
	}
	return a.save(ctx, a.accepted.next((*save).pending))
}

// check has a check written for the case of a skill that is to be saved. A case without one asks for the same output.
func (a *agent) check(ctx workflow.Context, s *save) error {
	if reason := a.budget.BeforeCheck(a.usage); reason != "" {
		a.tell(ctx, fmt.Sprintf("no check is written for %s: %s", s.Name, reason))
		s.Checked = true
		return nil
	}
	a.phase(ctx, run.Checking, "write a check for the case of "+s.Name)
	var res activities.CheckResult
	in := activities.CheckInput{Step: a.accepted.Step, Index: s.Index, Remaining: a.remaining()}
	err := perform(ctx, a, sandboxRun, "write a check for "+s.Name, (*activities.Subagents).MakeCheck, in, &res)
	if err != nil {
		return err
	}
	a.usage = a.usage.Add(res.Usage)
	s.Checked, s.Check = true, res.Check
	if res.Kind == "" {
		a.tell(ctx, fmt.Sprintf("  no check for %s: %s", s.Name, res.Why))
		return nil
	}
	a.tell(ctx, fmt.Sprintf("  the case of %s has a check: %s", s.Name, res.Kind))
	return nil
}

// gate stores what is to replace a version beside it, and holds it against the past. What breaks a case goes back to the
// model with the reason, as long as the budget has rounds.
func (a *agent) gate(ctx workflow.Context, s *save) error {
	if s.Candidate == nil {
		return a.storeCandidate(ctx, s)
	}
	if reason := a.budget.BeforeRound(a.usage); reason != "" {
		return a.giveUp(ctx, s, "it was not held against its past cases: "+reason)
	}
	a.phase(ctx, run.Gating, fmt.Sprintf("hold %s version %d against its past", s.Name, s.Candidate.Version))
	res, err := a.runGate(ctx, s)
	if err != nil {
		return err
	}
	a.usage = a.usage.Add(res.Usage)
	a.usage.Rounds++
	a.tell(ctx, fmt.Sprintf("  %s version %d against version %d, %d cases: %s, %s", s.Name, s.Candidate.Version, res.Base.Version, res.Cases, res.Verdict, res.Why))
	s.Gate = &res
	switch {
	case res.Verdict == skill.GateFailed:
		return a.rejected(ctx, s)
	case res.Verdict == skill.GateInconclusive && !a.asksForPromotions(s):
		return a.giveUp(ctx, s, res.Why)
	}
	return nil
}

func (a *agent) storeCandidate(ctx workflow.Context, s *save) error {
	a.phase(ctx, run.Gating, "store the candidate "+s.Name)
	var c activities.Candidate
	in := activities.CandidateInput{Step: a.accepted.Step, Index: s.Index, Library: a.in.Library}
	err := perform(ctx, a, recordKeeping, "store the candidate "+s.Name, (*activities.Library).AddCandidate, in, &c)
	if err != nil {
		return err
	}
	s.Candidate = &c
	if c.Hold != "" {
		return a.giveUp(ctx, s, c.Hold)
	}
	return nil
}

// maxTold bounds what the model is told of a rejected candidate, in characters.
const maxTold = 4000

// rejected sends the run back to work with what the candidate broke. The version and the report stay in the library.
func (a *agent) rejected(ctx workflow.Context, s *save) error {
	if reason := a.budget.BeforeRound(a.usage); reason != "" {
		return a.giveUp(ctx, s, s.Gate.Why+", and "+reason)
	}
	told := fmt.Sprintf("Not saved: %s version %d is rejected: %s.\n%s\nRepair it so that it handles both, run it again, and call finish again.", s.Name, s.Candidate.Version, s.Gate.Why, s.Gate.Told)
	if s.Candidate.Base.Name == s.Name && s.Gate.Base.Version != s.Parent {
		told += fmt.Sprintf(" Another run made version %d meanwhile: view_subagent_code {\"skill_name\": %q} shows it; take over what it does.", s.Gate.Base.Version, s.Name)
	}
	a.note = clip(told, maxTold)
	a.accepted = nil
	return nil
}

// giveUp leaves the candidate beside the current version. A run whose task it is to repair the skill ends with that.
func (a *agent) giveUp(ctx workflow.Context, s *save, why string) error {
	a.tell(ctx, fmt.Sprintf("  %s is not replaced: %s", s.Replaces, why))
	s.Hold = why
	if a.evolves != "" && s.Replaces == a.evolves && s.Gate != nil && s.Gate.Verdict == skill.GateFailed {
		return exhausted(fmt.Sprintf("%s stays at version %d: %s", s.Replaces, s.Gate.Base.Version, why))
	}
	return nil
}

// save makes the next planned skill current. A base that moved since the gate sends it there once more.
func (a *agent) save(ctx workflow.Context, s *save) error {
	a.phase(ctx, run.Saving, "save skill "+s.Name)
	in := activities.SaveInput{Step: a.accepted.Step, Index: s.Index, Check: s.Check, Candidate: s.Candidate, Hold: s.Hold, Approved: a.released(), Library: a.in.Library}
	if s.Gate != nil {
		in.Gate, in.Note = s.Gate.Report, s.Gate.Why
	}
	var res activities.SaveResult
	err := perform(ctx, a, saving, "save skill "+s.Name, (*activities.Library).SaveSkill, in, &res)
	if err != nil {
		return err
	}
	if res.Moved {
		a.tell(ctx, fmt.Sprintf("%s has changed since the gate; it is held against the new version", s.Replaces))
		s.Candidate, s.Gate = nil, nil
		a.accepted.Released = "" // what was released is not what would be saved now
		return nil
	}
	s.Saved = true
	a.remember(res.SavedSkill)
	a.tell(ctx, savedLine(res.SavedSkill))
	return nil
}

// released is who released the replacements. A skill that is guarded in the live library is none of a person's in a copy of it.
func (a *agent) released() string {
	if a.in.Library != "" {
		return "nobody: a copy of the library, for an evaluation"
	}
	return a.accepted.Released
}

// remember adds a skill to the run's result; one that goes back to work and is saved again takes the place of the first.
func (a *agent) remember(saved run.SavedSkill) {
	same := func(s run.SavedSkill) bool { return s.Name == saved.Name && s.Version == saved.Version }
	a.skills = append(slices.DeleteFunc(a.skills, same), saved)
}

func savedLine(s run.SavedSkill) string {
	text := fmt.Sprintf("saved skill %s version %d", s.Name, s.Version)
	switch {
	case s.Version == 0:
		text = "could not save " + s.Name
	case !s.Promoted:
		text = fmt.Sprintf("kept %s version %d beside the current one", s.Name, s.Version)
	}
	return because(text, s.Note)
}

// shown is what a person reads of a skill before releasing it.
func (s *save) shown() string {
	switch {
	case s.Candidate == nil:
		return s.Name
	case s.Candidate.Version == 0:
		return fmt.Sprintf("%s, which is not saved: %s", s.Name, s.Hold)
	case s.Hold != "":
		return fmt.Sprintf("%s version %d, kept beside version %d: %s", s.Name, s.Candidate.Version, s.Candidate.Base.Version, s.Hold)
	case s.Gate == nil:
		return fmt.Sprintf("%s version %d", s.Name, s.Candidate.Version)
	}
	text := fmt.Sprintf("%s version %d in place of %s version %d: %s, %s", s.Name, s.Candidate.Version, s.Candidate.Base.Name, s.Candidate.Base.Version, s.Gate.Verdict, s.Gate.Why)
	if len(s.Candidate.More) > 0 {
		text += "; it needs more than that: " + strings.Join(s.Candidate.More, ", ")
	}
	return text
}

// identity is what an approval of it is bound to: the candidate by its content, and the head that it replaces.
func (s *save) identity() string {
	return strings.Join([]string{s.Name, s.Candidate.Digest, s.Candidate.Base.Digest, fmt.Sprint(s.Candidate.Base.Generation), s.Hold}, " ")
}
