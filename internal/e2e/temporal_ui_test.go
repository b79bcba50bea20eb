package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/playwright-community/playwright-go"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/run"
)

var (
	chromium = requirement{
		variable: "AGENTFACTORY_TEST_CHROMIUM", usual: "chromium", check: takes("--version"), install: "install Chromium",
	}
	playwrightDriver = requirement{
		variable: "AGENTFACTORY_TEST_PLAYWRIGHT", usual: "playwright-1.60.0",
		check: func(dir string) *exec.Cmd {
			return exec.Command(filepath.Join(dir, "node"), filepath.Join(dir, "package", "cli.js"), "--version")
		},
		install: "unpack the npm package playwright-core@1.60.0 into a directory with a link called node to Node.js",
	}
)

// With RECORD_SCREENSHOTS=1 the picture in the documentation is made anew.
const screenshot = "../../docs/images/temporal-ui.png"

func TestTheTemporalUITellsTheStoryOfARunAndApprovesIt(t *testing.T) {
	t.Parallel()
	ui := newTemporalUI(t)
	s := newStack(t, wordCount)
	s.worker()
	c := s.cli()
	c.start("count-the-words", `{"approval":"finish",`+countInput+`}`, "--static-summary", "Words in first.txt")
	waiting := c.until("count-the-words", in(run.WaitingForApproval))

	ui.open(s, "count-the-words", "timeline")
	ui.shows(ui.page.Locator("body"), "turn 1", "create_subagent word_count", "modify_subagent subagent.py", "run_subagent subagent.py")
	ui.open(s, "count-the-words", "search-attributes")
	ui.shows(ui.page.Locator("body"), "AgentFactoryPhase", "waiting_for_approval", "AgentFactoryModel", "scripted-test", "AgentFactoryTokens")
	ui.open(s, "count-the-words", "user-metadata")
	story := ui.page.FrameLocator("#user-metadata-current-details").Locator("body") // Markdown has a frame of its own
	ui.shows(story, "turn 1", "UnicodeDecodeError", "turn 3", "waiting for approval", "words: 3", "Skills to be saved: word-count")
	if os.Getenv("RECORD_SCREENSHOTS") != "" {
		require.NoError(t, os.MkdirAll(filepath.Dir(screenshot), 0o755))
		_, err := ui.page.Screenshot(playwright.PageScreenshotOptions{Path: playwright.String(screenshot)})
		require.NoError(t, err)
	}
	ui.update("approve", decision(waiting.Approval.ApprovalID))
	_, res := c.result("count-the-words")
	require.Equal(t, run.Completed, res.Outcome)
}

// temporalUI is a Chromium that looks at Temporal's UI.
type temporalUI struct {
	t    testing.TB
	page playwright.Page
}

func newTemporalUI(t testing.TB) *temporalUI {
	t.Helper()
	options := &playwright.RunOptions{DriverDirectory: playwrightDriver.find(t), SkipInstallBrowsers: true}
	program, err := exec.LookPath(chromium.find(t))
	require.NoError(t, err)
	pw, err := playwright.Run(options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pw.Stop()) })
	browser, err := pw.Chromium.Launch(playwright.BrowserTypeLaunchOptions{
		ExecutablePath: &program,
		Env:            map[string]string{"PATH": os.Getenv("PATH"), "HOME": t.TempDir()},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, browser.Close()) })
	page, err := browser.NewPage(playwright.BrowserNewPageOptions{Viewport: &playwright.Size{Width: 1440, Height: 1100}})
	require.NoError(t, err)
	page.SetDefaultTimeout(float64(testPatience.Milliseconds()))
	return &temporalUI{t: t, page: page}
}

// open shows a tab of a run's page.
func (ui *temporalUI) open(s *stack, id, tab string) {
	ui.t.Helper()
	_, err := ui.page.Goto("http://" + s.ui + "/namespaces/default/workflows/" + id + "/" + s.runID(id) + "/" + tab)
	require.NoError(ui.t, err)
}

// shows waits until texts can be seen somewhere inside an element.
func (ui *temporalUI) shows(element playwright.Locator, texts ...string) {
	ui.t.Helper()
	for _, text := range texts {
		require.NoError(ui.t, element.GetByText(text).First().WaitFor(), text)
	}
}

// update sends an update to the run that is open.
func (ui *temporalUI) update(name, data string) {
	ui.t.Helper()
	ui.click(ui.page.GetByRole("button", playwright.PageGetByRoleOptions{Name: "More Actions"}))
	ui.click(ui.page.GetByRole("menuitem", playwright.PageGetByRoleOptions{Name: "Send an Update"}))
	dialog := ui.page.Locator("dialog[open]")
	ui.click(dialog.GetByRole("button", playwright.LocatorGetByRoleOptions{Name: "Select an Update"}))
	ui.click(dialog.GetByRole("option", playwright.LocatorGetByRoleOptions{Name: name}))
	ui.click(dialog.GetByRole("textbox", playwright.LocatorGetByRoleOptions{Name: "Data"}))
	require.NoError(ui.t, ui.page.Keyboard().InsertText(data))
	submit := dialog.GetByRole("button", playwright.LocatorGetByRoleOptions{Name: "Submit"})
	require.NoError(ui.t, submit.Press("Enter")) // a click would miss it: the data is formatted and moves it away
	gone := dialog.WaitFor(playwright.LocatorWaitForOptions{State: playwright.WaitForSelectorStateHidden})
	if gone != nil {
		said, _ := dialog.InnerText() // for the failure's message only
		require.NoError(ui.t, gone, said)
	}
}

func (ui *temporalUI) click(element playwright.Locator) {
	ui.t.Helper()
	require.NoError(ui.t, element.Click())
}

func (s *stack) runID(id string) string {
	s.t.Helper()
	described, err := s.temporal.DescribeWorkflowExecution(s.t.Context(), id, "")
	require.NoError(s.t, err)
	return described.WorkflowExecutionInfo.Execution.RunId
}
