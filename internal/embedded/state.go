package embedded

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// state is the content of stack.json (mode 0600). It stays behind when the stack ends,
// so that the next one can have the same ports: only the lock tells whether it is live.
type state struct {
	Process   process   `json:"process"`
	StartedAt time.Time `json:"started_at"`
	Version   string    `json:"version"`
	Temporal  string    `json:"temporal_address,omitempty"` // host:port
	UI        string    `json:"ui_address,omitempty"`       // URL
	S3        string    `json:"s3_endpoint,omitempty"`      // URL
	Bucket    string    `json:"bucket,omitempty"`
	Control   string    `json:"control_address,omitempty"` // host:port; "" while starting
	Token     string    `json:"control_token,omitempty"`
}

// readState returns the zero state when there is no file, or one that nobody can read:
// what it says can always be found out anew.
func readState(path string) (state, error) {
	var s state
	body, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, nil
	}
	if err != nil {
		return state{}, fmt.Errorf("read the stack's state: %w", err)
	}
	if json.Unmarshal(body, &s) != nil {
		return state{}, nil
	}
	return s, nil
}

func (s state) write(path string) error {
	body, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := writePrivate(path, append(body, '\n')); err != nil {
		return fmt.Errorf("write the stack's state: %w", err)
	}
	return nil
}

// writePrivate replaces a file as a whole; only its owner can read it.
func writePrivate(path string, body []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(body)
	if err := cmp.Or(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
