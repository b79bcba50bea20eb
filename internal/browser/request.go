package browser

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"agentfactory/internal/gateway"
)

// Request is what a subagent asks for: actions, or a goal.
type Request struct {
	Actions  []Action `json:"actions"`
	Session  string   `json:"session"`   // a stored login; "" is a fresh browser
	Goal     string   `json:"goal"`      // what a model shall achieve or find out
	URL      string   `json:"url"`       // where it begins
	MaxSteps int      `json:"max_steps"` // model calls; 0 means the default
}

// Target addresses an element, by exactly one of Ref, Role, Label, Text and CSS.
type Target struct {
	Ref   string `json:"ref"`
	Role  string `json:"role"`
	Name  string `json:"name"` // with Role
	Label string `json:"label"`
	Text  string `json:"text"`
	CSS   string `json:"css"`
	Exact bool   `json:"exact"`
	Nth   *int   `json:"nth"`
	Frame string `json:"frame"` // CSS selector of an iframe
}

// Action is one step. The package's documentation says which fields an action takes.
type Action struct {
	Action string `json:"action"`
	Target

	URL       string   `json:"url"`
	Value     string   `json:"value"`
	Values    []string `json:"values"`
	Fields    []Field  `json:"fields"`
	Key       string   `json:"key"`
	Paths     []string `json:"paths"`
	Path      string   `json:"path"`
	Query     string   `json:"query"`
	Script    string   `json:"script"`
	Open      string   `json:"open"`
	Index     *int     `json:"index"`
	Close     *int     `json:"close"`
	Checked   *bool    `json:"checked"`
	Double    bool     `json:"double"`
	Submit    bool     `json:"submit"`
	Full      bool     `json:"full"`
	Gone      bool     `json:"gone"`
	MS        int      `json:"ms"`
	MaxBytes  int      `json:"max_bytes"`
	TimeoutMS int      `json:"timeout_ms"`
	Dialog    string   `json:"dialog"`
	Prompt    *string  `json:"prompt"`
}

// Field is one of several form fields that are filled in one action.
type Field struct {
	Target
	Value string `json:"value"`
}

// Limits of a request.
const (
	maxActions   = 50
	maxTimeoutMS = 120_000
	maxWaitMS    = 30_000
	maxBytes     = 100_000 // of one text or snapshot
	defaultSteps = 15
	maxSteps     = 50
)

// element says whether an action addresses one.
type element int

const (
	none element = iota
	optional
	required
)

// kind is what an action takes besides the common fields.
type kind struct {
	element element
	needs   []string
	takes   []string
}

var kinds = map[string]kind{
	"navigate":   {needs: []string{"url"}},
	"click":      {element: required, takes: []string{"double"}},
	"fill":       {element: optional, takes: []string{"value", "fields"}},
	"type":       {element: required, needs: []string{"value"}, takes: []string{"submit"}},
	"select":     {element: required, needs: []string{"values"}},
	"check":      {element: required, takes: []string{"checked"}},
	"press":      {element: optional, needs: []string{"key"}},
	"upload":     {element: required, needs: []string{"paths"}},
	"wait":       {element: optional, takes: []string{"url", "ms", "gone"}},
	"text":       {element: optional, takes: []string{"max_bytes"}},
	"find":       {needs: []string{"query"}},
	"snapshot":   {element: optional, takes: []string{"max_bytes"}},
	"screenshot": {element: optional, takes: []string{"path", "full"}},
	"download":   {element: optional, takes: []string{"url", "path"}},
	"tab":        {takes: []string{"open", "index", "close"}},
	"eval":       {element: optional, needs: []string{"script"}},
	"close":      {},
}

var (
	requestFields = []string{"actions", "session", "goal", "url", "max_steps"}
	targetFields  = []string{"ref", "role", "name", "label", "text", "css", "exact", "nth", "frame"}
	commonFields  = []string{"action", "timeout_ms", "dialog", "prompt"}
)

// object is a JSON object whose fields have not been looked at.
type object map[string]json.RawMessage

// Parse reads a request. Its error is one line that says where the mistake is and what would be right.
func Parse(body []byte) (Request, error) {
	raw, err := readObject(body, "the request", requestFields)
	if err != nil {
		return Request{}, err
	}
	actions := raw["actions"]
	delete(raw, "actions")
	var r Request
	if err := raw.into(&r, "the request"); err != nil {
		return Request{}, err
	}
	if r.Actions, err = parseActions(actions); err != nil {
		return Request{}, err
	}
	return r, r.check(raw)
}

