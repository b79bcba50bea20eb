"""web_reading: the text of a page, by Jina Reader where there is a key, else fetched and extracted here."""
import json
import time
import urllib.parse
import urllib.request

import _addresses
import _extract
from _call import CallError, cut, line, refuse, shown
from _exchange import Exchange, Failure, duration
from _service import MOST, Service, message

MAX_TEXT = 200_000  # bytes of text that are returned
MAX_TITLE = 500  # characters
MAX_URL = 4096  # bytes
MAX_REDIRECTS = 10
TIME = 45  # seconds for all attempts and redirects

_HEADERS = {
    # names the program, as servers expect of one that is not a browser
    "User-Agent": "Mozilla/5.0 (compatible; AgentFactory/1.0)",
    "Accept": "text/html,application/xhtml+xml,text/*;q=0.9,application/json;q=0.9,application/pdf;q=0.8,*/*;q=0.5",
}


def read(url, options):
    """The page: {text, title, url, note}."""
    target, most = _request(url, **options)
    try:
        _addresses.check_literal(urllib.parse.urlsplit(target).hostname, _addresses.judge())
    except _addresses.Refused as e:
        raise CallError("denied", str(e)) from None
    page, notes = _read(target)
    text, was_cut = cut(page.text, min(most or MAX_TEXT, MAX_TEXT), MAX_TEXT)
    if was_cut:
        notes.append("the text is cut: these are the first %d of its %d bytes" % (_size(text), _size(page.text)))
    title = cut(" ".join(page.title.split()), MAX_TITLE, MAX_TITLE * 4)[0]
    return {"text": text, "title": title, "url": page.url, "note": "; ".join(notes)}


def _size(text):
    return len(text.encode("utf-8", "replace"))


def _request(url, max_chars=None, **unknown):
    for name in unknown:
        raise refuse("there is no option %s; there are url and max_chars", shown(name))
    if max_chars is not None and (isinstance(max_chars, bool) or not isinstance(max_chars, int) or max_chars < 1):
        raise refuse("max_chars is %s; give 1 or more, or leave it out", max_chars)
    return parse_url(url), max_chars


def parse_url(text):
    """An address that may be requested, as it goes over the wire."""
    text = text.strip() if isinstance(text, str) else ""
    if len(text.encode("utf-8", "replace")) > MAX_URL or any(c < " " or c == "\x7f" for c in text):
        raise refuse("url %s is not a URL; write it like https://example.org/page", shown(text, 100))
    try:
        parts = urllib.parse.urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise refuse("url %s is not a URL; write it like https://example.org/page", shown(text, 100)) from None
    if "@" in parts.netloc:  # which the message must not repeat
        raise refuse("url holds a user name or password; pages are read without any")
    if parts.scheme not in ("http", "https"):
        raise refuse("url %s is neither http nor https; nothing else is read", shown(text, 100))
    if not host:
        raise refuse("url %s names no host; write it like https://example.org/page", shown(text, 100))
    return urllib.parse.urlunsplit((parts.scheme, _netloc(host, port, text), _quoted(parts.path), _quoted(parts.query), ""))


def _netloc(host, port, text):
    try:
        host = "[%s]" % host if ":" in host else host.encode("ascii" if host.isascii() else "idna").decode()
    except UnicodeError:
        raise refuse("url %s names no host that can exist", shown(text, 100)) from None
    if any(c in host for c in ' "<>\\^`{|}%'):
        raise refuse("url %s is not a URL; write it like https://example.org/page", shown(text, 100))
    return host if port is None else "%s:%d" % (host, port)


def _quoted(part):
    return urllib.parse.quote(part, safe="/%:=&?~#+!$,;'@()*[]|")


class Page:
    """What was read, by whichever provider; url is the address after redirects."""

    def __init__(self, text, title, url):
        self.text, self.title, self.url = text, title, url


def _read(target):
    service = Service("Jina Reader", "JINA_API_KEY", "JINA_BASE_URL", "https://r.jina.ai")
    if not service.key:
        return _fetch(target)
    try:
        return _jina(service, target)
    except _Unread as e:
        page, notes = _fetch(target)
        return page, notes + [str(e)]


class _Unread(Exception):
    """Why the service did not read a page, in a line."""


def _jina(service, target):
    try:
        answer = service.post("/", {"url": target}, {"Authorization": "Bearer " + service.key, "Accept": "application/json"})
    except Failure as e:
        raise _Unread(service.explain(e, message(e.body, "readableMessage", "message"))) from None
    if answer.cut:
        raise _Unread("the answer of Jina Reader has more than %d bytes" % MOST)
    try:
        data = json.loads(answer.body)["data"]
        content, warning, title, url = (data.get(n) or "" for n in ("content", "warning", "title", "url"))
        if not all(isinstance(v, str) for v in (content, warning, title, url)):
            raise ValueError("no text")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _Unread("the answer of Jina Reader cannot be read: check JINA_BASE_URL") from None
    if warning.startswith("Target URL returned error"):
        raise _Unread("Jina Reader: " + line(warning))
    if not content.strip():
        raise _Unread("Jina Reader found no text")
    notes = ["read by Jina Reader"] + (["its warning: " + line(warning)] if warning else [])
    return Page(content.strip(), title, url or target), notes


def _fetch(target):
    """The page from its own server, with the text that its document holds."""
    judge, deadline = _addresses.judge(), time.monotonic() + TIME
    host = urllib.parse.urlsplit(target).netloc
    try:
        url, answer = _follow(target, judge, deadline)
    except _addresses.Refused as e:
        raise CallError("denied", "%s: %s" % (host, e)) from None
    except CallError as e:
        raise CallError(e.code, "%s: %s" % (host, e)) from None
    except Failure as e:
        raise CallError("unavailable", "%s %s" % (host, _unread(e))) from None
    document = _extract.extract(answer, url)
    return Page(document.text, document.title, url), document.notes


def _unread(failure):
    if not failure.status:
        return "cannot be read: " + line(str(failure))
    if failure.wait:
        return "answered %s; it asks to wait %s" % (failure, duration(failure.wait))
    return "answered %s" % failure


def _follow(url, judge, deadline):
    """The answer to a request after redirects, and where it comes from."""
    for _ in range(MAX_REDIRECTS + 1):
        exchange = Exchange(max(0.1, deadline - time.monotonic()), _extract.most, judge)
        try:
            return url, exchange.do(urllib.request.Request(url, headers=_HEADERS))
        except Failure as e:
            location = e.headers.get("Location") if e.status in (301, 302, 303, 307, 308) else None
            if not location:
                raise
        url = _redirected(url, location, judge)
    raise CallError("unavailable", "it redirects more than %d times" % MAX_REDIRECTS)


def _redirected(url, location, judge):
    """Where a redirect leads: judged like the first address."""
    try:
        latin = location.encode("latin-1").decode("utf-8")  # which http.client has not decoded as such
    except UnicodeError:
        latin = location
    try:
        url = parse_url(urllib.parse.urljoin(url, latin))
    except (CallError, ValueError):
        said = shown(latin.rpartition("@")[2], 100)
        raise CallError("denied", "it redirects to %s; nothing but http and https without passwords is read" % said) from None
    _addresses.check_literal(urllib.parse.urlsplit(url).hostname, judge)
    return url
