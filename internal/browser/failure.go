package browser

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/playwright-community/playwright-go"
)

// Codes of a Failure.
const (
	codeNotFound  = "not_found"    // no such element came within the timeout
	codeAmbiguous = "ambiguous"    // several elements fit
	codeStale     = "stale_ref"    // the page has changed since the snapshot
	codeTimeout   = "timeout"      // the element is there, and cannot be used, or the page does not come
	codeDenied    = "denied"       // a policy, or the proxy
	codeNoPage    = "no_page"      // nothing was opened yet
	codeBadFile   = "bad_file"     // a path, or the disk
	codeScript    = "script_error" // eval
	codeCrashed   = "page_crashed"
	codeGone      = "browser_gone" // the browser or its driver ended, or had to be ended
	codeFailed    = "failed"
)

// failure classifies what went wrong. Playwright tells most things by the text of its messages alone.
func (s *session) failure(ctx context.Context, a Action, err error, crashed bool) *Failure {
	switch {
	case ctx.Err() != nil:
		return &Failure{Code: codeGone, Message: fmt.Sprintf("%s: the call took too long and was ended, its tabs are closed; open the page again and do less in one call", a.Action)}
	case crashed && s.alive():
		return &Failure{Code: codeCrashed, Message: a.Action + ": the page crashed and its tab is closed; open the page again"}
	case gone(err):
		return &Failure{Code: codeGone, Message: a.Action + ": the browser ended while it worked on this; it starts anew with the next call, with no page open"}
	}
	return &Failure{Code: code(a, err), Message: a.Action + ": " + message(err)}
}

func code(a Action, err error) string {
	text := err.Error()
	var stale staleError
	var refused refusedError
	switch {
	case errors.As(err, &refused) && refused.denied:
		return codeDenied
	case errors.As(err, &stale):
		return codeStale
	case errors.Is(err, errNoPage):
		return codeNoPage
	case errors.Is(err, ErrBadFile):
		return codeBadFile
	case strings.Contains(text, "strict mode violation"):
		return codeAmbiguous
	case errors.Is(err, playwright.ErrTimeout) && strings.Contains(text, "waiting for") && !strings.Contains(text, "locator resolved to") && addresses(a):
		return codeNotFound
	case errors.Is(err, playwright.ErrTimeout):
		return codeTimeout
	case a.Action == "eval":
		return codeScript
	}
	return codeFailed
}

func addresses(a Action) bool { return a.Target.given() > 0 || len(a.Fields) > 0 }

// gone tells that there is nobody left to talk to.
func gone(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	return errors.Is(err, playwright.ErrTargetClosed) || strings.Contains(text, "Connection closed") ||
		strings.Contains(text, "could not send message") || strings.Contains(text, "transport closed")
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// message is an error in one line. Playwright's log tells what it waited for; its last lines are what helps.
func message(err error) string {
	text := colours.ReplaceAllString(err.Error(), "")
	head, log, _ := strings.Cut(text, "\n")
	head = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(head, "playwright: "), "timeout:"))
	var last []string
	for line := range strings.SplitSeq(log, "\n") {
		line = strings.TrimLeft(strings.TrimSpace(line), "- ")
		if line != "" && line != "Call log:" && !strings.HasPrefix(line, "at ") {
			last = append(last, line)
		}
	}
	if len(last) > 4 {
		last = last[len(last)-4:]
	}
	if len(last) > 0 {
		head += " (" + strings.Join(last, "; ") + ")"
	}
	return clip(strings.Join(strings.Fields(head), " "), 600)
}