func (r *Request) check(raw object) error {
	switch {
	case r.Goal != "" && len(r.Actions) > 0:
		return errors.New("give actions or a goal, not both")
	case r.Goal == "" && len(r.Actions) == 0:
		return errors.New(`give actions, such as [{"action": "navigate", "url": "https://example.com"}], or a goal`)
	case r.Goal == "" && (raw.has("url") || raw.has("max_steps")):
		return errors.New("url and max_steps go with a goal; in actions, use navigate")
	case r.MaxSteps < 0 || r.MaxSteps > maxSteps:
		return fmt.Errorf("max_steps is %d; give 1 to %d", r.MaxSteps, maxSteps)
	case r.URL != "":
		return checkURL(r.URL)
	}
	return nil
}

func parseActions(raw json.RawMessage) ([]Action, error) {
	if isNull(raw) {
		return nil, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, errors.New(`actions is not a list; give [{"action": …}, …]`)
	}
	if len(list) > maxActions {
		return nil, fmt.Errorf("actions has %d entries, at most %d are carried out in one call", len(list), maxActions)
	}
	actions := make([]Action, len(list))
	for i, one := range list {
		a, err := ParseAction(one)
		if err != nil {
			return nil, fmt.Errorf("actions[%d]: %w", i, err)
		}
		actions[i] = a
	}
	return actions, nil
}

