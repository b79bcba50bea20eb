"""Requests of browser_automation: which actions there are, what they take, and what is wrong with one that is wrong."""
import re
import urllib.parse

import _settings
from _call import CallError, refuse, shown

MAX_ACTIONS = 50
MAX_BYTES = 100_000  # of one text or snapshot
MAX_TIMEOUT_MS = 120_000
MAX_WAIT_MS = 30_000
STEPS, MAX_STEPS = 15, 50  # model calls of a goal
BLANK = "about:blank"

ADDRESSES = ("ref", "role", "label", "text", "css")
_TARGET = ADDRESSES + ("name", "exact", "nth", "frame")
_COMMON = ("action", "timeout_ms", "dialog", "prompt")
_NONE, _OPTIONAL, _REQUIRED = range(3)  # whether an action addresses an element

# action: (element, fields that it needs, fields that it takes)
_KINDS = {
    "navigate": (_NONE, ("url",), ()),
    "click": (_REQUIRED, (), ("double",)),
    "fill": (_OPTIONAL, (), ("value", "fields")),
    "type": (_REQUIRED, ("value",), ("submit",)),
    "select": (_REQUIRED, ("values",), ()),
    "check": (_REQUIRED, (), ("checked",)),
    "press": (_OPTIONAL, ("key",), ()),
    "upload": (_REQUIRED, ("paths",), ()),
    "wait": (_OPTIONAL, (), ("url", "ms", "gone")),
    "text": (_OPTIONAL, (), ("max_bytes",)),
    "find": (_NONE, ("query",), ()),
    "snapshot": (_OPTIONAL, (), ("max_bytes",)),
    "screenshot": (_OPTIONAL, (), ("path", "full")),
    "download": (_OPTIONAL, (), ("url", "path")),
    "tab": (_NONE, (), ("open", "index", "close")),
    "eval": (_OPTIONAL, ("script",), ()),
    "close": (_NONE, (), ()),
}

_TYPES = {
    **dict.fromkeys(("exact", "double", "submit", "full", "gone", "checked"), bool),
    **dict.fromkeys(("nth", "index", "close", "ms", "max_bytes", "timeout_ms", "max_steps"), int),
    **dict.fromkeys(("values", "paths", "fields", "actions"), list),
}  # all others are texts

_MOST = {"timeout_ms": MAX_TIMEOUT_MS, "max_bytes": MAX_BYTES, "ms": MAX_WAIT_MS, "max_steps": MAX_STEPS}


def parse(request):
    """A checked request; its actions hold what was given and nothing that is None."""
    request = _fields(request, "the request", ("actions", "session", "goal", "url", "max_steps"))
    actions = request.setdefault("actions", [])
    if len(actions) > MAX_ACTIONS:
        raise refuse("actions has %d entries, at most %d are carried out in one call", len(actions), MAX_ACTIONS)
    if request.get("goal") and actions:
        raise refuse("give actions or a goal, not both")
    if not request.get("goal") and not actions:
        raise refuse('give actions, such as [{"action": "navigate", "url": "https://example.com"}], or a goal')
    if not request.get("goal") and ("url" in request or "max_steps" in request):
        raise refuse("url and max_steps go with a goal; in actions, use navigate")
    _check_limits(request)
    if request.get("url"):
        check_url(request["url"])
    request["actions"] = [_at("actions[%d]" % i, parse_action, a) for i, a in enumerate(actions)]
    return request


def _at(where, call, *args):
    """A mistake with the place where it was made."""
    try:
        return call(*args)
    except CallError as e:
        if e.code != "invalid_request":
            raise
        raise CallError(e.code, "%s: %s" % (where, e)) from None


def parse_action(given):
    if not isinstance(given, dict):
        raise refuse('it is no object such as {"action": "navigate", "url": "…"}')
    name = given.get("action")
    if name not in _KINDS:
        raise refuse("there is no action %s; %s", shown("" if name is None else name), _nearest(str(name or ""), sorted(_KINDS)))
    element, needs, takes = _KINDS[name]
    action = _fields(given, name, needs + takes + _COMMON + (_TARGET if element else ()))
    for field in needs:
        if field not in action:
            raise refuse('%s needs "%s"', name, field)
    if "fields" in action:
        action["fields"] = [_field("fields[%d]" % i, f) for i, f in enumerate(action["fields"])]
    _at(name, _check, action, element)
    return action


def _check_limits(fields):
    for field, most in _MOST.items():
        if not 0 <= fields.get(field, 0) <= most:
            raise refuse("%s is %d; give 1 to %d", field, fields[field], most)


