package embedded

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
)

// maxLog is the size from which a log starts anew; one older file is kept.
const maxLog = 5 << 20

// openLog opens a log for appending after rotating one that has grown too large.
func openLog(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxLog {
		err = os.Rename(path, path+".1")
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("rotate the log: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return f, nil
}

// rotatingLog also rotates while it is written: a server that cannot reach its disk
// repeats itself for as long as it lives.
type rotatingLog struct {
	path string

	mu   sync.Mutex
	file *os.File
	size int64
}

func newRotatingLog(path string) (*rotatingLog, error) {
	f, err := openLog(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return &rotatingLog{path: path, file: f, size: info.Size()}, nil
}

// Write appends and never fails its caller for want of a new file.
func (l *rotatingLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size > maxLog {
		if f, err := openLog(l.path); err == nil {
			l.file.Close()
			l.file, l.size = f, 0
		}
	}
	n, err := l.file.Write(p)
	l.size += int64(n)
	return n, err
}

// Close closes the current file.
func (l *rotatingLog) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}

// lastWords returns the line of a log, from offset on, that best says why its process
// ended: a panic's first line, else the last line that is no part of a stack dump.
func lastWords(path string, offset int64) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	body, _ := io.ReadAll(io.NewSectionReader(f, offset, maxLog))
	last := ""
	for line := range strings.Lines(string(body)) {
		text := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "panic:"), strings.HasPrefix(line, "fatal error:"):
			return text
		case text != "" && !strings.HasPrefix(line, "\t") && !strings.HasPrefix(line, "goroutine "):
			last = text
		}
	}
	return last
}
