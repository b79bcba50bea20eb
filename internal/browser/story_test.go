package browser

import (
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/browser/browsertest"
	"agentfactory/internal/gateway"
)

func TestAFormIsFilledInAndSent(t *testing.T) {
	at := browsertest.Site(t)
	s := newSubagent(t, shared)
	reply := s.do(
		navigate(at.URL+"/form"),
		fields{"action": "fill", "fields": []fields{{"label": "Name", "value": "Ada"}, {"label": "Count", "value": "3"}}},
		fields{"action": "select", "label": "Article", "values": []string{"Tulip"}},
		fields{"action": "check", "label": "Gift"},
		click("button", "Send"),
	)
	require.Equal(t, 200, reply.Results[0].Status)
	require.Equal(t, []string{"t"}, reply.Results[2].Selected)
	require.Equal(t, "thanks", reply.Title)
	require.Equal(t, at.URL+"/order", reply.URL)
	require.Equal(t, "Thanks, Ada: 3 of t, gift yes", s.text())
}

func TestTextIsTypedKeyByKeyAndSubmitted(t *testing.T) {
	at := browsertest.Site(t)
	s := newSubagent(t, shared)
	s.do(navigate(at.URL+"/login"), fields{"action": "type", "label": "User", "value": "ada", "submit": true},
		fields{"action": "wait", "text": "Hello ada"})
}

func TestElementsAreFoundByTheRefsOfASnapshot(t *testing.T) {
	at := browsertest.Site(t)
	s := newSubagent(t, shared)
	shot := last(s.do(navigate(at.URL), fields{"action": "snapshot"}))
	require.Contains(t, shot.Snapshot, `heading "Shop"`)
	found := last(s.do(fields{"action": "find", "query": "LINK order"})).Matches
	require.Len(t, found, 1)
	reply := s.do(fields{"action": "click", "ref": ref(t, found[0])})
	require.Equal(t, at.URL+"/form", reply.URL)

	stale := s.try(fields{"action": "click", "ref": "e999"})
	require.Equal(t, "stale_ref", stale.Error.Code)
	require.Contains(t, stale.Error.Snapshot, `button "Send"`)
}

func TestAFrameIsUsedByRefsAndByItsSelector(t *testing.T) {
	at := browsertest.Site(t)
	s := newSubagent(t, shared)
	found := last(s.do(navigate(at.URL+"/frame"), fields{"action": "wait", "label": "Card", "frame": "#pay"}, fields{"action": "find", "query": "textbox card"})).Matches
	require.Len(t, found, 1)
	require.Contains(t, found[0], "[ref=f")
	s.do(fields{"action": "fill", "ref": ref(t, found[0]), "value": "4711"},
		fields{"action": "click", "role": "button", "name": "Pay", "frame": "#pay"},
		fields{"action": "wait", "text": "paid with 4711", "frame": "#pay"})
}

func TestAListThatGrowsIsFollowed(t *testing.T) {
	at := browsertest.Site(t)
	s := newSubagent(t, shared)
	s.do(navigate(at.URL + "/list"))
	none := last(s.do(fields{"action": "find", "query": "item"}))
	require.Empty(t, none.Matches)
	require.Contains(t, none.Note, "no line")
	s.do(click("button", "More"), fields{"action": "wait", "text": "Item 3"})
	require.Len(t, last(s.do(fields{"action": "find", "query": "button item"})).Matches, 3)
}

func TestDialogsAreAnsweredAndReported(t *testing.T) {
	at := browsertest.Site(t)
	s := newSubagent(t, shared)
	saved := s.do(navigate(at.URL+"/dialog"), click("button", "Save"))
	require.Equal(t, []Dialog{{"alert", "saved", "accepted"}}, saved.Dialogs)
	refused := s.do(click("button", "Remove"), fields{"action": "text", "css": "#out"})
	require.Equal(t, []Dialog{{"confirm", "really?", "dismissed"}}, refused.Dialogs)
	require.Equal(t, "false", *last(refused).Text)
	yes := click("button", "Remove")
	yes["dialog"] = "accept"
	require.Equal(t, "true", *last(s.do(yes, fields{"action": "text", "css": "#out"})).Text)
	name := click("button", "Rename")
	name["dialog"], name["prompt"] = "accept", "Grace"
	require.Equal(t, "Grace", *last(s.do(name, fields{"action": "text", "css": "#out"})).Text)
}

