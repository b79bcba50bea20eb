// Package run holds the words of one run: what it may spend, what it spent, how it
// ended, and the records that it leaves on S3 (turns, steps, the result). The
// workflows pass references to these records, the activities read and write them,
// and the command line shows them. It imports only the domain types it is made of
// and knows nothing of Temporal.
package run

import "time"

// Outcome says how a run ended. A run that failed or was cancelled has it in its
// result.json; Temporal shows the same ending as its own status.
type Outcome string

const (
	Completed       Outcome = "completed"        // finish was accepted
	BudgetExhausted Outcome = "budget_exhausted" // a budget ran out; everything made so far is kept
	Rejected        Outcome = "rejected"         // a person rejected what was to be finished or saved
	Failed          Outcome = "failed"           // the run could not go on; the workflow fails too
	Cancelled       Outcome = "cancelled"        // a person or a parent cancelled it

	// What only Temporal knows, because the run did not live to see it; there is no result.json.
	Terminated Outcome = "terminated" // somebody ended it without letting it close
	TimedOut   Outcome = "timed_out"  // its workflow timeout, set by whoever started it, was over
)

// InputFile is a file that the user hands in with the task. Exactly one of Text,
// Base64 and Key is set; Key names an object under blobs/sha256/ that was uploaded first.
type InputFile struct {
	Path   string `json:"path"`             // relative to the workspace, forward slashes
	Text   string `json:"text,omitempty"`   // UTF-8 content
	Base64 string `json:"base64,omitempty"` // binary content
	Key    string `json:"key,omitempty"`    // S3 key of the content
}

// OutputFile is a file that a run left and that is neither an input nor code.
type OutputFile struct {
	Path string `json:"path"`
	Key  string `json:"key"`  // S3 key of its content; whoever needs a URL signs one
	Size int64  `json:"size"` // bytes
}

// Candidate is a saved skill that was offered to a run.
type Candidate struct {
	Name    string  `json:"name"`
	Version int     `json:"version"`
	Score   float64 `json:"score"` // how well it fits the task, up to 1
}

// Choice says in a word what a run did about the library.
type Choice string

const (
	Reused  Choice = "reused"  // saved skills solved the task as they are
	Evolved Choice = "evolved" // saved skills fell short and got new versions
	Built   Choice = "built"   // new skills
	Mixed   Choice = "mixed"   // several of these
	Neither Choice = "neither" // no saved skill was run, and none was saved
)

// Decision is what a run made of the library, and why.
type Decision struct {
	Choice  Choice      `json:"choice"`
	Reason  string      `json:"reason"` // one line
	Offered []Candidate `json:"offered"`
}

// SavedSkill is a skill that a run added to the library.
type SavedSkill struct {
	Name     string `json:"name"`
	Version  int    `json:"version"`
	Parent   int    `json:"parent,omitempty"` // version that this one was made from; 0: a new skill
	Promoted bool   `json:"promoted"`         // false: the version is stored, the head stayed where it was
	Gate     string `json:"gate,omitempty"`   // ID of the report of the gate that it was held against, kept with the version
	Note     string `json:"note,omitempty"`   // how it did there, why it was renamed or not promoted
}

// Lesson is a saved lesson of a task, in the library of the run.
type Lesson struct {
	Key   string `json:"key"`
	Title string `json:"title"`
}