// ParseAction reads one action.
func ParseAction(body []byte) (Action, error) {
	var head struct {
		Action string `json:"action"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return Action{}, fmt.Errorf(`it is no object such as {"action": "navigate", "url": "…"}: %w`, plain(err))
	}
	k, ok := kinds[head.Action]
	if !ok {
		return Action{}, fmt.Errorf("there is no action %.40q; %s", head.Action, nearest(head.Action, slices.Sorted(maps.Keys(kinds))))
	}
	raw, err := readObject(body, head.Action, k.fields())
	if err != nil {
		return Action{}, err
	}
	return k.parse(head.Action, raw)
}

func (k kind) fields() []string {
	all := slices.Concat(k.needs, k.takes, commonFields)
	if k.element != none {
		all = append(all, targetFields...)
	}
	return all
}

func (k kind) parse(name string, raw object) (Action, error) {
	var a Action
	for _, field := range k.needs {
		if !raw.has(field) {
			return Action{}, fmt.Errorf("%s needs %q", name, field)
		}
	}
	fields := raw["fields"]
	delete(raw, "fields")
	if err := raw.into(&a, name); err != nil {
		return Action{}, err
	}
	var err error
	if a.Fields, err = parseFields(fields); err != nil {
		return Action{}, err
	}
	if err := a.check(k, raw); err != nil {
		return Action{}, fmt.Errorf("%s: %w", name, err)
	}
	return a, nil
}

func parseFields(raw json.RawMessage) ([]Field, error) {
	if isNull(raw) {
		return nil, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, errors.New(`fields is not a list; give [{"label": "E-mail", "value": "…"}, …]`)
	}
	if len(list) > maxActions {
		return nil, fmt.Errorf("fields has %d entries, at most %d are filled in one action", len(list), maxActions)
	}
	fields := make([]Field, len(list))
	for i, one := range list {
		where := fmt.Sprintf("fields[%d]", i)
		object, err := readObject(one, where, append([]string{"value"}, targetFields...))
		if err == nil {
			err = object.into(&fields[i], where)
		}
		if err == nil && !object.has("value") {
			err = fmt.Errorf("%s needs %q", where, "value")
		}
		if err == nil {
			err = fields[i].Target.check(required)
		}
		if err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// check looks at what the types do not settle.
func (a *Action) check(k kind, raw object) error {
	if err := a.checkCommon(); err != nil {
		return err
	}
	if err := a.Target.check(k.element); err != nil {
		return err
	}
	if err := a.checkChoice(raw); err != nil {
		return err
	}
	if a.URL != "" && a.Action != "wait" {
		return checkURL(a.URL)
	}
	if a.Open != "" {
		return checkURL(a.Open)
	}
	return nil
}

func (a *Action) checkCommon() error {
	switch {
	case a.TimeoutMS < 0 || a.TimeoutMS > maxTimeoutMS:
		return fmt.Errorf("timeout_ms is %d; give 1 to %d", a.TimeoutMS, maxTimeoutMS)
	case a.Dialog != "" && a.Dialog != "accept" && a.Dialog != "dismiss":
		return fmt.Errorf("dialog is %.40q; use accept or dismiss", a.Dialog)
	case a.Prompt != nil && a.Dialog != "accept":
		return errors.New(`prompt goes with "dialog": "accept"`)
	case a.MaxBytes < 0 || a.MaxBytes > maxBytes:
		return fmt.Errorf("max_bytes is %d; give 1 to %d", a.MaxBytes, maxBytes)
	case a.MS < 0 || a.MS > maxWaitMS:
		return fmt.Errorf("ms is %d; give 1 to %d", a.MS, maxWaitMS)
	}
	return nil
}

// checkChoice looks at fields of which one, or not several, must be given.
func (a *Action) checkChoice(raw object) error {
	addressed := a.Target.given() > 0
	switch a.Action {
	case "fill":
		if one := addressed && raw.has("value"); one == (len(a.Fields) > 0) || addressed != raw.has("value") {
			return errors.New("give an element and its value, or fields")
		}
	case "wait":
		if count(addressed, a.URL != "", a.MS > 0) != 1 {
			return errors.New("give one of an element, url and ms")
		}
	case "download":
		if count(addressed, a.URL != "") != 1 {
			return errors.New("give the element that starts it, or a url")
		}
	case "tab":
		if count(a.Open != "", a.Index != nil, a.Close != nil) > 1 {
			return errors.New("give one of open, index and close")
		}
	case "screenshot":
		if addressed && a.Full {
			return errors.New("give an element or full, not both")
		}
	}
	return nil
}

func (t Target) given() int {
	return count(t.Ref != "", t.Role != "", t.Label != "", t.Text != "", t.CSS != "")
}

func (t Target) check(e element) error {
	n := t.given()
	switch {
	case n > 1:
		return errors.New("address the element by one of ref, role, label, text and css, not by several")
	case n == 0 && e == required:
		return errors.New("address an element by one of ref, role (with name), label, text and css")
	case t.Name != "" && t.Role == "":
		return errors.New(`name goes with role, such as "role": "button"`)
	case n == 0 && (t.Exact || t.Nth != nil || t.Frame != ""):
		return errors.New("exact, nth and frame go with an element")
	case t.Ref != "" && !refForm.MatchString(t.Ref):
		return fmt.Errorf("ref is %.40q; give one such as e12 or f1e3, as a snapshot shows it", t.Ref)
	case t.Ref != "" && (t.Exact || t.Nth != nil || t.Frame != ""):
		return errors.New("a ref names one element by itself, leave out exact, nth and frame")
	case t.Nth != nil && *t.Nth < 0:
		return fmt.Errorf("nth is %d; count from 0", *t.Nth)
	}
	return nil
}

// checkURL admits what the browser may be sent to. Page content needs no such check: Chromium itself keeps http pages from
// opening file: or data: URLs.
func checkURL(raw string) error {
	if raw == blank {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" {
		return fmt.Errorf("url %.100q is no absolute URL; give one such as https://example.com/page", raw)
	}
	if scheme := strings.ToLower(u.Scheme); scheme != "http" && scheme != "https" {
		return gateway.Errorf(gateway.Denied, "url %.100q: only http and https are opened, not %s:", raw, scheme)
	}
	if u.Hostname() == "" {
		return fmt.Errorf("url %.100q names no host", raw)
	}
	return nil
}

// blank is the page of a new tab.
const blank = "about:blank"

// readObject decodes a JSON object and refuses fields that are not known.
func readObject(body []byte, where string, known []string) (object, error) {
	var o object
	if err := json.Unmarshal(body, &o); err != nil || o == nil {
		return nil, fmt.Errorf("%s is not a JSON object", where)
	}
	for _, field := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(known, field) {
			return nil, fmt.Errorf("%s: there is no field %.40q; %s", where, field, nearest(field, known))
		}
	}
	return o, nil
}

func (o object) has(field string) bool { return !isNull(o[field]) }

// into decodes the fields into a struct; an error names the field.
func (o object) into(v any, where string) error {
	body, err := json.Marshal(o)
	if err == nil {
		err = json.Unmarshal(body, v)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", where, plain(err))
	}
	return nil
}

// plain says what is wrong with a value in the words of JSON, not of Go.
func plain(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		field := wrong.Field[strings.LastIndexByte(wrong.Field, '.')+1:]
		return fmt.Errorf("%s has the wrong type, %s", field, wrong.Value)
	}
	return errors.New("it cannot be decoded")
}

func isNull(raw json.RawMessage) bool {
	return len(raw) == 0 || bytes.Equal(bytes.TrimSpace(raw), []byte("null"))
}

func nearest(word string, known []string) string {
	best, distance := "", len(word)
	for _, k := range known {
		if d := levenshtein.ComputeDistance(strings.ToLower(word), k); d < distance {
			best, distance = k, d
		}
	}
	if best == "" || distance > 3 {
		return "there are " + strings.Join(known, ", ")
	}
	return fmt.Sprintf("did you mean %q?", best)
}

func count(conditions ...bool) int {
	n := 0
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}
