package activities

// PlanDeployInput asks which versions are exported, and in which artifacts.
type PlanDeployInput struct {
	Skills           []string `json:"skills,omitempty"` // names, or NAME@VERSION
	All              bool     `json:"all,omitempty"`
	Formats          []string `json:"formats"`
	AllowProvisional bool     `json:"allow_provisional,omitempty"`
	Most             int      `json:"most"` // more skills than that are refused
}

// DeployPlan is the answer.
type DeployPlan struct {
	Skills   []VersionRef   `json:"skills"`             // in the order of their names
	Alone    []string       `json:"alone,omitempty"`    // formats with an artifact for each skill
	Together []string       `json:"together,omitempty"` // formats with one for all of them
	Failed   []FailedExport `json:"failed,omitempty"`
}

// FailedExport says why a skill was not exported; Format is empty when it was in none.
type FailedExport struct {
	Skill  VersionRef `json:"skill"`
	Format string     `json:"format,omitempty"`
	Reason string     `json:"reason"`
}

// ExportCheck is what the static checks say of a skill, a line each: FILE:LINE: what and why. An error keeps it from being
// exported.
type ExportCheck struct {
	Python   string   `json:"python,omitempty"` // the oldest version that it runs on, such as 3.9
	Errors   []string `json:"errors,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// MakeExportInput asks for an artifact.
type MakeExportInput struct {
	Format       string       `json:"format"`
	Skills       []VersionRef `json:"skills"`
	WithoutCases bool         `json:"without_cases,omitempty"`
	// Python are the oldest versions on which the skills run, by name, as ExportCheck found them.
	Python map[string]string `json:"python,omitempty"`
}

// MadeExport is an artifact that lies in the blob store and is not published yet.
type MadeExport struct {
	MakeExportInput
	File    string `json:"file,omitempty"`    // its name, without directory
	SHA256  string `json:"sha256,omitempty"`  // hexadecimal, of its bytes, under which they are stored
	Size    int64  `json:"size,omitempty"`    // bytes
	Refused string `json:"refused,omitempty"` // why it cannot be made; the rest is empty then
}

// ExportProof is what came of running an artifact on past cases.
type ExportProof struct {
	Outcome ProofOutcome `json:"outcome"`
	Passed  int          `json:"passed"`        // cases
	Told    int          `json:"told"`          // cases that could tell
	Cases   int          `json:"cases"`         // tried
	Why     string       `json:"why,omitempty"` // of an outcome other than proved, in a line
}

// ProofOutcome is what the cases together say.
type ProofOutcome string

// The outcomes. A prompt is text that nobody runs.
const (
	ExportProved   ProofOutcome = "proved"
	ExportFailed   ProofOutcome = "failed"
	ExportUnproved ProofOutcome = "unproved"
	ExportIsText   ProofOutcome = "text"
)

// PublishInput asks for an artifact to be published.
type PublishInput struct {
	Made  MadeExport  `json:"made"`
	Proof ExportProof `json:"proof"`
}

// Artifact is a published export.
type Artifact struct {
	Format string       `json:"format"`
	Skills []VersionRef `json:"skills"`
	File   string       `json:"file"`
	Key    string       `json:"key"`    // of the object that holds it; its bytes never change
	SHA256 string       `json:"sha256"` // hexadecimal
	Size   int64        `json:"size"`   // bytes
	Proof  ExportProof  `json:"proof"`
}
