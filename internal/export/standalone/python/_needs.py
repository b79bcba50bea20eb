"""What an exported skill needs, said before any work is done and by --help."""
import importlib.util
import os
import sys

import _settings
from _call import CallError


def missing(skill):
    """The first setting or package without which the skill cannot work, in a line; "" if nothing is missing."""
    try:
        return next(filter(None, (check() for check in _checks(skill))), "")
    except CallError as e:
        return str(e)


def _checks(skill):
    if skill.model or skill.audio:
        yield _no_server
    if skill.model:
        yield _no_model
    if "web_search" in skill.tools:
        yield lambda: "" if _settings.key("SERPER_API_KEY") else "set SERPER_API_KEY: web_search needs a key of serper.dev"
    if "browser_automation" in skill.tools:
        yield _no_playwright


def _no_server():
    import _openai

    _openai.Server()


def _no_model():
    import _openai

    return "" if _openai.model() else _openai.NO_MODEL


def _no_playwright():
    if importlib.util.find_spec("playwright"):
        return ""
    return "install Playwright, which browser_automation needs: python -m pip install playwright && python -m playwright install chromium"


def _variables(skill):
    """The environment variables of a skill: (name, what for)."""
    found = []
    if skill.model or skill.audio:
        found += [
            ("OPENAI_API_KEY", "key of the model server; one that is not OpenAI's may need none"),
            ("OPENAI_BASE_URL", "OpenAI-compatible server, by default https://api.openai.com/v1"),
        ]
    if skill.model:
        found.append(("AGENTFACTORY_MODEL", "name of the model; or AGENTFACTORY_SUBAGENT_MODEL, which comes first, or OPENAI_MODEL"))
    if skill.audio:
        found.append(("AGENTFACTORY_TRANSCRIPTION_MODEL", "model for audio, by default gpt-4o-mini-transcribe at OpenAI"))
    return found + [variable for tool in skill.tools for variable in _OF_TOOL.get(tool, ())]


_OF_TOOL = {
    "web_search": (("SERPER_API_KEY", "key of serper.dev, required"), ("SERPER_BASE_URL", "server of Serper's API, by default Serper's")),
    "web_reading": (
        ("JINA_API_KEY", "key of Jina Reader; without one pages are read directly"),
        ("JINA_BASE_URL", "server of Jina Reader's API, by default Jina's"),
        ("AGENTFACTORY_ALLOW_PRIVATE", "1: addresses that are not public may be read too"),
    ),
    "browser_automation": (
        ("AGENTFACTORY_CHROMIUM", "Chromium to use, by default Playwright's own or one on PATH"),
        ("AGENTFACTORY_ALLOW_PRIVATE", "1: the browser may open addresses that are not public"),
        ("AGENTFACTORY_ALLOW_EVAL", "1: the skill may run scripts of its own in pages"),
    ),
}


def usage(skill):
    name = os.path.basename(sys.argv[0])
    lines = ["usage: python %s [--dir DIR] [--traceback] QUERY" % name, "", "%s %s" % (skill.name, skill.version), skill.description, ""]
    lines += [
        "QUERY        %s" % (skill.query or "what to do, in words"),
        "             - reads it from standard input; after -- it may begin with a dash",
        "--dir DIR    work in this directory, by default the current one",
        "--traceback  show where a failure comes from",
        "",
        'It prints one line of JSON to standard output: {"answer": ..., "summary": ...}',
        "",
    ]
    variables = dict(_variables(skill))
    if variables:
        lines += ["Environment:"] + ["  %s  %s" % (n.ljust(max(map(len, variables))), what) for n, what in variables.items()] + [""]
    if skill.requires:
        lines += ["Packages:"] + ["  " + r for r in skill.requires] + [""]
    lines += ["Exit codes: 0 answered, 1 the skill failed, 2 usage, 3 a setting or package is missing (its name is said)"]
    return "\n".join(lines) + "\n"
