package browser

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/playwright-community/playwright-go"
)

// act carries out one action and puts what it found into r.
func (s *session) act(ctx context.Context, a Action, r *Result) error {
	switch a.Action {
	case "navigate":
		return s.navigate(a, r)
	case "fill":
		return s.fill(a)
	case "press":
		return s.press(a)
	case "wait":
		return s.wait(ctx, a)
	case "text":
		return s.text(a, r)
	case "find":
		return s.find(a, r)
	case "snapshot":
		return s.snapshot(a, r)
	case "screenshot":
		return s.screenshot(a, r)
	case "download":
		return s.download(ctx, a, r)
	case "tab":
		return s.tab(a, r)
	case "eval":
		return s.eval(a, r)
	case "close":
		s.keep()
		s.drop()
		return s.ready(ctx)
	}
	at, err := s.locate(a.Target)
	if err != nil {
		return err
	}
	return s.actOn(at, a, r)
}

// actOn carries out the actions that always have an element.
func (s *session) actOn(at playwright.Locator, a Action, r *Result) error {
	timeout := a.timeout(actionTime)
	switch a.Action {
	case "click":
		clicks := 1
		if a.Double {
			clicks = 2
		}
		return s.settled(at.Click(playwright.LocatorClickOptions{ClickCount: &clicks, Timeout: timeout}))
	case "type":
		if err := at.PressSequentially(a.Value, playwright.LocatorPressSequentiallyOptions{Timeout: timeout}); err != nil || !a.Submit {
			return err
		}
		return s.settled(at.Press("Enter", playwright.LocatorPressOptions{Timeout: timeout}))
	case "select":
		var err error
		r.Selected, err = at.SelectOption(playwright.SelectOptionValues{ValuesOrLabels: &a.Values}, playwright.LocatorSelectOptionOptions{Timeout: timeout})
		return err
	case "check":
		return at.SetChecked(a.Checked == nil || *a.Checked, playwright.LocatorSetCheckedOptions{Timeout: timeout})
	case "upload":
		return s.upload(at, a)
	}
	return fmt.Errorf("the action %q is not implemented", a.Action)
}

// timeout in milliseconds, as Playwright wants it.
func (a Action) timeout(usual time.Duration) *float64 {
	if a.TimeoutMS > 0 {
		return playwright.Float(float64(a.TimeoutMS))
	}
	return playwright.Float(float64(usual.Milliseconds()))
}

func (s *session) navigate(a Action, r *Result) error {
	if a.URL != blank {
		if err := s.guard.ask(http.MethodGet, a.URL); err != nil { // before the page is left that is shown
			return refusedError{method: http.MethodGet, url: a.URL, reason: err.Error(), denied: true}
		}
	}
	got, err := s.page.Goto(a.URL, playwright.PageGotoOptions{
		WaitUntil: playwright.WaitUntilStateDomcontentloaded, Timeout: a.timeout(navigationTime),
	})
	if got != nil {
		r.Status = got.Status()
	}
	if err != nil && strings.Contains(err.Error(), "net::ERR_") && !strings.Contains(err.Error(), "net::ERR_ABORTED") {
		s.awaitErrorPage()
	}
	return err
}

var errorPage = regexp.MustCompile("^chrome-error:")

// awaitErrorPage waits for the page that tells of a failed navigation: it comes after the error, and would end a
// navigation that begins meanwhile.
func (s *session) awaitErrorPage() {
	_ = s.page.WaitForURL(errorPage, playwright.PageWaitForURLOptions{ // else the next navigation may fail, and says so
		WaitUntil: playwright.WaitUntilStateCommit, Timeout: playwright.Float(float64(settleTime.Milliseconds())),
	})
}

// settleTime is how long an action waits for a page that it may have opened.
const settleTime = 3 * time.Second

// settled waits until a page that an action opened can be read. One that takes longer is seen by the next action.
func (s *session) settled(err error) error {
	if err != nil {
		return err
	}
	_ = s.page.WaitForLoadState(playwright.PageWaitForLoadStateOptions{
		State: playwright.LoadStateDomcontentloaded, Timeout: playwright.Float(float64(settleTime.Milliseconds())),
	})
	return nil
}