def _check(action, element):
    if action.get("dialog", "accept") not in ("accept", "dismiss"):
        raise refuse("dialog is %s; use accept or dismiss", shown(action["dialog"]))
    if "prompt" in action and action.get("dialog") != "accept":
        raise refuse('prompt goes with "dialog": "accept"')
    _check_limits(action)
    for field in ("values", "paths"):
        if not all(isinstance(v, str) for v in action.get(field, ())):
            raise refuse("%s is no list of texts", field)
    _check_target(action, element)
    for field in ("url", "open"):
        if action.get(field) and action["action"] != "wait":
            check_url(action[field])
    _check_choice(action)


def _field(where, given):
    field = _fields(given, where, ("value",) + _TARGET)
    if "value" not in field:
        raise refuse('%s needs "value"', where)
    _check_target(field, _REQUIRED)
    return field


def _check_target(target, element):
    given = [a for a in ADDRESSES if target.get(a)]
    qualified = target.get("exact") or "nth" in target or target.get("frame")
    if len(given) > 1:
        raise refuse("address the element by one of ref, role, label, text and css, not by several")
    if not given and element == _REQUIRED:
        raise refuse("address an element by one of ref, role (with name), label, text and css")
    if target.get("name") and not target.get("role"):
        raise refuse('name goes with role, such as "role": "button"')
    if not given and qualified:
        raise refuse("exact, nth and frame go with an element")
    if target.get("ref") and not re.fullmatch(r"(f\d{1,6})?e\d{1,9}", target["ref"]):
        raise refuse("ref is %s; give one such as e12 or f1e3, as a snapshot shows it", shown(target["ref"]))
    if target.get("ref") and qualified:
        raise refuse("a ref names one element by itself, leave out exact, nth and frame")
    if target.get("nth", 0) < 0:
        raise refuse("nth is %d; count from 0", target["nth"])


def _check_choice(action):
    """Fields of which one, or not several, must be given."""
    name, element = action["action"], addressed(action)
    if name == "fill" and (element != ("value" in action) or element == bool(action.get("fields"))):
        raise refuse("give an element and its value, or fields")
    if name == "wait" and _count(element, action.get("url"), action.get("ms")) != 1:
        raise refuse("give one of an element, url and ms")
    if name == "download" and _count(element, action.get("url")) != 1:
        raise refuse("give the element that starts it, or a url")
    if name == "tab" and _count(action.get("open"), "index" in action, "close" in action) > 1:
        raise refuse("give one of open, index and close")
    if name == "screenshot" and element and action.get("full"):
        raise refuse("give an element or full, not both")


def _count(*conditions):
    return sum(map(bool, conditions))


def addressed(target):
    """Whether it addresses an element."""
    return any(target.get(a) for a in ADDRESSES)


def named(target):
    """An element for people and models."""
    if target.get("role"):
        return (target["role"] + " " + target.get("name", "")).strip()
    return next((target[a] for a in ADDRESSES if target.get(a)), "")


def check_url(url):
    """Refuse what the browser may not be sent to."""
    if url == BLANK:
        return
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname
    except ValueError:
        parts = host = None
    if not parts or not parts.scheme:
        raise refuse("url %s is no absolute URL; give one such as https://example.com/page", shown(url, 100))
    if parts.scheme not in ("http", "https"):
        raise CallError("denied", "url %s: only http and https are opened, not %s:" % (shown(url, 100), parts.scheme))
    if not host:
        raise refuse("url %s names no host", shown(url, 100))


def forbidden(action):
    """Why an action may not be carried out by this process, "" if it may."""
    if action["action"] == "eval" and not _settings.on("AGENTFACTORY_ALLOW_EVAL"):
        return "eval is not allowed here; use text, find and snapshot, or set AGENTFACTORY_ALLOW_EVAL=1"
    return ""


def _fields(given, where, known):
    """The fields of an object that were given, each of its type."""
    if not isinstance(given, dict):
        raise refuse("%s is not a JSON object", where)
    for field in sorted(map(str, given)):
        if field not in known:
            raise refuse("%s: there is no field %s; %s", where, shown(field), _nearest(field, known))
    found = {field: value for field, value in given.items() if value is not None}
    for field, value in found.items():
        wanted = _TYPES.get(field, str)
        if not isinstance(value, wanted) or wanted is int and isinstance(value, bool):
            raise refuse("%s: %s has the wrong type, %s", where, field, type(value).__name__)
    return found


def _nearest(word, known):
    best = min(known, key=lambda k: _distance(word.lower()[:40], k))
    if _distance(word.lower()[:40], best) > min(3, len(word) - 1):
        return "there are " + ", ".join(known)
    return 'did you mean "%s"?' % best


def _distance(a, b):
    """How many letters have to be changed (Levenshtein)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
    return row[-1]
