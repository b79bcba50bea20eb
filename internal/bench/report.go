package bench

import "time"

// Report is what a load came to. Times are in milliseconds unless they say otherwise, sizes in bytes.
type Report struct {
	Scripted  bool      `json:"scripted"` // always: no figure says anything about a model
	Version   string    `json:"version"`  // of the command
	StartedAt time.Time `json:"started_at"`
	Machine   Machine   `json:"machine"`
	Load      Load      `json:"load"`
	Setup     Setup     `json:"setup"`

	Interrupted bool     `json:"interrupted"`      // nothing was begun after that
	Troubles    []string `json:"troubles"`         // what could not be measured, and why
	Runs        Counts   `json:"runs"`             // measured ones; those of the warm-up are not counted
	Failures    []Reason `json:"failures"`         // of runs that did not complete
	Seconds     float64  `json:"seconds"`          // from the first start to the last end
	Turns       int      `json:"turns"`            // of completed runs
	PerMinute   float64  `json:"runs_per_minute"`  // completed ones
	PerSecond   float64  `json:"turns_per_second"` // of completed runs

	Latency Latency  `json:"latency_ms"`
	History History  `json:"history"`
	S3      Requests `json:"s3"`
	CPU     []CPU    `json:"cpu"`
	Memory  []Memory `json:"memory"`
	Samples []Sample `json:"samples"`
}

// Machine is where it was measured.
type Machine struct {
	Processors int     `json:"processors"`
	LoadBefore float64 `json:"load_average_before"` // over a minute: other work on the machine shows there
	LoadAfter  float64 `json:"load_average_after"`
}

// Setup is what served the load.
type Setup struct {
	Workers  int    `json:"workers"`
	Temporal string `json:"temporal"` // where it is, and whose
	S3       string `json:"s3"`
}

// Counts are runs by what became of them.
type Counts struct {
	Begun     int `json:"begun"`
	Completed int `json:"completed"`
	Cancelled int `json:"cancelled"`
	Failed    int `json:"failed"` // or ended in another way
	Unknown   int `json:"unknown"`
}

// Reason is why runs did not complete.
type Reason struct {
	Reason string `json:"reason"`
	Runs   int    `json:"runs"`
	First  string `json:"first"` // workflow ID
}

// Latency is times by the histories of completed runs.
type Latency struct {
	Turn        Distribution `json:"turn"`         // from the scheduling of a model call to that of the next, or to the end of the run
	BesideModel Distribution `json:"beside_model"` // the same without the time that the model was set to think
	Run         Distribution `json:"run"`
	TaskWait    Distribution `json:"workflow_task_wait"` // from scheduling to start
	Task        Distribution `json:"workflow_task"`      // from start to completion
	Activities  []Activity   `json:"activities"`         // by name
}

// Activity is the time of the activities of one type.
type Activity struct {
	Name string       `json:"name"`
	Wait Distribution `json:"wait"` // from scheduling to start
	Work Distribution `json:"work"` // from start to completion
}

// History is the size of workflow histories, as Temporal describes the runs.
type History struct {
	Events       Distribution `json:"events_per_run"`
	Bytes        Distribution `json:"bytes_per_run"`
	BytesPerTurn float64      `json:"bytes_per_turn"`
}

// Requests are the workers' requests to S3 while it was measured, whatever they were for.
type Requests struct {
	PerTurn float64         `json:"requests_per_turn"`
	By      []RequestsByUse `json:"by"` // most frequent first
}

// RequestsByUse are those of one operation about one kind of object.
type RequestsByUse struct {
	Operation string  `json:"operation"`
	Kind      string  `json:"kind"`
	Outcome   string  `json:"outcome"`
	Count     int64   `json:"count"`
	PerTurn   float64 `json:"per_turn"`
	Mean      float64 `json:"mean_ms"` // until the answer began
}

// CPU is what a process used, in seconds. Subagents are processes of their own, whose time is in none of them: it is that
// of the activity RunSubagent.
type CPU struct {
	Process string  `json:"process"`
	Seconds float64 `json:"seconds"`
	PerTurn float64 `json:"seconds_per_turn"`
}
