// Package embedded runs everything that a machine without servers needs in one
// background process tree of our own binary: Temporal with its UI, an S3 server (a
// child process) and a worker. Commands on the same data directory find and share it;
// it outlives them, their terminals and Ctrl-C, comes back after kill -9 or a reboot
// with everything that had been acknowledged, and ends when nobody has needed it for a
// while.
//
// Serve is that process, Ensure finds or starts it, Stop ends it, Inspect looks at it.
// A lock held by the process tells whether it lives; the file stack.json tells where it
// is. The worker is handed in by the caller: this package imports neither workflows nor
// activities, and only commands that may start the servers import it.
package embedded

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"agentfactory/internal/config"
)

// Errors that callers tell apart.
var (
	ErrRunning    = errors.New("the embedded stack of this data directory is already running")
	ErrNotRunning = errors.New("the embedded stack of this data directory is not running")
	ErrOtherSetup = errors.New("the running stack is set up differently and busy")
)

// Addresses say where the parts of the stack are. A part that is configured elsewhere
// is not embedded, and its fields are empty.
type Addresses struct {
	Temporal string `json:"temporal,omitempty"` // host:port of the frontend
	UI       string `json:"ui,omitempty"`       // URL of the Temporal UI
	S3       S3     `json:"s3"`
}

// S3 is the embedded S3 server with its bucket.
type S3 struct {
	Endpoint  string        `json:"endpoint,omitempty"` // URL; path-style addressing
	Region    string        `json:"region,omitempty"`
	Bucket    string        `json:"bucket,omitempty"`
	AccessKey string        `json:"access_key,omitempty"`
	SecretKey config.Secret `json:"secret_key,omitempty"` // shown as "set"
}

// Worker runs workflows and activities against the stack's addresses.
type Worker interface {
	// SetModel replaces the model endpoint of runs to come and of those going on.
	SetModel(config.Model) error
	// OpenRuns counts the workflows that are not closed. The stack does not leave them.
	OpenRuns(context.Context) (int64, error)
	// Stop ends polling and waits for what is being done, within its own limits.
	Stop()
}

// Health is what a running stack says about itself.
type Health struct {
	PID       int       `json:"pid"`
	StartedAt time.Time `json:"started_at"`
	Version   string    `json:"version"`
	Build     string    `json:"build"` // identity of the binary
	Clients   int       `json:"clients"`
	OpenRuns  int64     `json:"open_runs"` // -1 when Temporal does not answer
	Addresses Addresses `json:"addresses"`
	// PayloadKeys are the IDs of the keys that its worker has, the encrypting one first.
	PayloadKeys []string `json:"payload_keys,omitempty"`
}

// Idle tells whether nobody would miss the stack.
func (h Health) Idle() bool { return h.Clients == 0 && h.OpenRuns == 0 }

// LogFile is where a background stack of the data directory says what it does.
func LogFile(dataDir string) string { return layout{dir: dataDir}.stackLog() }

// layout names the files of a data directory.
type layout struct{ dir string }

func (l layout) state() string         { return filepath.Join(l.dir, "stack.json") }
func (l layout) lock() string          { return filepath.Join(l.dir, "stack.lock") }
func (l layout) s3Credentials() string { return filepath.Join(l.dir, "s3-credentials.json") }
func (l layout) temporal() string      { return filepath.Join(l.dir, "temporal") }
func (l layout) s3() string            { return filepath.Join(l.dir, "s3") }
func (l layout) logs() string          { return filepath.Join(l.dir, "logs") }
func (l layout) stackLog() string      { return filepath.Join(l.logs(), "stack.log") }
func (l layout) s3Log() string         { return filepath.Join(l.logs(), "s3.log") }
func (l layout) binaries() string      { return filepath.Join(l.dir, "bin") }
func (l layout) temporalLog() string   { return filepath.Join(l.logs(), "temporal.log") }
