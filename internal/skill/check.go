package skill

// Check decides whether an output for a case is as good as the recorded one. It was kept because it passed the recorded
// output and failed an empty and a perturbed one. A case without a check asks for the same output.
type Check struct {
	Kind   CheckKind `json:"kind"`
	Source string    `json:"source,omitempty"` // of a script: a Python module with check(query, answer), which raises what is wrong
	Task   string    `json:"task,omitempty"`   // for a judge: the task in which the case arose
	Model  string    `json:"model,omitempty"`  // that wrote the script, or judges
	Proof  []Proof   `json:"proof,omitempty"`
}

// CheckKind says who decides.
type CheckKind string

// A script decides by itself, a judge is a model that is asked each time the output is another.
const (
	CheckScript CheckKind = "script"
	CheckJudge  CheckKind = "judge"
)

// Proof is what a check said of an output when it was made.
type Proof struct {
	Output string `json:"output"` // recorded, empty or perturbed
	Passed bool   `json:"passed"`
	Reason string `json:"reason,omitempty"`
}
