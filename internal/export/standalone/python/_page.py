"""The actions of browser_automation, each on the current tab of a session."""
import asyncio
import json
import re

import _files
from _actions import MAX_BYTES, addressed

ACTION, NAVIGATION, SETTLE = 8000, 30000, 3000  # milliseconds
TEXT_BYTES = 50_000
SNAPSHOT_BYTES = 20_000
MAX_MATCHES = 40
MAX_VALUE = 64 << 10  # bytes of JSON that a script returns


class Failed(Exception):
    """An action that cannot be carried out."""


class Stale(Failed):
    """The page has changed since the snapshot."""


class NoDownload(Failed):
    """No download began in time."""


async def act(session, action, result):
    """Carry out one action and put what it found into result."""
    await _ACTS[action["action"]](session, action, result)


def _timeout(action, usual=ACTION):
    return action.get("timeout_ms") or usual


async def _navigate(session, action, result):
    got = await session.page.goto(action["url"], wait_until="domcontentloaded", timeout=_timeout(action, NAVIGATION))
    if got:
        result["status"] = got.status


async def _settled(session):
    """Wait until a page that an action opened can be read; one that takes longer is seen by the next action."""
    try:
        await session.page.wait_for_load_state("domcontentloaded", timeout=SETTLE)
    except session.playwright.TimeoutError:
        pass


async def _click(session, action, result):
    at = await _locate(session, action)
    await at.click(click_count=2 if action.get("double") else 1, timeout=_timeout(action))
    await _settled(session)


async def _fill(session, action, result):
    for i, field in enumerate(action.get("fields") or [action]):
        try:
            await (await _locate(session, field)).fill(field["value"], timeout=_timeout(action))
        except (session.playwright.Error, Failed) as e:
            if "fields" in action:
                e.args = ("fields[%d]: %s" % (i, e),)
                if hasattr(e, "_message"):
                    e._message = e.args[0]
            raise


async def _type(session, action, result):
    at = await _locate(session, action)
    await at.press_sequentially(action["value"], timeout=_timeout(action))
    if action.get("submit"):
        await at.press("Enter", timeout=_timeout(action))
        await _settled(session)


async def _select(session, action, result):
    at = await _locate(session, action)
    result["selected"] = await at.select_option(action["values"], timeout=_timeout(action))


async def _check(session, action, result):
    await (await _locate(session, action)).set_checked(action.get("checked", True), timeout=_timeout(action))


async def _press(session, action, result):
    if addressed(action):
        await (await _locate(session, action)).press(action["key"], timeout=_timeout(action))
    else:
        await session.page.keyboard.press(action["key"])
    await _settled(session)


async def _upload(session, action, result):
    """Put files into a file input, or into the dialog that a button opens."""
    at = await _locate(session, action)
    files, timeout = [_files.upload(p) for p in action["paths"]], _timeout(action)
    if await at.evaluate("e => e.matches('input[type=file]') || e.control?.type === 'file'", timeout=timeout):
        await at.set_input_files(files, timeout=timeout)
        return
    async with session.page.expect_file_chooser(timeout=timeout) as chooser:
        await at.click(timeout=timeout)
    await (await chooser.value).set_files(files)


async def _wait(session, action, result):
    if action.get("ms"):
        await asyncio.sleep(action["ms"] / 1000)
    elif action.get("url"):
        part = re.compile(re.escape(action["url"]))
        await session.page.wait_for_url(part, wait_until="domcontentloaded", timeout=_timeout(action))
    else:
        at = _locator(session, action)
        if "nth" not in action and not action.get("ref"):
            at = at.first
        await at.wait_for(state="hidden" if action.get("gone") else "visible", timeout=_timeout(action))


async def _text(session, action, result):
    """Read what can be seen of an element. The page does the cutting: it may be huge."""
    at = await _locate(session, action) if addressed(action) else session.page.locator("body")
    limit = action.get("max_bytes") or TEXT_BYTES
    script = '(e, limit) => { const t = e.innerText ?? e.textContent ?? ""; return [t.slice(0, limit + 1), t.length] }'
    text, length = await at.evaluate(script, limit, timeout=_timeout(action))
    advice = "it has %d characters in all; read an element by itself, or raise max_bytes (at most %d)" % (length, MAX_BYTES)
    _put(result, "text", *cut(text, limit, advice))


async def _snapshot(session, action, result):
    advice = "use find, or snapshot one element by its ref, or raise max_bytes (at most %d)" % MAX_BYTES
    _put(result, "snapshot", *cut(await _tree(session, action), action.get("max_bytes") or SNAPSHOT_BYTES, advice))


async def _tree(session, action):
    """The accessibility tree of the page, iframes included, or of an element, with refs."""
    at = await _locate(session, action) if addressed(action) else session.page
    return await at.aria_snapshot(mode="ai", timeout=_timeout(action))


async def _find(session, action, result):
    """The lines of the snapshot that hold all words, whatever their case."""
    words = action["query"].lower().split()
    if not words:
        raise Failed("query is empty; give words that the element shows")
    lines = [line.strip() for line in (await _tree(session, action)).split("\n")]
    found = [line for line in lines if all(w in line.lower() for w in words)]
    result["matches"] = [clip(line[2:] if line.startswith("- ") else line, 300) for line in found[:MAX_MATCHES]]
    if len(found) > MAX_MATCHES:
        result["note"] = "the first %d of %d lines; add a word" % (MAX_MATCHES, len(found))
    if not found:
        result["note"] = "no line of the page's snapshot holds these words; wait for the element, or take a snapshot"