func TestADownloadLandsInTheWorkspaceWhateverItsName(t *testing.T) {
	at := browsertest.Site(t)
	s := newSubagent(t, shared)
	clicked := last(s.do(navigate(at.URL), fields{"action": "download", "text": "Report"})).File
	require.Equal(t, int64(8), clicked.Bytes)
	require.Equal(t, "downloads/", clicked.Path[:10])
	require.Equal(t, "a,b\n1,2\n", s.read(clicked.Path))
	require.Contains(t, clicked.Path, "report.csv")

	chosen := last(s.do(fields{"action": "download", "url": at.URL + "/report.csv", "path": "data/r.csv"})).File
	require.Equal(t, &File{"data/r.csv", 8}, chosen)
	again := last(s.do(fields{"action": "download", "text": "Report"})).File
	require.NotEqual(t, clicked.Path, again.Path)

	unasked := s.do(fields{"action": "click", "text": "Report"}, fields{"action": "wait", "ms": 1000})
	require.Len(t, unasked.Downloads, 1)

	outside := s.try(fields{"action": "download", "text": "Report", "path": "../r.csv"})
	require.Equal(t, "bad_file", outside.Error.Code)
	require.Nil(t, last(outside).File)
}

func TestFilesOfTheWorkspaceAloneAreUploaded(t *testing.T) {
	at := browsertest.Site(t)
	s := newSubagent(t, shared)
	s.write("notes.txt", "hi")
	s.do(navigate(at.URL+"/uploads"), fields{"action": "upload", "label": "File", "paths": []string{"notes.txt"}}, click("button", "Send"))
	require.Equal(t, `Got notes.txt with "hi"`, s.text())
	s.do(navigate(at.URL+"/uploads"), fields{"action": "upload", "role": "button", "name": "Choose", "paths": []string{"./notes.txt"}},
		fields{"action": "wait", "text": "notes.txt"})

	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(s.dir, "link")))
	require.NoError(t, os.Symlink("notes.txt", filepath.Join(s.dir, "inner")))
	require.NoError(t, os.Symlink("/etc", filepath.Join(s.dir, "etc")))
	for _, name := range []string{"link", "inner", "etc/passwd", "/etc/passwd", "../x", ".", "missing"} {
		refused := s.try(fields{"action": "upload", "label": "File", "paths": []string{name}})
		require.Equal(t, "bad_file", refused.Error.Code, name)
	}
}

func TestScreenshotsArePicturesInTheWorkspace(t *testing.T) {
	at := browsertest.Site(t)
	s := newSubagent(t, shared)
	reply := s.do(navigate(at.URL+"/form"), fields{"action": "screenshot"}, fields{"action": "screenshot", "role": "button", "name": "Send", "path": "b.png"})
	require.Equal(t, "screenshots/page.png", reply.Results[1].File.Path)
	for path, width := range map[string]int{"screenshots/page.png": 1280, "b.png": 0} {
		f, err := os.Open(filepath.Join(s.dir, path))
		require.NoError(t, err)
		defer f.Close()
		picture, err := png.Decode(f)
		require.NoError(t, err)
		if width > 0 {
			require.Equal(t, width, picture.Bounds().Dx())
		}
	}
	require.NoError(t, os.Symlink(t.TempDir(), filepath.Join(s.dir, "out")))
	refused := s.try(fields{"action": "screenshot", "path": "out/x.png"})
	require.Equal(t, "bad_file", refused.Error.Code)
}

func TestTabsAreOpenedSwitchedAndClosed(t *testing.T) {
	at := browsertest.Site(t)
	s := newSubagent(t, shared)
	opened := s.do(navigate(at.URL), click("link", "Account"), fields{"action": "wait", "ms": 500}, fields{"action": "tab"})
	require.Len(t, opened.Tabs, 2)
	require.True(t, opened.Tabs[0].Current)
	require.Equal(t, at.URL+"/login", s.do(fields{"action": "tab", "index": 1}).URL)
	require.Equal(t, at.URL+"/", s.do(fields{"action": "tab", "close": 1}).URL)
	require.Equal(t, at.URL+"/list", s.do(fields{"action": "tab", "open": at.URL + "/list"}).URL)
	require.Equal(t, "failed", s.try(fields{"action": "tab", "index": 7}).Error.Code)
}

func TestLongTextsAndSnapshotsAreCutWithANote(t *testing.T) {
	at := browsertest.Site(t)
	s := newSubagent(t, shared)
	reply := s.do(navigate(at.URL+"/long"), fields{"action": "text"}, fields{"action": "text", "max_bytes": 100}, fields{"action": "snapshot", "max_bytes": 500})
	require.LessOrEqual(t, len(*reply.Results[1].Text), textBytes)
	require.Contains(t, reply.Results[1].Note, "cut: the first")
	require.LessOrEqual(t, len(*reply.Results[2].Text), 100)
	require.LessOrEqual(t, len(reply.Results[3].Snapshot), 500)
	require.Contains(t, reply.Results[3].Note, "use find")
	require.Len(t, last(s.do(fields{"action": "find", "query": "last of all"})).Matches, 1)
}

