package evaluation

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ledongthuc/pdf"
	"github.com/playwright-community/playwright-go"
	"github.com/stretchr/testify/require"
)

// With RECORD_SCREENSHOTS=1 the pictures in the documentation are made anew. Their numbers are drawn at random for the
// tests, and they say that no language model made them.
const pictures = "../../docs/images"

func TestPagesInChromium(t *testing.T) {
	browser := launch(t) // one for all, as it takes seconds
	t.Run("a report reads on phone and desk, in light and dark, and asks for nothing", func(t *testing.T) { reportReads(t, browser) })
	t.Run("a printed report says on each page that its model is scripted", func(t *testing.T) { printedReportSays(t, browser) })
	t.Run("a growth series reads on a phone", func(t *testing.T) { growthReads(t, browser) })
}

func reportReads(t *testing.T, browser playwright.Browser) {
	file := written(t, "report.html", htmlOf(t, sampleReport(3)))
	for _, width := range []int{360, 1400} {
		for _, scheme := range []*playwright.ColorScheme{playwright.ColorSchemeLight, playwright.ColorSchemeDark} {
			t.Run(fmt.Sprintf("%d %s", width, *scheme), func(t *testing.T) {
				page := visit(t, browser, file, width, scheme)
				requireFits(t, page)
				requireReadable(t, page)
				title, err := page.Title()
				require.NoError(t, err)
				require.Equal(t, "Offline batches: evaluation of a scripted model", title, "no text of a task ran as a script")
				if (width == 360) == (scheme == playwright.ColorSchemeDark) {
					record(t, page, fmt.Sprintf("evaluation-report-%d.png", width))
				}
			})
		}
	}
}

func printedReportSays(t *testing.T, browser playwright.Browser) {
	scripted := sampleReport(1)
	pages := printed(t, browser, scripted)
	require.Greater(t, len(pages), 3)
	for i, text := range pages {
		require.Contains(t, text, "SCRIPTED MODEL", "page %d", i+1)
	}
	require.Contains(t, strings.Join(pages, ""), "8,000", "the axes of the charts are text in print")

	scripted.Meta.Scripted, scripted.Against = false, nil
	for i, text := range printed(t, browser, scripted) {
		require.NotContains(t, text, "SCRIPTED MODEL", "page %d", i+1)
	}
}

func growthReads(t *testing.T, browser playwright.Browser) {
	runs, skills := sampleGrowth()
	var page bytes.Buffer
	require.NoError(t, Growth(runs, skills, Day).HTML(&page, "Growth of the library", true))
	opened := visit(t, browser, written(t, "growth.html", page.Bytes()), 360, playwright.ColorSchemeDark)
	requireFits(t, opened)
	requireReadable(t, opened)
}

// printed returns the text of each page.
func printed(t *testing.T, browser playwright.Browser, r Report) (pages []string) {
	t.Helper()
	page := visit(t, browser, written(t, "report.html", htmlOf(t, r)), 1400, playwright.ColorSchemeDark)
	data, err := page.PDF(playwright.PagePdfOptions{PreferCSSPageSize: playwright.Bool(true)})
	require.NoError(t, err)
	document, err := pdf.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	for i := range document.NumPage() {
		text, err := document.Page(i + 1).GetPlainText(nil)
		require.NoError(t, err)
		pages = append(pages, text)
	}
	return pages
}

// visit opens a page and fails the test for any request of it and any word on its console.
func visit(t *testing.T, browser playwright.Browser, file string, width int, scheme *playwright.ColorScheme) playwright.Page {
	t.Helper()
	page, err := browser.NewPage(playwright.BrowserNewPageOptions{Viewport: &playwright.Size{Width: width, Height: 900}, ColorScheme: scheme})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, page.Close()) })
	address := (&url.URL{Scheme: "file", Path: file}).String()
	page.OnRequest(func(r playwright.Request) {
		if r.URL() != address {
			t.Errorf("the page asked for %.200s", r.URL())
		}
	})
	page.OnConsole(func(m playwright.ConsoleMessage) { t.Errorf("on the console: %s", m.Text()) })
	page.OnPageError(func(err error) { t.Errorf("error in the page: %v", err) })
	_, err = page.Goto(address)
	require.NoError(t, err)
	return page
}