async def _screenshot(session, action, result):
    if addressed(action):
        image = await (await _locate(session, action)).screenshot(timeout=_timeout(action))
    else:
        image = await session.page.screenshot(full_page=action.get("full", False), timeout=_timeout(action))
    chosen = action.get("path", "")
    result["file"] = _files.write(chosen or "screenshots/page.png", not chosen, _Bytes(image))


class _Bytes:
    """Bytes that are read once."""

    def __init__(self, data):
        self._data = data

    def read(self, _):
        data, self._data = self._data, b""
        return data


async def _download(session, action, result):
    """Wait for the file that a click or a URL brings."""
    await session.collect()  # what came before is not the one
    await _begin(session, action)
    limit = _timeout(action, NAVIGATION) / 1000
    try:
        download = await asyncio.wait_for(session.downloads.get(), limit)
    except asyncio.TimeoutError:
        raise NoDownload("no download began within %gs; the page may show the file instead" % limit) from None
    result["file"] = await save(download, action.get("path", ""))


async def _begin(session, action):
    """Start a download. Going to the URL of one is an error for the browser, as no page comes of it."""
    if addressed(action):
        await (await _locate(session, action)).click(timeout=_timeout(action))
        return
    try:
        await _navigate(session, action, {})
    except session.playwright.Error as e:
        if "Download is starting" not in str(e):
            raise


async def save(download, chosen):
    """Move a download into the working directory when it is complete; returns {path, bytes}."""
    try:
        with open(await download.path(), "rb") as content:
            name = chosen or "downloads/" + _files.suggested(download.suggested_filename)
            return _files.write(name, not chosen, content)
    finally:
        await download.delete()  # else it is deleted with the context


async def _tab(session, action, result):
    """Open, show or close a tab, and list them."""
    pages = session.context.pages
    for index in (action.get("index"), action.get("close")):
        if index is not None and not 0 <= index < len(pages):
            raise Failed("there is no tab %d; there are %d, counted from 0" % (index, len(pages)))
    if action.get("open"):
        session.page = await session.context.new_page()
        await _navigate(session, {"url": action["open"], "timeout_ms": action.get("timeout_ms")}, result)
    elif "index" in action:
        session.page = pages[action["index"]]
        await session.page.bring_to_front()
    elif "close" in action:
        await pages[action["close"]].close()
        await session.pick_page()
    result["tabs"] = session.tabs()


# Runs a script in the page and returns its result as JSON, so that the page does the cutting.
_BOUNDED = """async ([script, limit, element]) => {
  let value = (0, eval)(script);
  if (typeof value === "function") value = element ? value(element) : value();
  const json = JSON.stringify(await value);
  return json === undefined ? null : json.length > limit ? {cut: json.slice(0, limit), length: json.length} : {json};
}"""


async def _eval(session, action, result):
    if addressed(action):
        at = await _locate(session, action)
        script = "(element, [script, limit]) => (%s)([script, limit, element])" % _BOUNDED
        got = await at.evaluate(script, [action["script"], MAX_VALUE], timeout=_timeout(action))
    else:
        got = await session.page.evaluate(_BOUNDED, [action["script"], MAX_VALUE, None])
    if not got:
        return  # undefined
    if "cut" in got:
        result["value"] = got["cut"]
        result["note"] = "cut: value is the first %d characters of %d of JSON, as text" % (len(got["cut"]), got["length"])
        return
    result["value"] = json.loads(got["json"])


async def _close(session, action, result):
    await session.drop()
    await session.ready()


_ACTS = {
    "navigate": _navigate,
    "click": _click,
    "fill": _fill,
    "type": _type,
    "select": _select,
    "check": _check,
    "press": _press,
    "upload": _upload,
    "wait": _wait,
    "text": _text,
    "find": _find,
    "snapshot": _snapshot,
    "screenshot": _screenshot,
    "download": _download,
    "tab": _tab,
    "eval": _eval,
    "close": _close,
}


async def _locate(session, target):
    """An element. A ref that is gone stays gone, so it is told at once instead of after a timeout."""
    at = _locator(session, target)
    if target.get("ref") and not await at.count():
        raise Stale("the page has no element %s any more; use the refs of the new snapshot" % target["ref"])
    return at


def _locator(session, target):
    if target.get("ref"):
        return session.page.locator("aria-ref=" + target["ref"])
    root = session.page.locator(":root")
    if target.get("frame"):
        root = session.page.frame_locator("css=" + target["frame"]).locator(":root")
    at = _within(root, target, bool(target.get("exact")))
    return at.nth(target["nth"]) if "nth" in target else at


def _within(root, target, exact):
    if target.get("role"):
        return root.get_by_role(target["role"].lower(), name=target.get("name") or None, exact=exact)
    if target.get("label"):
        return root.get_by_label(target["label"], exact=exact)
    if target.get("text"):
        return root.get_by_text(target["text"], exact=exact)
    return root.locator("css=" + target["css"])


def _put(result, name, text, note):
    result[name] = text
    if note:
        result["note"] = note


def cut(text, limit, advice):
    """A text of at most limit bytes, cut at the end of a line where one is near, and a note that says so."""
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return text, ""
    kept = data[:limit].decode("utf-8", "ignore")
    end = kept.rfind("\n")
    if end > limit // 2:
        kept = kept[:end]
    return kept, "cut: the first %d of %d bytes; %s" % (len(kept.encode()), len(data), advice)


def clip(text, limit):
    """A text for a message."""
    return text if len(text) <= limit else text[:limit] + "…"
