package evaluation

// Comparison is what changed from evaluation A to evaluation B.
type Comparison struct {
	A        string             `json:"a"` // ID
	B        string             `json:"b"`
	Verdict  Change             `json:"verdict"`
	Reason   string             `json:"reason"`            // one line
	Notes    []string           `json:"notes,omitempty"`   // what limits the comparison
	Common   int                `json:"common"`            // tasks that are compared
	New      []string           `json:"new,omitempty"`     // tasks that only B has
	Missing  []string           `json:"missing,omitempty"` // tasks that only A has
	Altered  []string           `json:"altered,omitempty"` // tasks that are not the same in both, and so not compared
	Methods  []MethodComparison `json:"methods"`           // methods that both have
	Repeated bool               `json:"repeated"`          // both ran each task more than once, so that chance can be told
}

// Change is the verdict of a comparison.
type Change string

const (
	Better       Change = "better"
	Worse        Change = "worse"
	Same         Change = "same"
	MixedChange  Change = "mixed"        // better in some, worse in others
	Incomparable Change = "incomparable" // no task or no method in common
)

// MethodComparison is what changed for one method over the common tasks.
type MethodComparison struct {
	Method  string     `json:"method"`
	Verdict Change     `json:"verdict"`
	Reason  string     `json:"reason"`
	Flips   []Flip     `json:"flips,omitempty"`
	Success Difference `json:"success"` // share of the graded repeats of a task that passed, 0 to 1
	Tokens  Difference `json:"tokens"`  // orchestration output tokens per task
	Cost    Difference `json:"cost"`    // USD per task
}

// Flip is a task whose verdict changed.
type Flip struct {
	Task   string  `json:"task"`
	Batch  string  `json:"batch,omitempty"`
	To     Verdict `json:"to"` // passed or failed
	A      string  `json:"a"`  // such as "3 of 3 passed"
	B      string  `json:"b"`
	Flaky  bool    `json:"flaky,omitempty"`  // its repeats disagree among themselves, so that chance may explain it
	Reason string  `json:"reason,omitempty"` // why it fails in B
}

// Difference is B minus A, over tasks that ran in both.
type Difference struct {
	A           float64   `json:"a"` // mean
	B           float64   `json:"b"`
	Percent     float64   `json:"percent"`            // of A; negative: it fell
	Interval    *Interval `json:"interval,omitempty"` // of the difference, paired by task
	Significant bool      `json:"significant"`
	Tasks       int       `json:"tasks"`
}
