package topology

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/playwright-community/playwright-go"
	"github.com/stretchr/testify/require"
)

// browser is a Chromium that looks at Temporal's UI.
type browser struct {
	t    testing.TB
	page playwright.Page
}

func newBrowser(t testing.TB) *browser {
	t.Helper()
	driver := os.Getenv("AGENTFACTORY_TEST_PLAYWRIGHT")
	find(t, filepath.Join(driver, "node"), "unpack the npm package playwright-core@1.60.0 into a directory with a link called node to Node.js, and name it in AGENTFACTORY_TEST_PLAYWRIGHT",
		filepath.Join(driver, "package", "cli.js"), "--version")
	program := find(t, orUsual(os.Getenv("AGENTFACTORY_TEST_CHROMIUM"), "chromium"), "install Chromium, or name it in AGENTFACTORY_TEST_CHROMIUM", "--version")
	pw, err := playwright.Run(&playwright.RunOptions{DriverDirectory: driver, SkipInstallBrowsers: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pw.Stop()) })
	chromium, err := pw.Chromium.Launch(playwright.BrowserTypeLaunchOptions{
		ExecutablePath: &program, Env: map[string]string{"PATH": os.Getenv("PATH"), "HOME": t.TempDir()},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, chromium.Close()) })
	page, err := chromium.NewPage(playwright.BrowserNewPageOptions{
		Viewport: &playwright.Size{Width: 1440, Height: 840}, IgnoreHttpsErrors: playwright.Bool(true), // the authority is private
	})
	require.NoError(t, err)
	page.SetDefaultTimeout(float64(patience.Milliseconds()))
	return &browser{t: t, page: page}
}

// runOf reads the story of a run that waits for an approval, which the codec server has decrypted.
func (b *browser) runOf(top *Topology, id, runID, picture string) {
	b.t.Helper()
	b.open(top, "workflows/"+id+"/"+runID+"/user-metadata")
	story := b.page.FrameLocator("#user-metadata-current-details").Locator("body") // Markdown has a frame of its own
	b.shows(story, "turn 1", "UnicodeDecodeError", "turn 3", "waiting for approval", "words: 3", "Skills to be saved: word-count")
	b.record(picture)
}

// schedule reads when a schedule fires next, and what it has started.
func (b *browser) schedule(top *Topology, id, picture string) {
	b.t.Helper()
	b.open(top, "schedules/"+id)
	b.shows(b.page.Locator("body"), id, "SelfEvolve", "Europe/Berlin", "Completed")
	b.record(picture)
}

func (b *browser) open(top *Topology, page string) {
	b.t.Helper()
	_, err := b.page.Goto(top.UIURL() + "/namespaces/" + Namespace + "/" + page)
	require.NoError(b.t, err)
}

// shows waits until texts can be seen somewhere inside an element.
func (b *browser) shows(element playwright.Locator, texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		if err := element.GetByText(text).First().WaitFor(); err != nil {
			said, _ := b.page.Locator("body").InnerText() // for the failure's message only
			require.NoError(b.t, err, "%q is not on the page:\n%s", text, said)
		}
	}
}

// record makes a picture of the documentation anew when RECORD_SCREENSHOTS is set.
func (b *browser) record(picture string) {
	b.t.Helper()
	if os.Getenv("RECORD_SCREENSHOTS") == "" {
		return
	}
	_, err := b.page.Screenshot(playwright.PageScreenshotOptions{Path: playwright.String(filepath.Join("..", "..", "docs", "images", picture))})
	require.NoError(b.t, err)
}