func requireFits(t *testing.T, page playwright.Page) {
	t.Helper()
	for _, open := range []bool{false, true} {
		widths, err := page.Evaluate(`open => {
			document.querySelectorAll('details').forEach(d => d.open = open);
			return [document.scrollingElement.scrollWidth, innerWidth];
		}`, open)
		require.NoError(t, err)
		pair := widths.([]any)
		require.LessOrEqual(t, pair[0], pair[1], "with details open: %v", open)
	}
}

// requireReadable demands WCAG's contrast of 4.5 of every text that is shown, charts included, and that no text of a chart
// is shown smaller than 9 pixels.
func requireReadable(t *testing.T, page playwright.Page) {
	t.Helper()
	found, err := page.Evaluate(`() => {
		const rgb = c => c.match(/[\d.]+/g).map(Number);
		const light = c => { const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
		const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
		const bad = [];
		const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		for (let n; n = walk.nextNode();) {
			const e = n.parentElement, inChart = !!e.closest('svg');
			if (!n.data.trim() || !e.checkVisibility()) continue;
			const a = light(rgb(inChart ? getComputedStyle(e).fill : getComputedStyle(e).color)), b = light(behind(e));
			const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
			if (contrast < 4.5) bad.push(contrast.toFixed(2) + ' ' + n.data.slice(0, 40));
			if (inChart && e.getBoundingClientRect().height < 9) bad.push('small ' + n.data);
		}
		return bad.slice(0, 10);
	}`)
	require.NoError(t, err)
	require.Empty(t, found)
}

func htmlOf(t testing.TB, r Report) []byte {
	t.Helper()
	var page bytes.Buffer
	require.NoError(t, HTML(&page, r))
	return page.Bytes()
}

func written(t testing.TB, name string, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, data, 0o644))
	return file
}

// record keeps what is seen of a page from the charts on.
func record(t testing.TB, page playwright.Page, name string) {
	t.Helper()
	if os.Getenv("RECORD_SCREENSHOTS") == "" {
		return
	}
	_, err := page.Evaluate(`() => { document.querySelectorAll('details').forEach(d => d.open = false); document.getElementById('tokens').scrollIntoView(); }`)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(pictures, 0o755))
	_, err = page.Screenshot(playwright.PageScreenshotOptions{Path: playwright.String(filepath.Join(pictures, name))})
	require.NoError(t, err)
}

// launch starts Chromium. A test that lacks it is skipped, or fails if AGENTFACTORY_TEST_REQUIRE is "all".
func launch(t testing.TB) playwright.Browser {
	t.Helper()
	program, err := exec.LookPath(or(os.Getenv("AGENTFACTORY_TEST_CHROMIUM"), "chromium"))
	need(t, err, "install Chromium, and name it in AGENTFACTORY_TEST_CHROMIUM")
	driver := or(os.Getenv("AGENTFACTORY_TEST_PLAYWRIGHT"), "playwright-1.60.0")
	_, err = os.Stat(filepath.Join(driver, "package", "cli.js"))
	need(t, err, "unpack the npm package playwright-core@1.60.0 into a directory with a link called node to Node.js, and name it in AGENTFACTORY_TEST_PLAYWRIGHT")
	pw, err := playwright.Run(&playwright.RunOptions{DriverDirectory: driver, SkipInstallBrowsers: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pw.Stop()) })
	browser, err := pw.Chromium.Launch(playwright.BrowserTypeLaunchOptions{
		ExecutablePath: &program, Env: map[string]string{"PATH": os.Getenv("PATH"), "HOME": t.TempDir()},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, browser.Close()) })
	return browser
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func need(t testing.TB, err error, install string) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("AGENTFACTORY_TEST_REQUIRE") == "all":
		t.Fatalf("%v: %s", err, install)
	default:
		t.Skipf("%v: %s", err, install)
	}
}
