// Package browser carries out the tool skill browser_automation: it drives a Chromium through Playwright. A worker has one
// [Pool] with one warm browser, which starts with the first call, ends when it has been idle, and is replaced when it
// crashes. Each run of a subagent gets a tool of its own ([Pool.ForRun]) and in it a fresh browser context per session:
// no cookie, tab or file is shared between runs.
//
// The browser is outside the sandbox and shows pages that nobody vouches for. It gets none of our environment, opens http
// and https only, and touches no file but through the run's workspace. Each request of a page is judged by method and URL
// before it leaves (see [Run].Allow), and every connection goes through a proxy of the session alone, which sees redirects
// and WebSockets too and refuses addresses that are not public.
//
// The package imports internal/gateway for the types of a tool internal/netguard for its connections and
// internal/secret, and nothing else of this project.
//
// # Requests
//
// A request is a list of actions, carried out in order until one fails, or a goal that a model pursues:
//
//	{"actions": [{"action": "navigate", "url": "https://example.com"}, {"action": "click", "role": "link", "name": "More"}]}
//	{"goal": "the price of the cheapest ticket", "url": "https://example.com", "max_steps": 15}
//
// "session" names a stored login that the run may use. Unknown fields and actions are errors that name the nearest known
// one. An element is addressed by exactly one of
//
//	"ref": "e12"                      as a snapshot shows it, in frames too ("f1e3"); valid until the page changes
//	"role": "button", "name": "Send"  ARIA role and accessible name
//	"label": "E-mail"                 a form field by its label
//	"text": "Sign in"                 visible text
//	"css": "#total > td"              CSS selector
//
// with "exact": true (whole name or text), "nth": 0 (which of several) and "frame": "#pay" (CSS selector of an iframe).
//
//	navigate    url
//	click       element, double
//	fill        element and value, or fields: [{element, value}]
//	type        element, value, submit: key by key, then Enter
//	select      element, values: options by value or label
//	check       element, checked (default true)
//	press       key ("Enter", "Control+A"), element
//	upload      element, paths: files of the workspace
//	wait        element (gone: until it is not there), or url (a part of it), or ms
//	text        element (default: the page), max_bytes
//	find        query: the lines of the snapshot that hold all of these words, with their refs
//	snapshot    element (default: the page), max_bytes
//	screenshot  element or full, path (default screenshots/<n>.png)
//	download    element to click, or url; path (default downloads/<name>)
//	tab         open: URL, index to switch to, or close: index; alone it lists the tabs
//	eval        script, element: where policy allows it
//	close       ends the session; the next action begins a new one
//
// Every action takes timeout_ms (default 8000, navigation 30000), and dialog ("accept" or "dismiss") with prompt: how
// dialogs that it causes are answered. Without it alerts are accepted, and questions dismissed.
//
// # Replies
//
//	{"results": [{"action": "navigate", "ok": true, "status": 200}, …], "url": "…", "title": "…",
//	 "dialogs": […], "downloads": […], "notes": […],
//	 "error": {"code": "not_found", "message": "…", "action": 1, "snapshot": "…"}}
//
// error tells which action failed and shows the page as it is then. Its codes: not_found, ambiguous, stale_ref, timeout,
// denied, no_page, bad_file, script_error, page_crashed, browser_gone, failed. A goal's reply has answer and steps;
// its error code may also be max_steps or budget_exhausted, and results tell what was done until then.
package browser
