package run

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"agentfactory/internal/llm"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
	"agentfactory/internal/workspace"
)

// Opening is turn 0: what the first activity resolved once for the whole run, and
// the messages that open the conversation. It never changes, so a run that goes on
// for days keeps its model, its limits and its prompt.
type Opening struct {
	Task             string   `json:"task,omitempty"` // as it was given; empty in old records
	Model            string   `json:"model"`
	SubagentModel    string   `json:"subagent_model"`
	ContextWindow    int      `json:"context_window"`    // tokens
	MaxOutputTokens  int      `json:"max_output_tokens"` // tokens of one reply
	PromptDigest     string   `json:"prompt_digest"`     // SHA-256 of the system prompt
	SchemaDigest     string   `json:"schema_digest"`     // SHA-256 of the meta skills' schemas
	SuggestedSkills  []string `json:"suggested_skills,omitempty"`
	Evolves          string   `json:"evolves,omitempty"` // the saved skill that the run is to repair
	Method           string   `json:"method,omitempty"`  // react or textual; "": the meta-agent
	Lessons          []Lesson `json:"lessons,omitempty"` // that the first message holds
	InitialWorkspace string   `json:"initial_workspace"` // key of step 0
}

// Turn is one completed model call. It is immutable, and its existence on S3 is
// what makes the call completed: it is never paid for again.
type Turn struct {
	Number        int           `json:"number"`
	Parent        string        `json:"parent,omitempty"` // key of the turn before; "" for the opening
	RequestDigest string        `json:"request_digest,omitempty"`
	Opening       *Opening      `json:"opening,omitempty"` // turn 0 only
	Added         []llm.Message `json:"added"`             // what was said since the parent's reply
	Reply         llm.Message   `json:"reply"`             // empty in the opening
	FinishReason  string        `json:"finish_reason,omitempty"`
	Usage         llm.Usage     `json:"usage"`
	ShortenBefore int           `json:"shorten_before,omitempty"` // observations of turns below this one were sent shortened
	At            time.Time     `json:"at"`
	Seconds       float64       `json:"seconds"`
}

// Step is one carried-out meta skill call: what the meta-agent is told, and the
// workspace as it stood afterwards.
type Step struct {
	Number      int        `json:"number"`
	Turn        string     `json:"turn,omitempty"` // key of the turn that asked
	CallID      string     `json:"call_id,omitempty"`
	Tool        string     `json:"tool,omitempty"`
	Amended     string     `json:"amended,omitempty"` // arguments that a person put in place of the model's
	OK          bool       `json:"ok"`
	Observation string     `json:"observation"`                // what the meta-agent reads
	Full        string     `json:"full_observation,omitempty"` // blob key of the whole text, when it was cut
	Changed     bool       `json:"changed"`                    // Workspace is set
	Workspace   *Workspace `json:"workspace,omitempty"`
	Review      *Review    `json:"review,omitempty"` // finish only
	Plan        *Plan      `json:"plan,omitempty"`   // an accepted finish
	Skill       string     `json:"skill,omitempty"`  // saved skill that was run, as saved or changed
	Lesson      *Lesson    `json:"lesson,omitempty"` // that was saved
	Usage       Usage      `json:"usage"`
	Summary     string     `json:"summary"` // one line for the story
	At          time.Time  `json:"at"`
	Seconds     float64    `json:"seconds"`
}

// Review is what became of a finish call.
type Review struct {
	Accepted bool `json:"accepted"`
	Advised  bool `json:"advised"` // advice was given that is given only once
}

// Workspace is the state of a run's files.
type Workspace struct {
	Files     workspace.Manifest  `json:"files"`
	Inputs    workspace.Manifest  `json:"inputs"`    // as the user gave them
	Subagents map[string]Subagent `json:"subagents"` // by entry file
}

// Subagent is one Python module with main(query) in the workspace.
type Subagent struct {
	SkillName string   `json:"skill_name"`
	Tools     []string `json:"tools,omitempty"` // tool skills it was given
	// Lock are the packages that it ran with when it last succeeded, or was saved: the digest of the text; empty: none.
	Lock        objectstore.Digest `json:"lock,omitempty"`
	From        *Origin            `json:"from,omitempty"` // the saved skill that it is a copy of; nil: made in this run
	LastSuccess *Success           `json:"last_success,omitempty"`
	AsSaved     *Attempt           `json:"as_saved,omitempty"` // the latest run of a saved skill before anybody changed it
}

// Attempt is a run of a saved skill as it was saved, whatever came of it.
type Attempt struct {
	Step  string `json:"step"` // key; its observation tells what came of it
	Query string `json:"query"`
	OK    bool   `json:"ok"` // it returned an answer
}

// Origin is the version of a saved skill from which a copy in the workspace was made.
type Origin struct {
	Version    int                `json:"version"`
	Generation int64              `json:"generation"` // of the head at that time
	Files      workspace.Manifest `json:"files"`      // as copied, paths in the workspace
}

// Success is a subagent run that returned an answer.
type Success struct {
	Query   string             `json:"query"`
	Code    workspace.Manifest `json:"code"` // the Python files as they were when it ran
	Output  *Output            `json:"output,omitempty"`
	Alone   bool               `json:"alone,omitempty"` // nothing lay there but code and the inputs as they were given
	Journal string             `json:"journal"`         // key prefix of its gateway calls
	Seconds float64            `json:"seconds,omitempty"`
	Tokens  int64              `json:"tokens,omitempty"` // output tokens of its own model calls
}

// Plan is what an accepted finish will save.
type Plan struct {
	Answer string        `json:"answer"`
	Skills []PlannedSave `json:"skills"`
}

// Digest identifies what a person decides about: the answer and what would be saved, as
// 16 hexadecimal digits. Where the plan was made does not matter.
func (p Plan) Digest() string {
	p.Skills = slices.Clone(p.Skills)
	for i := range p.Skills {
		p.Skills[i].Journal, p.Skills[i].Output = "", nil
	}
	raw, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("encode a plan: %v", err)) // strings and numbers always encode
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}

// Output is what a subagent run answered and left.
type Output struct {
	Answer  workspace.File     `json:"answer"` // its text as a blob; no path
	Summary string             `json:"summary,omitempty"`
	Files   workspace.Manifest `json:"files"` // that it made or changed
}

// PlannedSave is one skill to be saved: everything the library needs, by reference.
type PlannedSave struct {
	Name           string             `json:"name"`
	Description    string             `json:"description"`
	EntryFile      string             `json:"entry_file"`          // relative to the skill
	Interface      string             `json:"interface,omitempty"` // what its code says of the query that it takes
	Tools          []string           `json:"tools,omitempty"`
	Permissions    *skill.Permissions `json:"permissions,omitempty"` // what it was seen to need
	Files          workspace.Manifest `json:"files"`                 // paths relative to the skill
	Lock           objectstore.Digest `json:"lock,omitempty"`        // the text of its skill.LockFile; empty: it has none
	ParentVersion  int                `json:"parent_version,omitempty"`
	BaseGeneration int64              `json:"base_generation,omitempty"` // of the head that it replaces; 0: a new skill
	Supersedes     string             `json:"supersedes,omitempty"`
	Query          string             `json:"query"` // of the case
	Journal        string             `json:"journal"`
	Output         *Output            `json:"output,omitempty"` // of the rerun in a clean workspace
	Inputs         workspace.Manifest `json:"inputs"`
}

// Replaces names the skill whose current version it is to replace; "" for a new skill.
func (p PlannedSave) Replaces() string {
	if p.Supersedes != "" || p.ParentVersion == 0 {
		return p.Supersedes
	}
	return p.Name
}
