package evaluation

// Task is one line of a tasks file.
type Task struct {
	ID        string `json:"id"`                 // unique in the file; given by the line when left out
	Batch     string `json:"batch,omitempty"`    // the name of the file when left out
	Category  string `json:"category,omitempty"` // free
	Task      string `json:"task"`               // in plain words, at most MaxTask bytes
	Files     []File `json:"files,omitempty"`    // that the task comes with
	Reference string `json:"reference,omitempty"`
	Check     *Check `json:"check,omitempty"`
}

// File is an input file of a task. Exactly one of Text, Base64, Key and File is set; what uploads the tasks replaces
// File by Key. A file without content, that has only a path, is empty.
type File struct {
	Path   string `json:"path"`             // where the run finds it, relative to its workspace
	Text   string `json:"text,omitempty"`   // UTF-8 content
	Base64 string `json:"base64,omitempty"` // binary content
	Key    string `json:"key,omitempty"`    // S3 key of the content
	File   string `json:"file,omitempty"`   // local path, relative to the tasks file
}

// Check says how an answer is graded. Exactly one field is set. A task with only a reference is graded by a judge that
// is shown the reference; one with a rubric too may have a reference; one with neither is run and not checked.
type Check struct {
	Script     string `json:"script,omitempty"`      // Python that defines check(query, answer) and raises AssertionError
	ScriptFile string `json:"script_file,omitempty"` // local path of such a script, relative to the tasks file
	Rubric     string `json:"rubric,omitempty"`      // what a judge has to look for
}