// Result is what Install returns and what result.json holds.
type Result struct {
	WorkflowID string       `json:"workflow_id"`
	RunID      string       `json:"run_id"`
	Outcome    Outcome      `json:"outcome"`
	Reason     string       `json:"reason,omitempty"` // one line, for every outcome but completed
	Answer     string       `json:"answer"`
	Turns      int          `json:"turns"`
	Usage      Usage        `json:"usage"`
	Skills     []SavedSkill `json:"skills"`
	SkillsUsed []string     `json:"skills_used,omitempty"` // saved skills that were run
	Decision   *Decision    `json:"decision,omitempty"`    // of runs that completed: what was made of the library
	Library    string       `json:"library,omitempty"`     // of an evaluation, in which the run worked; "": the live one
	Method     string       `json:"method,omitempty"`      // react or textual; "": AgentFactory
	Lesson     *Lesson      `json:"lesson,omitempty"`      // textual: what the run left for later ones
	// LessonsOffered are the keys of the lessons that the run began with.
	LessonsOffered []string     `json:"lessons_offered,omitempty"`
	Files          []OutputFile `json:"files"`
	Model          string       `json:"model,omitempty"`
	Transcript     string       `json:"transcript,omitempty"` // key of the last turn; each turn names its parent
	Workspace      string       `json:"workspace,omitempty"`  // key of the last step that changed the workspace
	FinishedAt     time.Time    `json:"finished_at"`
}

// Event is one line of a run's story, for people who watch it.
type Event struct {
	Seq  int       `json:"seq"` // rises by one; gaps mean that older lines were dropped
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// Phase says what a run is doing.
type Phase string

const (
	Starting          Phase = "starting"
	Thinking          Phase = "thinking"
	Acting            Phase = "acting"
	Reviewing         Phase = "reviewing"
	Checking          Phase = "checking" // a check for the new case is written
	Gating            Phase = "gating"   // a candidate is held against past cases
	Saving            Phase = "saving"
	Finished          Phase = "finished"
	Paused            Phase = "paused"
	WaitingForModel   Phase = "waiting_for_model"
	WaitingForStorage Phase = "waiting_for_storage"
	WaitingForSandbox Phase = "waiting_for_sandbox"
	WaitingForWorker  Phase = "waiting_for_worker" // workers die or hang before they are done

	WaitingForApproval Phase = "waiting_for_approval"
)

// Waiting reports whether nothing is being done in this phase.
func (p Phase) Waiting() bool {
	switch p {
	case Paused, WaitingForModel, WaitingForStorage, WaitingForSandbox, WaitingForWorker, WaitingForApproval:
		return true
	}
	return false
}

// Status answers the query "status".
type Status struct {
	Phase      Phase        `json:"phase"`
	Paused     bool         `json:"paused"` // nothing new begins until somebody resumes the run
	Turn       int          `json:"turn"`
	Action     string       `json:"action,omitempty"`    // what is being done right now
	WaitsFor   string       `json:"waits_for,omitempty"` // why nothing is being done, one line
	Approval   *Approval    `json:"approval,omitempty"`  // what a person has to decide about
	Next       []NextCall   `json:"next"`                // calls of the turn that come next; none: a model call does
	Model      string       `json:"model,omitempty"`
	Budget     Budget       `json:"budget"`
	Usage      Usage        `json:"usage"`
	Skills     []SavedSkill `json:"skills"`
	SkillsUsed []string     `json:"skills_used,omitempty"` // saved skills that were run
	Outcome    Outcome      `json:"outcome,omitempty"`
	TurnKey    string       `json:"turn_key,omitempty"` // of the last turn, where the transcript ends
	Events     []Event      `json:"events"`             // the latest ones
}

// Approval is what waits for a person.
type Approval struct {
	ApprovalID string   `json:"approval_id"`      // digest of what is shown; the decision names it
	Kind       string   `json:"kind"`             // finish, save, promotion or policy
	Answer     string   `json:"answer"`           // its beginning; of the kind policy the call
	Skills     []string `json:"skills,omitempty"` // that are saved with it, those that replace a version with how they did at the gate
	Step       string   `json:"step,omitempty"`   // key of the step whose plan has all of it
}

// NextCall is a meta skill call that has not been carried out yet.
type NextCall struct {
	CallID  string `json:"call_id"`
	Tool    string `json:"tool"`
	Hint    string `json:"hint,omitempty"`
	Amended bool   `json:"amended,omitempty"` // a person replaced its arguments
}
