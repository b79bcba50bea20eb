"""A browser context with its tabs: actions are carried out in it, and what came of them is told."""
import asyncio
import re
import time

import _files
import _page
from _actions import BLANK, addressed

MAX_NOTES = 20
MAX_DOWNLOADS = 16
MAX_TABS = 12
LOOK = 3  # seconds for what is told of a page besides the results
FAILURE_BYTES = 8000  # of the snapshot that a failure shows


class Refused(Exception):
    """The page that an action led to is one that the proxy refused."""

    def __init__(self, refusal):
        said = "%.300s is not allowed: %s" if refusal.denied else "%.300s: %s"
        super().__init__(said % (refusal.url, refusal.reason))
        self.denied = refusal.denied


class NoPage(Exception):
    """Nothing was opened yet."""


class Session:
    def __init__(self, playwright, browser, egress, notes):
        self.playwright, self._browser, self.egress = playwright, browser, egress
        self.context = self.page = None
        self.downloads = asyncio.Queue(MAX_DOWNLOADS)  # begun, to be saved
        self._accept, self._prompt = None, ""  # how the next dialogs are answered; None: as is usual
        self._dialogs, self._saved, self._notes = [], [], list(notes)
        self._crashed = False

    async def do(self, actions, seconds):
        """Carry out actions until one fails; a call that takes too long loses its tabs."""
        await self.ready()
        deadline = time.monotonic() + seconds
        reply = {"results": []}
        for i, action in enumerate(actions):
            result, failure = await self._step(action, deadline)
            reply["results"].append(result)
            if failure:
                reply["error"] = {"code": failure.pop("code"), "message": failure.pop("message"), "action": i, **failure}
                break
        await self._describe(reply)
        return reply

    async def ready(self):
        """Open the context unless it is open, and see to it that there is a page."""
        if self.context is None:
            self.context = await self._browser.new_context(
                accept_downloads=True, service_workers="block", viewport={"width": 1280, "height": 800}
            )
            self.context.set_default_timeout(_page.ACTION)
            self.context.set_default_navigation_timeout(_page.NAVIGATION)
            self._crashed = False
            self.context.on("dialog", self._on_dialog)
            self.context.on("download", self._on_download)
            self.context.on("page", self._on_page)
        await self.pick_page()

    async def pick_page(self):
        """Keep the current tab, or take the last one when it has been closed."""
        pages = self.context.pages
        if self.page not in pages:
            self.page = pages[-1] if pages else await self.context.new_page()

    async def drop(self):
        """Close the context; the next call opens a new one."""
        context, self.context, self.page = self.context, None, None
        try:
            await asyncio.wait_for(context.close(), LOOK)
        except (self.playwright.Error, asyncio.TimeoutError):
            pass  # it has ended, or ends with the browser

    async def _step(self, action, deadline):
        """One action: its result, and why it failed, None if it did not."""
        result = {"action": action["action"], "ok": False}
        try:
            self._needs_page(action)
            self._answer_with(action)
            await asyncio.wait_for(self._acted(action, result), max(0.1, deadline - time.monotonic()))
        except (self.playwright.Error, _page.Failed, _files.BadFile, Refused, NoPage, OSError, asyncio.TimeoutError) as e:
            return result, await self._failure(action, e, time.monotonic() >= deadline)
        result["ok"] = True
        return result, None

    async def _acted(self, action, result):
        try:
            await _page.act(self, action, result)
        except self.playwright.Error as e:
            self._refused(e)
            raise
        self._refused(None)

    def _refused(self, error):
        """Raise Refused if the page that an action led to is one that the proxy refused; others are noted."""
        url = self.page.url if self.page else ""
        lost = "ERR_TUNNEL_CONNECTION_FAILED" in str(error) if error else url.startswith("chrome-error:")
        found = None
        for refusal in self.egress.take():
            # A refused tunnel leaves no URL behind; Chromium opens some of its own, which no rule refuses.
            tunnel = lost and refusal.url.startswith("https:") and not (found and found.denied and not refusal.denied)
            if refusal.hits(url) or tunnel:
                found = refusal
            else:
                self._note("no answer from %s: %s" % (_page.clip(refusal.url, 200), refusal.reason))
        if found:
            raise Refused(found) from None

    def _needs_page(self, action):
        """Refuse to look for something on the empty page of a new session."""
        name = action["action"]
        if name in ("navigate", "tab", "close") or name in ("wait", "download", "eval") and not addressed(action):
            return
        if self.page.url in ("", BLANK):
            raise NoPage("no page is open: begin with navigate (a session does not outlive the process)")

    async def _failure(self, action, error, late):
        name = action["action"]
        if late and isinstance(error, asyncio.TimeoutError):
            await self.drop()
            message = "%s: the call took too long and was ended, its tabs are closed; open the page again and do less in one call"
            return {"code": "browser_gone", "message": message % name}
        if self._crashed:
            await self.drop()
            return {"code": "page_crashed", "message": name + ": the page crashed, the session's tabs are closed; open the page again"}
        if _gone(error):
            self.context = self.page = None
            message = "%s: the browser ended while it worked on this; it starts anew with the next call, with no page open"
            return {"code": "browser_gone", "message": message % name}
        failure = {"code": self._code(action, error), "message": "%s: %s" % (name, _line(error))}
        snapshot = await self._look()
        return {**failure, "snapshot": snapshot} if snapshot else failure

    def _code(self, action, error):
        """Playwright tells most things by the text of its messages alone."""
        said = str(error)
        kinds = ((_page.Stale, "stale_ref"), (_page.NoDownload, "timeout"), (NoPage, "no_page"), (_files.BadFile, "bad_file"))
        for kind, code in kinds:
            if isinstance(error, kind):
                return code
        if isinstance(error, Refused):
            return "denied" if error.denied else "failed"
        if "strict mode violation" in said:
            return "ambiguous"
        if isinstance(error, self.playwright.TimeoutError):
            looked_for = addressed(action) or action.get("fields")
            return "not_found" if looked_for and "waiting for" in said and "locator resolved to" not in said else "timeout"
        return "script_error" if action["action"] == "eval" else "failed"

    async def _look(self):
        """The snapshot that goes with a failure, "" when there is none to be had."""
        if self.page is None or self.page.url == BLANK:
            return ""
        try:
            tree = await self.page.aria_snapshot(mode="ai", timeout=LOOK * 1000)
        except self.playwright.Error:
            return ""
        kept, note = _page.cut(tree, FAILURE_BYTES, "take a snapshot or use find to see the rest")
        return kept + "\n# " + note if note else kept

    async def _describe(self, reply):
        """Add to a reply where the browser is now and what happened on the way."""
        if self.context and self._browser.is_connected():
            try:
                await self.pick_page()
                reply["url"] = self.page.url
                title = await asyncio.wait_for(self.page.title(), LOOK)
                reply.update({"title": title} if title else {})
            except (self.playwright.Error, asyncio.TimeoutError):
                pass  # a page that is just going away has none
            tabs = self.tabs()
            if len(tabs) > 1:
                reply["tabs"] = tabs
            await self.collect()
        told = {"dialogs": self._dialogs, "downloads": self._saved, "notes": self._notes}
        reply.update({name: found for name, found in told.items() if found})
        self._dialogs, self._saved, self._notes = [], [], []

    def tabs(self):
        found = [{"index": i, "url": page.url, "current": page == self.page} for i, page in enumerate(self.context.pages)]
        return [{k: v for k, v in tab.items() if v is not False} for tab in found]

    async def collect(self):
        """Save what pages began to download without being asked."""
        while not self.downloads.empty():
            download = self.downloads.get_nowait()
            try:
                self._saved.append(await _page.save(download, ""))
            except (self.playwright.Error, _files.BadFile, OSError) as e:
                self._note('the download "%.100s" failed: %s' % (download.suggested_filename, str(e).split("\n")[0]))

    # What pages do by themselves.

    def _answer_with(self, action):
        """Set how dialogs are answered that an action causes."""
        self._accept = action["dialog"] == "accept" if "dialog" in action else None
        self._prompt = action.get("prompt", "")

    async def _on_dialog(self, dialog):
        accept = dialog.type in ("alert", "beforeunload") if self._accept is None else self._accept
        if len(self._dialogs) < MAX_NOTES:
            shown = {"type": dialog.type, "message": _page.clip(dialog.message, 500), "answer": "accepted" if accept else "dismissed"}
            self._dialogs.append(shown)
        try:
            await (dialog.accept(self._prompt) if accept else dialog.dismiss())
        except self.playwright.Error:
            pass  # a dialog of a page that has gone needs no answer

    async def _on_download(self, download):
        try:
            self.downloads.put_nowait(download)
        except asyncio.QueueFull:
            self._note("a download was not kept: there were too many")
            await self._quietly(download.cancel())

    async def _on_page(self, page):
        page.on("crash", self._on_crash)
        if len(self.context.pages) > MAX_TABS:
            self._note("a tab was closed: there were too many")
            await self._quietly(page.close())

    def _on_crash(self, _):
        self._crashed = True

    async def _quietly(self, ending):
        try:
            await ending
        except self.playwright.Error:
            pass  # it ends with the context at the latest

    def _note(self, text):
        if len(self._notes) < MAX_NOTES:
            self._notes.append(text)


def _gone(error):
    """Whether there is nobody left to talk to."""
    said = str(error)
    return type(error).__name__ == "TargetClosedError" or "Connection closed" in said or "has been closed" in said


def _line(error):
    """An error in one line. Playwright's log tells what it waited for; its last lines are what helps."""
    head, _, log = re.sub("\x1b\\[[0-9;]*m", "", str(error)).partition("\n")
    head = re.sub(r"\b[A-Z]\w+\.\w+: ", "", head.strip(), count=1)
    last = [part.strip().lstrip("- ") for part in log.split("\n")]
    last = [part for part in last if part and part != "Call log:" and not part.startswith("at ")][-4:]
    if last:
        head += " (%s)" % "; ".join(last)
    return _page.clip(" ".join(head.split()), 600)
