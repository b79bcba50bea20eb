"""The tool skills of an exported skill. They raise ToolError.

from tools import web_search, web_reading, browser_automation, shell_command

They need nothing but the standard library; browser_automation needs Playwright (pip install playwright), and
web_reading pypdf to read PDF documents.
"""
from _call import CallError


class ToolError(CallError):
    """The call was refused or failed; code says why (invalid_request, denied, unavailable, timeout, ...)."""


class _raised:
    """Errors of a call as those of a tool."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if isinstance(error, CallError) and not isinstance(error, ToolError):
            raise ToolError(error.code, str(error), error.missing) from None


class Results(list):
    """What web_search found, best first: dicts with title, link and snippet.

    answer is a direct answer of the search engine, note says what was cut or left out; "" if there is none.
    """

    answer = note = ""


class Page(str):
    """The text of a page; title and url (after redirects) are its own, note says where it comes from and what was cut."""

    title = url = note = ""


def _with(value, reply, *names):
    for name in names:
        setattr(value, name, reply.get(name, ""))
    return value


def web_search(query, **options):
    """Search the web; returns Results, a list of {title, link, snippet}."""
    import _search

    with _raised():
        reply = _search.search(query, options)
    return _with(Results(reply["results"]), reply, "answer", "note")


def web_reading(url, **options):
    """Read a web page; returns a Page, its text."""
    import _reading

    with _raised():
        reply = _reading.read(url, options)
    return _with(Page(reply["text"]), reply, "title", "url", "note")


def browser_automation(actions=None, **options):
    """Carry out browser actions, or pursue goal=…, url=…; returns {results, error?, ...}."""
    import _browser

    with _raised():
        return _browser.automate({"actions": actions, **options})


def shell_command(command, timeout=60):
    """Run a shell command; returns {stdout, stderr, exit_code}, of long output beginning and end.

    The command is not judged and not isolated here: it may do what the one who runs the skill may do.
    """
    import _command

    _check_command(command, timeout)
    done = _command.run(command, timeout)
    if done.timed_out:
        raise ToolError("timeout", "the command was ended after %s seconds: %s%s" % (timeout, command, done.said()))
    return {"stdout": done.stdout.text(), "stderr": done.stderr.text(), "exit_code": done.exit_code}


def _check_command(command, timeout):
    if not isinstance(command, str) or not command.strip():
        raise ToolError("invalid_request", "command is empty")
    if "\0" in command:
        raise ToolError("invalid_request", "command holds a NUL character")
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout > 0):
        raise ToolError("invalid_request", "timeout is %s; give seconds above 0, or leave it out" % (timeout,))


# The names and error values of the system that the first skills were written for.


def _or_error(call, *args):
    try:
        return call(*args)
    except CallError as e:
        return "Error: %s" % e


def search_serper(query, *_):
    return _or_error(web_search, query)


def read_url_jina(url, *_):
    return _or_error(web_reading, url)


def execute_shell_command(command, *_):
    result = _or_error(shell_command, command)
    if isinstance(result, str):
        return result
    if result["exit_code"] != 0:
        return "Error: exit code %d: %s" % (result["exit_code"], result["stderr"])
    return result["stdout"]


# A tool that a skill does not declare is not there to be imported: what it may do is known before it runs.

_NEEDS = {
    "web_search": "web_search",
    "search_serper": "web_search",
    "web_reading": "web_reading",
    "read_url_jina": "web_reading",
    "browser_automation": "browser_automation",
    "shell_command": "shell_command",
    "execute_shell_command": "shell_command",
}

_granted = None  # nothing is taken away unless the runner does it


def grant(tools):
    """Leave only the functions of these tools; the runner calls it before the skill is loaded."""
    global _granted
    _granted = list(tools)
    for name, tool in _NEEDS.items():
        if tool not in _granted:
            globals().pop(name, None)
    globals().pop("grant", None)


def __getattr__(name):
    if name.startswith("_"):
        raise AttributeError("module 'tools' has no attribute %r" % name)
    tool = _NEEDS.get(name)
    if tool is None:
        raise ImportError("there is no tool %s; there are %s" % (name, ", ".join(sorted(set(_NEEDS.values())))))
    raise ImportError("%s is not among the tools that this skill was given%s" % (tool, _listed()))


def _listed():
    if not _granted:
        return " (it has none)"
    return " (it has %s)" % ", ".join(_granted)
