package browser

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/playwright-community/playwright-go"
	"golang.org/x/crypto/nacl/secretbox"
)

// State is what makes a login: cookies and local storage. It is a credential: never print it.
type State playwright.OptionalStorageState

// Sessions keeps stored logins in a directory, one file each, sealed with NaCl secretbox (XSalsa20 and Poly1305). It is
// safe for use by several processes.
type Sessions struct {
	dir string
	key func() (*[32]byte, error)
}

// SessionInfo is what can be said of a stored login without opening it.
type SessionInfo struct {
	Name  string    `json:"name"`
	Saved time.Time `json:"saved_at"`
}

var (
	// ErrNoSession: there is no stored login of this name.
	ErrNoSession = errors.New("no such browser session")
	// ErrSessionKey: a stored login cannot be opened with this key, or the key is none.
	ErrSessionKey = errors.New("browser session key")
)

const (
	sealedSuffix = ".session"
	keyFile      = "session.key"
)

// OpenSessions returns the logins that are kept in stateDir. key is 32 bytes in base64 (AGENTFACTORY_SESSION_KEY); when
// it is "", one is made and kept in stateDir with mode 0600. Nothing is read or written before it is needed.
func OpenSessions(stateDir, key string) *Sessions {
	s := &Sessions{dir: filepath.Join(stateDir, "sessions")}
	if key != "" {
		s.key = func() (*[32]byte, error) { return decodeKey(key, "AGENTFACTORY_SESSION_KEY") }
	} else {
		s.key = func() (*[32]byte, error) { return keyAt(filepath.Join(stateDir, keyFile)) }
	}
	return s
}

// sealed is the content of a file before it is sealed. Its name keeps one file from being passed off as another.
type sealed struct {
	Name  string `json:"name"`
	State State  `json:"state"`
}

// Check tells whether a login of this name could be saved: ErrNoSession for a name that is none, ErrSessionKey without a key.
func (s *Sessions) Check(name string) error {
	if err := checkSession(name); err != nil {
		return err
	}
	_, err := s.key()
	return err
}

// Save stores a login, in the place of an earlier one of the same name.
func (s *Sessions) Save(name string, state State) error {
	if err := checkSession(name); err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("save browser session %s: %w", name, err)
	}
	box, err := s.seal(sealed{name, state})
	if err == nil {
		err = replaceFile(s.path(name), box)
	}
	if err != nil {
		return fmt.Errorf("save browser session %s: %w", name, err)
	}
	return nil
}

// replace is Save for a login that is still there: one that was deleted meanwhile stays so.
func (s *Sessions) replace(name string, state State) error {
	if _, err := os.Stat(s.path(name)); err != nil {
		return err
	}
	return s.Save(name, state)
}

// Load returns a stored login; ErrNoSession, or ErrSessionKey when it was sealed with another key or has been changed.
func (s *Sessions) Load(name string) (State, error) {
	if s == nil {
		return State{}, fmt.Errorf("%w: %.60q; none are kept here", ErrNoSession, name)
	}
	if err := checkSession(name); err != nil {
		return State{}, err
	}
	box, err := os.ReadFile(s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, fmt.Errorf("%w: %s; make it with `starter browser login %[2]s URL`", ErrNoSession, name)
	}
	if err != nil {
		return State{}, fmt.Errorf("load browser session %s: %w", name, err)
	}
	got, err := s.open(box)
	if err == nil && got.Name != name {
		err = fmt.Errorf("%w: the file is that of session %q", ErrSessionKey, got.Name)
	}
	if err != nil {
		return State{}, fmt.Errorf("load browser session %s: %w", name, err)
	}
	return got.State, nil
}

// List returns the stored logins, sorted by name.
func (s *Sessions) List() ([]SessionInfo, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list browser sessions: %w", err)
	}
	list := []SessionInfo{}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), sealedSuffix)
		if info, err := e.Info(); ok && err == nil && checkSession(name) == nil {
			list = append(list, SessionInfo{name, info.ModTime()})
		}
	}
	return list, nil
}

// Delete removes a stored login; ErrNoSession when there is none.
func (s *Sessions) Delete(name string) error {
	if err := checkSession(name); err != nil {
		return err
	}
	err := os.Remove(s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s; `starter browser sessions list` shows them", ErrNoSession, name)
	}
	if err != nil {
		return fmt.Errorf("delete browser session %s: %w", name, err)
	}
	return nil
}

func (s *Sessions) path(name string) string { return filepath.Join(s.dir, name+sealedSuffix) }

var sessionName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

func checkSession(name string) error {
	if !sessionName.MatchString(name) {
		return fmt.Errorf("%w: %.80q is no name of one; use 1–64 of a–z, 0–9, dot, hyphen and underscore", ErrNoSession, name)
	}
	return nil
}

const nonceSize = 24

func (s *Sessions) seal(content sealed) ([]byte, error) {
	key, err := s.key()
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	var nonce [nonceSize]byte
	rand.Read(nonce[:]) // never fails
	return secretbox.Seal(nonce[:], plain, &nonce, key), nil
}

func (s *Sessions) open(box []byte) (sealed, error) {
	key, err := s.key()
	if err != nil {
		return sealed{}, err
	}
	if len(box) < nonceSize {
		return sealed{}, fmt.Errorf("%w: the file is damaged; log in again", ErrSessionKey)
	}
	plain, ok := secretbox.Open(nil, box[nonceSize:], (*[nonceSize]byte)(box), key)
	if !ok {
		return sealed{}, fmt.Errorf("%w: it was saved with another key, or the file is damaged; set the right key or log in again", ErrSessionKey)
	}
	var content sealed
	if err := json.Unmarshal(plain, &content); err != nil {
		return sealed{}, fmt.Errorf("%w: the file holds no session; log in again", ErrSessionKey)
	}
	return content, nil
}

// keyAt reads the key, or makes one. Of two processes that make one, the one that comes second takes the other's.
func keyAt(path string) (*[32]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := newKey(path); err != nil {
			return nil, fmt.Errorf("%w: make %s: %w", ErrSessionKey, path, err)
		}
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSessionKey, err)
	}
	return decodeKey(string(text), path)
}

func newKey(path string) error {
	var key [32]byte
	rand.Read(key[:]) // never fails
	tmp, err := writeTemp(path, []byte(base64.StdEncoding.EncodeToString(key[:])+"\n"))
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	if err := os.Link(tmp, path); err != nil && !errors.Is(err, fs.ErrExist) { // a link never replaces
		return err
	}
	return nil
}

func decodeKey(text, where string) (*[32]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("%w: %s does not hold 32 bytes in base64; make one with `openssl rand -base64 32`", ErrSessionKey, where)
	}
	return (*[32]byte)(key), nil
}

func replaceFile(path string, content []byte) error {
	tmp, err := writeTemp(path, content)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		_ = os.Remove(tmp) // the error that counts is the other one
		return err
	}
	return nil
}

// writeTemp writes a file beside path (mode 0600), through to the disk, and returns its name.
func writeTemp(path string, content []byte) (string, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(f.Name()) // the error that counts is the other one
		return "", err
	}
	return f.Name(), nil
}
