package browser

import (
	"sync"

	"github.com/playwright-community/playwright-go"
)

// events collects what pages do by themselves. Its handlers run on the goroutine that reads from the driver, so they
// never wait.
type events struct {
	downloads chan playwright.Download // begun, to be saved

	mu      sync.Mutex
	accept  *bool // how the next dialogs are answered; nil: as is usual
	prompt  string
	dialogs []Dialog
	saved   []File
	notes   []string
	crashed map[playwright.Page]bool // pages that are of no use any more; false: it was not told yet
}

// Most of what a page may do in one request.
const (
	maxNotes     = 20
	maxDownloads = 16
	maxTabs      = 12
)

func newEvents() *events {
	return &events{downloads: make(chan playwright.Download, maxDownloads), crashed: map[playwright.Page]bool{}}
}

func (v *events) watch(c playwright.BrowserContext) {
	c.OnDialog(v.onDialog)
	c.OnDownload(func(d playwright.Download) {
		select {
		case v.downloads <- d:
		default:
			v.note("a download was not kept: there were too many")
			go func() { _ = d.Cancel() }() // it ends with the context at the latest
		}
	})
	c.OnPage(func(p playwright.Page) {
		p.OnCrash(func(p playwright.Page) {
			v.crash(p)
			go func() { _ = p.Close() }() // which ends the action that waits for it
		})
		if len(c.Pages()) > maxTabs {
			v.note("a tab was closed: there were too many")
			go func() { _ = p.Close() }()
		}
	})
}

// answerWith sets how dialogs are answered that an action causes.
func (v *events) answerWith(a Action) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.accept, v.prompt = nil, ""
	if a.Dialog != "" {
		accept := a.Dialog == "accept"
		v.accept = &accept
	}
	if a.Prompt != nil {
		v.prompt = *a.Prompt
	}
}

func (v *events) onDialog(d playwright.Dialog) {
	v.mu.Lock()
	defer v.mu.Unlock()
	accept := d.Type() == "alert" || d.Type() == "beforeunload"
	if v.accept != nil {
		accept = *v.accept
	}
	shown := Dialog{Type: d.Type(), Message: clip(d.Message(), 500), Answer: "dismissed"}
	if accept {
		shown.Answer = "accepted"
	}
	if len(v.dialogs) < maxNotes {
		v.dialogs = append(v.dialogs, shown)
	}
	prompt := v.prompt
	go func() { // a dialog of a page that has gone needs no answer
		if accept {
			_ = d.Accept(prompt)
		} else {
			_ = d.Dismiss()
		}
	}()
}

func (v *events) note(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.notes) < maxNotes {
		v.notes = append(v.notes, text)
	}
}

func (v *events) downloaded(f File) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.saved = append(v.saved, f)
}

func (v *events) crash(p playwright.Page) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.crashed[p] = false
}

// takeCrash tells whether a page has crashed since the last time.
func (v *events) takeCrash() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	found := false
	for p, told := range v.crashed {
		found = found || !told
		v.crashed[p] = true
	}
	return found
}

func (v *events) hasCrashed(p playwright.Page) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, crashed := v.crashed[p]
	return crashed
}

// take returns what happened since the last time.
func (v *events) take() ([]Dialog, []File, []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	dialogs, saved, notes := v.dialogs, v.saved, v.notes
	v.dialogs, v.saved, v.notes = nil, nil, nil
	return dialogs, saved, notes
}

// clip shortens a text for a message.
func clip(s string, limit int) string {
	if r := []rune(s); len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return s
}
