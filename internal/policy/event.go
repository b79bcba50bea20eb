package policy

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Trigger is what a rule is about, and what kind of event is decided on.
type Trigger string

// The triggers.
const (
	Tool    Trigger = "tool"    // a call of a tool skill
	Host    Trigger = "host"    // a request that leaves the sandbox or a page in the browser
	Path    Trigger = "path"    // a file that a tool reads or writes for a subagent
	Package Trigger = "package" // a Python package that a subagent depends on
	Model   Trigger = "model"   // a call of a language model by a subagent
	Shell   Trigger = "shell"   // a command of shell_command
	Session Trigger = "session" // the use of a stored browser session, which is a credential
)

// Triggers are all of them, in the order in which they are best explained.
func Triggers() []Trigger { return slices.Clone(triggers) }

var triggers = []Trigger{Tool, Host, Path, Package, Model, Shell, Session}

// Event is something that a subagent wants to do. Fields that its trigger has no use for are empty; [Variables] tells which
// a condition can read, and what they mean.
type Event struct {
	Trigger  Trigger
	Skill    string
	Tool     string
	Action   string
	Method   string
	URL      string
	Scheme   string
	Host     string
	Port     int
	Path     string
	Tunnel   bool
	Package  string
	Version  string
	Model    string
	Session  string
	Command  string
	Findings []string
	Bytes    int64
}

// WithURL is the event with its address: URL, Scheme, Host, Port and, for requests, Path. An address that cannot be
// parsed leaves Host empty, which the default policy denies.
func (e Event) WithURL(address string) Event {
	e.URL = address
	u, err := url.Parse(address)
	if err != nil {
		return e
	}
	e.Scheme, e.Host = strings.ToLower(u.Scheme), normalHost(u.Hostname())
	e.Port, _ = strconv.Atoi(u.Port()) // url.Parse has seen digits
	if e.Port == 0 {
		e.Port = map[string]int{"http": 80, "https": 443}[e.Scheme]
	}
	if e.Trigger == Host {
		e.Path = u.Path
	}
	return e
}