func (s *session) fill(a Action) error {
	fields := a.Fields
	if len(fields) == 0 {
		fields = []Field{{a.Target, a.Value}}
	}
	for i, f := range fields {
		at, err := s.locate(f.Target)
		if err == nil {
			err = at.Fill(f.Value, playwright.LocatorFillOptions{Timeout: a.timeout(actionTime)})
		}
		if err != nil && len(a.Fields) > 0 {
			return fmt.Errorf("fields[%d]: %w", i, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *session) press(a Action) error {
	if a.Target.given() == 0 {
		return s.settled(s.page.Keyboard().Press(a.Key))
	}
	at, err := s.locate(a.Target)
	if err != nil {
		return err
	}
	return s.settled(at.Press(a.Key, playwright.LocatorPressOptions{Timeout: a.timeout(actionTime)}))
}

func (s *session) wait(ctx context.Context, a Action) error {
	switch {
	case a.MS > 0:
		select {
		case <-time.After(time.Duration(a.MS) * time.Millisecond):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	case a.URL != "":
		part := regexp.MustCompile(regexp.QuoteMeta(a.URL))
		return s.page.WaitForURL(part, playwright.PageWaitForURLOptions{
			WaitUntil: playwright.WaitUntilStateDomcontentloaded, Timeout: a.timeout(actionTime),
		})
	}
	state := playwright.WaitForSelectorStateVisible
	if a.Gone {
		state = playwright.WaitForSelectorStateHidden
	}
	at := s.locator(a.Target)
	if a.Nth == nil && a.Ref == "" {
		at = at.First()
	}
	return at.WaitFor(playwright.LocatorWaitForOptions{State: state, Timeout: a.timeout(actionTime)})
}

// tab opens, shows or closes one, and lists them.
func (s *session) tab(a Action, r *Result) error {
	pages := s.context.Pages()
	for _, index := range []*int{a.Index, a.Close} {
		if index != nil && (*index < 0 || *index >= len(pages)) {
			return fmt.Errorf("there is no tab %d; there are %d, counted from 0", *index, len(pages))
		}
	}
	var err error
	switch {
	case a.Open != "":
		if s.page, err = s.context.NewPage(); err == nil {
			err = s.navigate(Action{URL: a.Open, TimeoutMS: a.TimeoutMS}, r)
		}
	case a.Index != nil:
		s.page = pages[*a.Index]
		err = s.page.BringToFront()
	case a.Close != nil:
		if err = pages[*a.Close].Close(); err == nil {
			err = s.pickPage()
		}
	}
	r.Tabs = s.tabs()
	return err
}

// maxValue bounds the result of a script, in bytes of JSON.
const maxValue = 64 << 10

// bounded runs a script in the page and returns its result as JSON, so that the page does the cutting.
const bounded = `async ([script, limit, element]) => {
  let value = (0, eval)(script);
  if (typeof value === "function") value = element ? value(element) : value();
  const json = JSON.stringify(await value);
  return json === undefined ? null : json.length > limit ? {cut: json.slice(0, limit), length: json.length} : {json};
}`

func (s *session) eval(a Action, r *Result) error {
	var got any
	var err error
	if a.Target.given() > 0 {
		at, missing := s.locate(a.Target)
		if missing != nil {
			return missing
		}
		got, err = at.Evaluate(`(element, [script, limit]) => (`+bounded+`)([script, limit, element])`,
			[]any{a.Script, maxValue}, playwright.LocatorEvaluateOptions{Timeout: a.timeout(actionTime)})
	} else {
		got, err = s.page.Evaluate(bounded, []any{a.Script, maxValue, nil})
	}
	if err != nil {
		return err
	}
	return r.setValue(got)
}

var refForm = regexp.MustCompile(`^(f\d{1,6})?e\d{1,9}$`)

// locate returns an element. A ref that is gone stays gone, so it is told at once instead of after a timeout.
func (s *session) locate(t Target) (playwright.Locator, error) {
	at := s.locator(t)
	if t.Ref == "" {
		return at, nil
	}
	if n, err := at.Count(); err != nil || n == 0 {
		if gone(err) {
			return nil, err
		}
		return nil, staleError(t.Ref)
	}
	return at, nil
}

type staleError string

func (e staleError) Error() string {
	return fmt.Sprintf("the page has no element %s any more; use the refs of the new snapshot", string(e))
}

func (s *session) locator(t Target) playwright.Locator {
	if t.Ref != "" {
		return s.page.Locator("aria-ref=" + t.Ref)
	}
	root := s.page.Locator(":root")
	if t.Frame != "" {
		root = s.page.FrameLocator("css=" + t.Frame).Locator(":root")
	}
	at := t.within(root)
	if t.Nth != nil {
		at = at.Nth(*t.Nth)
	}
	return at
}

func (t Target) within(root playwright.Locator) playwright.Locator {
	switch {
	case t.Role != "":
		options := playwright.LocatorGetByRoleOptions{Exact: &t.Exact}
		if t.Name != "" {
			options.Name = t.Name
		}
		return root.GetByRole(playwright.AriaRole(strings.ToLower(t.Role)), options)
	case t.Label != "":
		return root.GetByLabel(t.Label, playwright.LocatorGetByLabelOptions{Exact: &t.Exact})
	case t.Text != "":
		return root.GetByText(t.Text, playwright.LocatorGetByTextOptions{Exact: &t.Exact})
	}
	return root.Locator("css=" + t.CSS)
}
