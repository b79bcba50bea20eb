"""web_search by Serper's Google search (POST /search)."""
import json
import re

from _call import CallError, cut, line, refuse, shown
from _exchange import Failure
from _service import Service, message

MAX_RESULTS = 20
MAX_QUERY = 2000  # characters, as are those that follow
MAX_TITLE = 500
MAX_SNIPPET = 2000
MAX_PAGE = 100

_OPTIONS = "query, num, page, country and language"


def search(query, options):
    """What the service found: {results, answer?, note?}."""
    ask = _request(query, **options)
    service = Service("Serper", "SERPER_API_KEY", "SERPER_BASE_URL", "https://google.serper.dev")
    if not service.key:
        raise CallError("unavailable", "web_search needs a key of serper.dev: set SERPER_API_KEY", "SERPER_API_KEY")
    try:
        answer = service.post("/search", ask, {"X-API-KEY": service.key})
    except Failure as e:
        raise CallError("unavailable", service.explain(e, message(e.body, "message")), _about_key(e)) from None
    try:
        return _read(answer.body, ask["num"])
    except (ValueError, TypeError, AttributeError) as e:
        raise CallError("unavailable", "Serper's answer cannot be read (%s): check SERPER_BASE_URL" % line(str(e), service.key)) from None


def _about_key(failure):
    return "SERPER_API_KEY" if failure.status in (401, 403) else ""


def _request(query, num=None, page=None, country=None, language=None, **unknown):
    """The request as the service takes it."""
    for name in unknown:
        raise refuse("there is no option %s; there are %s", shown(name), _OPTIONS)
    num, page = 10 if num is None else num, page or 0
    if not isinstance(query, str) or not query.strip():
        raise refuse("query is empty; say what to search for")
    if len(query) > MAX_QUERY:
        raise refuse("query has %d characters, at most %d are searched for", len(query), MAX_QUERY)
    if not _whole(num) or not 1 <= num <= MAX_RESULTS:
        raise refuse("num is %s; give 1 to %d", num, MAX_RESULTS)
    if not _whole(page) or not 0 <= page <= MAX_PAGE:
        raise refuse("page is %s; give 1 to %d", page, MAX_PAGE)
    if country and not re.fullmatch("[A-Za-z]{2}", str(country)):
        raise refuse("country is %s; give two letters such as us or de", shown(country, 20))
    if language and not re.fullmatch("[A-Za-z]{2,3}(-[A-Za-z]{2,4})?", str(language)):
        raise refuse("language is %s; give a code such as en or pt-br", shown(language, 20))
    ask = {"q": query, "num": num, "page": page, "gl": (country or "").lower(), "hl": (language or "").lower()}
    return {name: value for name, value in ask.items() if value}


def _whole(number):
    return isinstance(number, int) and not isinstance(number, bool)


def _read(body, num):
    """What the reply holds of an answer: at most num results with a link."""
    got = json.loads(body)
    organic = got.get("organic")
    if organic is None and "searchParameters" not in got:
        raise ValueError("it has neither organic nor searchParameters")
    found, notes, shortened = [], [], 0
    for result in organic or []:
        if not _text(result, "link"):
            continue
        if len(found) == num:
            notes.append("more than the %d results asked for were found and left out" % num)
            break
        kept, was = _result(result)
        found.append(kept)
        shortened += was
    if shortened:
        notes.append("the text of %d results was cut at %d characters" % (shortened, MAX_SNIPPET))
    if not found:
        notes.append("nothing was found; try other words")
    return {"results": found, "answer": _answer_box(got.get("answerBox")), "note": "; ".join(notes)}


def _text(result, name):
    value = result.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError("a JSON value that is no text stands where it should not, %s" % shown("organic." + name))
    return value or ""


def _result(result):
    """A result, bounded in what a page can put into it, and whether it was shortened."""
    title, one = cut(_text(result, "title"), MAX_TITLE, MAX_TITLE * 4)
    snippet, two = cut(_text(result, "snippet"), MAX_SNIPPET, MAX_SNIPPET * 4)
    kept = {"title": title, "link": result["link"], "snippet": snippet}
    if _whole(result.get("position")) and result["position"]:
        kept["position"] = result["position"]
    if _text(result, "date"):
        kept["date"] = result["date"]
    return kept, one or two


def _answer_box(box):
    """The text of an answer box, "" where there is none or it is of an unknown kind."""
    if not isinstance(box, dict) or not all(isinstance(box.get(n, ""), str) for n in ("answer", "snippet", "link")):
        return ""
    text = box.get("answer") or box.get("snippet") or ""
    if text and box.get("link"):
        text += " (%s)" % box["link"]
    return cut(text, MAX_SNIPPET, MAX_SNIPPET * 4)[0]
