package browser

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/playwright-community/playwright-go"
)

// Defaults of max_bytes.
const (
	textBytes     = 50_000
	snapshotBytes = 20_000
	failureBytes  = 8_000 // of the snapshot that a failure shows
	maxMatches    = 40
)

// text reads what can be seen of an element. The page does the cutting: it may be huge.
func (s *session) text(a Action, r *Result) error {
	at := s.page.Locator("body")
	if a.Target.given() > 0 {
		var err error
		if at, err = s.locate(a.Target); err != nil {
			return err
		}
	}
	limit := cmp.Or(a.MaxBytes, textBytes)
	got, err := at.Evaluate(`(e, limit) => { const t = e.innerText ?? e.textContent ?? ""; return [t.slice(0, limit + 1), t.length] }`,
		limit, playwright.LocatorEvaluateOptions{Timeout: a.timeout(actionTime)})
	if err != nil {
		return err
	}
	pair, ok := got.([]any)
	if !ok || len(pair) != 2 {
		return fmt.Errorf("the page answered with %T instead of its text", got)
	}
	text, note := cut(fmt.Sprint(pair[0]), limit, fmt.Sprintf("it has %v characters in all; read an element by itself, or raise max_bytes (at most %d)", pair[1], maxBytes))
	r.Text, r.Note = &text, note
	return nil
}

func (s *session) snapshot(a Action, r *Result) error {
	tree, err := s.tree(a)
	if err != nil {
		return err
	}
	r.Snapshot, r.Note = cut(tree, cmp.Or(a.MaxBytes, snapshotBytes),
		fmt.Sprintf("use find, or snapshot one element by its ref, or raise max_bytes (at most %d)", maxBytes))
	return nil
}

// tree is the accessibility tree of the page, iframes included, or of an element, with refs.
func (s *session) tree(a Action) (string, error) {
	if a.Target.given() == 0 {
		return s.page.AriaSnapshot(playwright.PageAriaSnapshotOptions{Mode: playwright.AriaSnapshotModeAi, Timeout: a.timeout(actionTime)})
	}
	at, err := s.locate(a.Target)
	if err != nil {
		return "", err
	}
	return at.AriaSnapshot(playwright.LocatorAriaSnapshotOptions{Mode: playwright.AriaSnapshotModeAi, Timeout: a.timeout(actionTime)})
}

// look is the snapshot that goes with a failure; "" when there is none to be had.
func (s *session) look() string {
	if s.page.URL() == blank {
		return ""
	}
	tree, err := s.page.AriaSnapshot(playwright.PageAriaSnapshotOptions{
		Mode: playwright.AriaSnapshotModeAi, Timeout: playwright.Float(float64(settleTime.Milliseconds())),
	})
	if err != nil {
		return ""
	}
	kept, note := cut(tree, failureBytes, "take a snapshot or use find to see the rest")
	if note != "" {
		kept += "\n# " + note
	}
	return kept
}

// find returns the lines of the snapshot that hold all words, whatever their case.
func (s *session) find(a Action, r *Result) error {
	tree, err := s.tree(a)
	if err != nil {
		return err
	}
	words := strings.Fields(strings.ToLower(a.Query))
	if len(words) == 0 {
		return fmt.Errorf("query is empty; give words that the element shows")
	}
	n := 0
	r.Matches = []string{}
	for line := range strings.Lines(tree) {
		if !holds(strings.ToLower(line), words) {
			continue
		}
		if n++; n <= maxMatches {
			r.Matches = append(r.Matches, clip(strings.TrimPrefix(strings.TrimSpace(line), "- "), 300))
		}
	}
	if n > maxMatches {
		r.Note = fmt.Sprintf("the first %d of %d lines; add a word", maxMatches, n)
	}
	if n == 0 {
		r.Note = "no line of the page's snapshot holds these words; wait for the element, or take a snapshot"
	}
	return nil
}

func holds(line string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(line, w) {
			return false
		}
	}
	return true
}

// setValue takes what the script bounded returned.
func (r *Result) setValue(got any) error {
	answer, ok := got.(map[string]any)
	if !ok {
		return nil // undefined
	}
	if part, ok := answer["cut"].(string); ok {
		r.Value = part
		r.Note = fmt.Sprintf("cut: value is the first %d characters of %v of JSON, as text", len(part), answer["length"])
		return nil
	}
	text, _ := answer["json"].(string)
	var value json.RawMessage
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return fmt.Errorf("the script's result is no JSON: %w", err)
	}
	r.Value = value
	return nil
}

// screenshot writes a PNG into the workspace.
func (s *session) screenshot(a Action, r *Result) error {
	timeout := a.timeout(actionTime)
	var image []byte
	if a.Target.given() > 0 {
		at, err := s.locate(a.Target)
		if err != nil {
			return err
		}
		if image, err = at.Screenshot(playwright.LocatorScreenshotOptions{Timeout: timeout}); err != nil {
			return err
		}
	} else {
		var err error
		if image, err = s.page.Screenshot(playwright.PageScreenshotOptions{FullPage: &a.Full, Timeout: timeout}); err != nil {
			return err
		}
	}
	f, err := s.tool.files.write(cmp.Or(a.Path, "screenshots/page.png"), a.Path == "", strings.NewReader(string(image)))
	if err == nil {
		r.File = &f
	}
	return err
}

// waitFor returns what arrives on a channel in time.
func waitFor[T any](done <-chan struct{}, c <-chan T, limit time.Duration) (T, bool) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var zero T
	select {
	case v := <-c:
		return v, true
	case <-timer.C:
		return zero, false
	case <-done:
		return zero, false
	}
}
