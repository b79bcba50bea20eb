package skill

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// File is one file of a version or one input of a case; its content lies in the blob store.
type File struct {
	Path       string `json:"path"`   // relative, with slashes
	Digest     string `json:"digest"` // lowercase hex SHA-256 of the content
	Size       int64  `json:"size"`   // bytes
	Executable bool   `json:"executable,omitempty"`
}

// Lineage tells where a version or a case comes from.
type Lineage struct {
	Source        string   `json:"source,omitempty"` // SourceRun or SourceImport
	WorkflowID    string   `json:"workflow_id,omitempty"`
	RunID         string   `json:"run_id,omitempty"`
	Model         string   `json:"model,omitempty"`
	PromotionID   string   `json:"promotion_id,omitempty"`
	ParentVersion int      `json:"parent_version,omitempty"` // 0: written from scratch
	ParentSkill   string   `json:"parent_skill,omitempty"`   // when it is another skill's version
	Supersedes    []string `json:"supersedes,omitempty"`     // skills that this one replaces
}

// The sources of a version.
const (
	SourceRun    = "run"
	SourceImport = "import"
)

// Manifest describes one immutable version of a skill.
type Manifest struct {
	Name        string            `json:"name"`
	Version     int               `json:"version"` // from 1
	Digest      string            `json:"digest"`  // ContentDigest
	Description string            `json:"description"`
	EntryFile   string            `json:"entry_file"`          // the file with main(query)
	Interface   string            `json:"interface,omitempty"` // what the code says of the query that it takes
	Tools       []string          `json:"tools"`               // tool skills it is given, sorted
	Files       []File            `json:"files"`               // sorted by path; SKILL.md is one of them
	Metadata    map[string]string `json:"metadata,omitempty"`
	// Permissions are what the version was seen to need; nil: nobody looked.
	Permissions *Permissions `json:"permissions,omitempty"`
	Lineage     Lineage      `json:"lineage"`
	CreatedAt   time.Time    `json:"created_at"`
}

// ContentDigest is the identity of what a version does: a hex SHA-256 over name, description, entry file, tools and
// the files' paths, contents and modes. The same content has the same digest whoever made it and whenever, so that a
// repeated save finds what it saved before.
func (m Manifest) ContentDigest() string {
	tools := slices.Clone(m.Tools)
	slices.Sort(tools)
	files := slices.Clone(m.Files)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return digestOf("agentfactory skill version 1", m.Name, m.Description, m.EntryFile, tools, files)
}

// MadeSince counts the versions that runs made at that time or later, promoted or not: the rate at which a skill evolves.
func MadeSince(versions []Manifest, since time.Time) int {
	n := 0
	for _, m := range versions {
		if m.Lineage.Source == SourceRun && !m.CreatedAt.Before(since) {
			n++
		}
	}
	return n
}

// File returns the file with this path.
func (m Manifest) File(path string) (File, bool) {
	i := slices.IndexFunc(m.Files, func(f File) bool { return f.Path == path })
	if i < 0 {
		return File{}, false
	}
	return m.Files[i], true
}

// Trust says how well a skill has proved itself.
type Trust string

// A skill begins as provisional and becomes mature with independent successes.
const (
	Provisional Trust = "provisional"
	Mature      Trust = "mature"
)

// Head is the one mutable record of a skill: which version is current. Every change of it raises Generation by one.
type Head struct {
	Name          string     `json:"name"`
	Version       int        `json:"version"`
	VersionDigest string     `json:"version_digest"`
	Generation    int64      `json:"generation"`   // from 1
	PromotionID   string     `json:"promotion_id"` // of the latest move
	Trust         Trust      `json:"trust"`
	Tombstone     *Tombstone `json:"tombstone,omitempty"` // set: retired
	Frozen        *Freeze    `json:"frozen,omitempty"`    // set: only a person moves it
	Guarded       *Freeze    `json:"guarded,omitempty"`   // set: promotions wait for a person
	Description   string     `json:"description"`         // of the current version, as are EntryFile and Tools
	EntryFile     string     `json:"entry_file"`
	Tools         []string   `json:"tools"`
	UpdatedAt     time.Time  `json:"updated_at"`
	Moves         []Move     `json:"moves"` // the latest, oldest first, as WithMove keeps them; the last one made this head
}

// Freeze marks a skill whose versions shall not change until a person unfreezes it, or, as Head.Guarded, unless a person
// approves.
type Freeze struct {
	By  string    `json:"by"`
	Why string    `json:"why"`
	At  time.Time `json:"at"`
}

// Tombstone marks a skill as retired. Its versions stay.
type Tombstone struct {
	ID           string    `json:"id,omitempty"`            // unique to this retirement, the same when it is repeated; empty: By
	SupersededBy string    `json:"superseded_by,omitempty"` // the skill that took over
	By           string    `json:"by"`                      // the promotion or the person that retired it
	Reason       string    `json:"reason,omitempty"`
	At           time.Time `json:"at"`
}

// Case is a past query with everything needed to ask it again of a later version.
type Case struct {
	ID        string    `json:"id"` // ContentID
	Query     string    `json:"query"`
	Inputs    []File    `json:"inputs,omitempty"`
	Journal   string    `json:"journal,omitempty"` // key prefix of the recorded gateway calls
	Output    *Output   `json:"output,omitempty"`  // what the version that it was stored with made of it
	Check     *Check    `json:"check,omitempty"`   // nil: the output must be the same
	Lineage   Lineage   `json:"lineage"`
	CreatedAt time.Time `json:"created_at"`
	Mark      *CaseMark `json:"mark,omitempty"` // what a person said about it; it lies beside the case
}

// CaseMark is what a person says about a case. Keep and Dropped exclude each other.
type CaseMark struct {
	Keep    bool      `json:"keep,omitempty"`    // a gate must be able to tell about this case
	Dropped bool      `json:"dropped,omitempty"` // later versions are no longer held against it; it stays stored
	By      string    `json:"by"`
	Why     string    `json:"why"`
	At      time.Time `json:"at"`
}

// Output is what a subagent run answered and left, by reference to blobs.
type Output struct {
	Answer  string `json:"answer"` // digest of the answer's text
	Size    int64  `json:"size"`   // of the answer, in bytes
	Summary string `json:"summary,omitempty"`
	Files   []File `json:"files,omitempty"` // that it made or changed, paths as it left them
}

// ContentID is the ID of a case: the first 16 hex digits of a SHA-256 over query and inputs. The same question asked by two
// runs is one case, whatever check was written for it.
func (c Case) ContentID() string {
	inputs := slices.Clone(c.Inputs)
	slices.SortFunc(inputs, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return digestOf("agentfactory case 1", c.Query, inputs, (*Check)(nil))[:16]
}

// digestOf hashes values in their JSON form, which for these types is one and the same for equal values. Nil and
// empty lists are equal values.
func digestOf(domain string, values ...any) string {
	for i, v := range values {
		if list, ok := v.([]string); ok && list == nil {
			values[i] = []string{}
		}
		if list, ok := v.([]File); ok && list == nil {
			values[i] = []File{}
		}
	}
	body, err := json.Marshal(append([]any{domain}, values...))
	if err != nil {
		panic(fmt.Sprintf("encode %s: %v", domain, err)) // strings, numbers and lists of them always encode
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
