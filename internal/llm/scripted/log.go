package scripted

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// Entry is one answered request. Requests with the same Digest asked the same thing.
type Entry struct {
	Time         time.Time `json:"time"`
	Method       string    `json:"method"`
	Path         string    `json:"path"`
	Model        string    `json:"model,omitempty"`
	Messages     int       `json:"messages,omitempty"`
	Digest       string    `json:"digest,omitempty"`
	Conversation string    `json:"conversation,omitempty"` // which one of the script answered, or "recorded"
	Turn         int       `json:"turn,omitempty"`         // 1 for the first reply
	Stream       bool      `json:"stream,omitempty"`
	Status       int       `json:"status"`
	Fault        string    `json:"fault,omitempty"` // which fault the request met
	Error        string    `json:"error,omitempty"` // why it was refused
}

type requestLog struct {
	mu      sync.Mutex
	entries []Entry
	file    *os.File // nil without a log file
}

func (l *requestLog) open(path string) error {
	if path == "" {
		return nil
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open request log: %w", err)
	}
	l.file = file
	return nil
}

// add writes an entry with one call, so that a kill leaves whole lines.
func (l *requestLog) add(entry Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, entry)
	if l.file == nil {
		return nil
	}
	line, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("encode request log: %w", err)
	}
	if _, err := l.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write request log: %w", err)
	}
	return nil
}

func (l *requestLog) all() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

func (l *requestLog) close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