func TestFailuresSayWhatIsWrongAndShowThePage(t *testing.T) {
	at := browsertest.Site(t)
	for name, c := range map[string]struct {
		page   string
		action fields
		code   string
		says   string
	}{
		"nothing is like that":       {"/form", fields{"action": "click", "role": "button", "name": "Buy", "timeout_ms": 1000}, "not_found", "Buy"},
		"two are like that":          {"/twins", fields{"action": "click", "text": "Same"}, "ambiguous", "2 elements"},
		"it cannot be clicked":       {"/twins", fields{"action": "click", "text": "Off", "timeout_ms": 2500}, "timeout", "not enabled"},
		"a CSS selector is none":     {"/form", fields{"action": "click", "css": "[[", "timeout_ms": 20000}, "failed", "[["},
		"an option does not exist":   {"/form", fields{"action": "select", "label": "Article", "values": []string{"Oak"}, "timeout_ms": 2500}, "timeout", "option"},
		"a field in a list is wrong": {"/form", fields{"action": "fill", "timeout_ms": 300, "fields": []fields{{"label": "Colour", "value": "x"}}}, "not_found", "fields[0]"},
		"no download comes":          {"/form", fields{"action": "download", "label": "Name", "timeout_ms": 2500}, "timeout", "no download"},
		"a server is down":           {"/form", navigate(down(t)), "failed", "cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSubagent(t, shared)
			s.do(navigate(at.URL + c.page))
			reply := s.try(c.action)
			require.NotNil(t, reply.Error)
			require.Equal(t, c.code, reply.Error.Code, reply.Error.Message)
			require.Contains(t, reply.Error.Message, c.says)
			require.NotContains(t, reply.Error.Message, "\n")
			require.NotEmpty(t, reply.Error.Snapshot)
			require.False(t, last(reply).OK)
		})
	}
}

func TestTheFirstFailureStopsTheActions(t *testing.T) {
	at := browsertest.Site(t)
	s := newSubagent(t, shared)
	reply := s.try(navigate(at.URL), fields{"action": "click", "css": "#no", "timeout_ms": 200}, navigate(at.URL+"/form"))
	require.Equal(t, 1, reply.Error.Action)
	require.Len(t, reply.Results, 2)
	require.Equal(t, at.URL+"/", reply.URL)
}

func TestASessionWithoutAPageSaysSo(t *testing.T) {
	s := newSubagent(t, shared)
	reply := s.try(click("button", "Send"))
	require.Equal(t, "no_page", reply.Error.Code)
	require.Empty(t, reply.Error.Snapshot)
}

func TestScriptsRunOnlyWherePolicyAllowsThem(t *testing.T) {
	at := browsertest.Site(t)
	script := fields{"action": "eval", "script": "document.querySelectorAll('input').length"}
	_, err := newSubagent(t, shared).call(fields{"actions": []fields{script}})
	refusedAs(t, err, gateway.Denied, "eval is not allowed")

	s := newSubagent(t, shared, func(r *Run) { r.AllowEval = true })
	require.EqualValues(t, 3, last(s.do(navigate(at.URL+"/form"), script)).Value)
	named := last(s.do(fields{"action": "eval", "css": "button", "script": "async e => ({name: e.textContent})"}))
	require.Equal(t, map[string]any{"name": "Send"}, named.Value)
	long := last(s.do(fields{"action": "eval", "script": "'x'.repeat(200000)"}))
	require.Contains(t, long.Note, "cut:")
	require.Nil(t, last(s.do(fields{"action": "eval", "script": "undefined"})).Value)
	thrown := s.try(fields{"action": "eval", "script": "nope()"})
	require.Equal(t, "script_error", thrown.Error.Code)
	require.Contains(t, thrown.Error.Message, "nope is not defined")
}

func TestPagesWithErrorsAreOrdinaryPages(t *testing.T) {
	at := browsertest.Site(t)
	s := newSubagent(t, shared)
	s.do(navigate(at.URL+"/error"), fields{"action": "wait", "ms": 200})
	require.Equal(t, "Broken", strings.TrimSpace(s.text()))
}

func TestCloseBeginsAFreshSession(t *testing.T) {
	at := browsertest.Site(t)
	s := newSubagent(t, shared)
	s.do(navigate(at.URL+"/login"), fields{"action": "fill", "label": "User", "value": "ada"}, click("button", "Sign in"), fields{"action": "wait", "text": "Hello ada"})
	reply := s.do(fields{"action": "close"}, navigate(at.URL+"/private"))
	require.Equal(t, at.URL+"/login", reply.URL)
}

// down is a URL at which nobody listens.
func down(t testing.TB) string {
	t.Helper()
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	return s.URL + "/"
}
