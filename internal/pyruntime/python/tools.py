"""The tool skills that a subagent may be given. They raise ToolError.

from tools import web_search, web_reading, browser_automation, shell_command
"""
import _gateway


class ToolError(_gateway.GatewayError):
    """The call was refused or failed; code says why (not_granted, denied, unavailable, ...)."""


def _call(path, payload):
    try:
        return _gateway.call(path, payload)
    except _gateway.GatewayError as e:
        raise ToolError(e.code, str(e)) from None


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
    reply = _call("/v1/tool/web_search", {"query": query, **options})
    return _with(Results(reply.get("results", [])), reply, "answer", "note")


def web_reading(url, **options):
    """Read a web page; returns a Page, its text."""
    reply = _call("/v1/tool/web_reading", {"url": url, **options})
    return _with(Page(reply.get("text", "")), reply, "title", "url", "note")


def browser_automation(actions=None, **options):
    """Carry out browser actions, or pursue goal=…, url=…; returns {results, error?, ...}."""
    return _call("/v1/tool/browser_automation", {"actions": actions, **options})


def shell_command(command, timeout=60):
    """Run a shell command in the sandbox; returns {stdout, stderr, exit_code}, of long output beginning and end."""
    import _command

    allowed = _call("/v1/shell", {"command": command, "timeout": timeout})
    done = _command.run(command, timeout)
    _call(
        "/v1/shell/done",
        {"call": allowed["call"], "exit_code": done.exit_code, "stdout_bytes": done.stdout.size, "stderr_bytes": done.stderr.size},
    )
    if done.timed_out:
        raise ToolError("timeout", "the command was ended after %s seconds: %s%s" % (timeout, command, done.said()))
    return {"stdout": done.stdout.text(), "stderr": done.stderr.text(), "exit_code": done.exit_code}


# The names and error values of the original system, whose saved skills use them.


def _or_error(call, *args):
    try:
        return call(*args)
    except _gateway.GatewayError as e:
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


# A tool that was not given is not there to be imported: what the author has to change is said where the mistake is.

_NEEDS = {
    "web_search": "web_search",
    "search_serper": "web_search",
    "web_reading": "web_reading",
    "read_url_jina": "web_reading",
    "browser_automation": "browser_automation",
    "shell_command": "shell_command",
    "execute_shell_command": "shell_command",
}

_granted = None  # nothing is taken away outside a run


def grant(tools):
    """Leave only the functions of these tools; the harness calls it before the subagent is loaded."""
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
    raise ImportError('%s was not given to this subagent: list "%s" in its `skills`%s' % (name, tool, _listed()))


def _listed():
    if not _granted:
        return " (it lists none)"
    return " (it lists %s)" % ", ".join(_granted)
