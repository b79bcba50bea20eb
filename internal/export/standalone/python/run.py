"""Runs an exported skill: on a command line (main), and from other programs (call).

A launcher is a few lines, which say what the skill is:

    import run

    SKILL = run.Skill(name="word-count", description="Counts words.", entry="word_count.py", tools=["web_reading"])

    if __name__ == "__main__":
        run.main(SKILL)

It prints one line of JSON, {"answer": ..., "summary": ...}, to standard output; what the skill itself prints goes to
standard error. Other programs use call, which starts the launcher as a process of its own: skills come with modules
of the same names, and change the working directory.
"""
import argparse
import atexit
import importlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
import types

import _settings
import llm
import tools

ANSWERED, FAILED, USAGE, MISSING = 0, 1, 2, 3


class Skill:
    """What a launcher says of its skill.

    entry is its module: a file, relative to the launcher's directory, or the name of a module. tools are the tool skills
    that it may import, model and audio whether it calls call_llm and transcribe, requires its packages as pip takes them.
    query says what it wants to be asked, paths names further directories of modules, relative to the launcher's.
    """

    def __init__(self, name, description, entry, tools=(), model=False, audio=False, requires=(), query="", version="", paths=()):
        self.name, self.description, self.entry, self.query, self.version = name, description, entry, query, version
        self.tools, self.model, self.audio = list(tools), model, audio
        self.requires, self.paths = list(requires), list(paths)


class SkillError(Exception):
    """A skill that brought no answer; code is failed, usage, missing, timeout or no_answer."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def call(launcher, query, directory=None, timeout=None, env=None):
    """Run a launcher in a process of its own; returns {"answer", "summary"}, or raises SkillError.

    directory is where it works and leaves files, by default where the caller works; timeout is in seconds; env are
    variables besides those of the caller.
    """
    command = [sys.executable, os.path.abspath(launcher), "-"]
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as said:
        given.write(query.encode("utf-8", "replace"))
        given.seek(0)
        code = _wait(
            subprocess.Popen(
                command, stdin=given, stdout=answer, stderr=said, cwd=directory, env=_environment(env), start_new_session=True
            ),
            timeout,
        )
        if code != ANSWERED:
            names = {FAILED: "failed", USAGE: "usage", MISSING: "missing"}
            raise SkillError(names.get(code, "failed"), _last_line(said) or "it ended with exit code %d and said nothing" % code)
        answer.seek(0)
        return _answer(answer.read())


def _environment(env):
    """The caller's environment with its keys, should they have been taken out of it."""
    return {**os.environ, **_settings.taken(), **(env or {})}


def _wait(process, timeout):
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        raise SkillError("timeout", "the skill was ended after %s seconds" % timeout) from None
    finally:
        if process.poll() is None:
            _end(process)


def _end(process):
    """End a process with what it has started, where there are groups of processes."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _last_line(stream):
    stream.seek(max(0, stream.seek(0, os.SEEK_END) - 16384))
    lines = stream.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""


def _answer(output):
    try:
        found = json.loads(output)
        return {"answer": found["answer"], "summary": found["summary"]}
    except (ValueError, KeyError, TypeError):
        raise SkillError("no_answer", "the skill ended without one line of JSON: %.200r" % output) from None


def main(skill, arguments=None):
    """Run a skill as its command line says, and end the process."""
    out = _own_output()
    code = _main(skill, arguments, out)
    for finish in (sys.stdout.flush, sys.stderr.flush, atexit._run_exitfuncs, sys.stderr.flush):
        try:
            finish()
        except Exception:
            pass  # a stream may have been closed; the answer has been written
    os._exit(code)  # threads that are left must not keep the process alive


def _own_output():
    """Standard output for the answer alone: what the skill and its commands print goes to standard error."""
    out = os.dup(1)
    os.set_inheritable(out, False)
    os.dup2(2, 1)
    return out


def _main(skill, arguments, out):
    launcher = os.path.abspath(sys.argv[0])
    options = _parse(skill, arguments, out)
    if not isinstance(options, argparse.Namespace):
        return options
    try:
        if options.dir:
            os.chdir(options.dir)
        query = _query(options.query)
    except OSError as e:
        return _say("%s: %s" % (options.dir or "standard input", e.strerror or e), USAGE)
    missing = _missing(skill)
    if missing:
        return _say(missing, MISSING)
    try:
        found = _run(skill, os.path.dirname(launcher), query)
        _write(out, json.dumps(found, ensure_ascii=False) + "\n")
        return ANSWERED
    except BaseException as e:
        if options.traceback:
            traceback.print_exc()
        return _say(*_explain(skill, e))


class _Usage(Exception):
    pass


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise _Usage(message)


def _parse(skill, arguments, out):
    """The options, or the exit code of a process that has nothing more to do."""
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("query", nargs="?")
    parser.add_argument("--dir")
    parser.add_argument("--traceback", action="store_true")
    parser.add_argument("--version", action="store_true")
    parser.add_argument("-h", "--help", action="store_true")
    try:
        options = parser.parse_args(arguments)
    except _Usage as e:
        return _say("%s; see --help" % e, USAGE)
    if options.help or options.version:
        _write(out, _help(skill) if options.help else "%s %s\n" % (skill.name, skill.version))
        return ANSWERED
    if options.query is None:
        return _say("there is no query; give one, or - to read it from standard input, see --help", USAGE)
    return options


def _query(given):
    """The query as valid text; - reads it from standard input."""
    if given == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "replace")
        text = text[:-1] if text.endswith("\n") else text
    else:
        text = os.fsencode(given).decode("utf-8", "replace")
    sys.stdin = open(os.devnull)
    return text


def _write(out, text):
    data = text.encode("utf-8", "replace")
    while data:
        data = data[os.write(out, data):]


def _say(message, code):
    """One line on standard error, the last one."""
    try:
        sys.stderr.flush()
        _write(2, " ".join(message.split()) + "\n")
    except (OSError, ValueError):
        pass  # nobody listens; the exit code is left
    return code


# What the tools need, said before any work is done.


def _missing(skill):
    """The first setting or package without which the skill cannot work, in a line; "" if nothing is missing."""
    try:
        return next(filter(None, (check() for check in _checks(skill))), "")
    except _settings.CallError as e:
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


def _help(skill):
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


# The skill itself.


class _Wrong(Exception):
    """A precise reason why there is no answer."""


def _run(skill, base, query):
    _settings.seal()
    tools.grant(skill.tools)
    value = _load(skill, base)(query)
    if not isinstance(value, dict):
        raise _Wrong("main returned %s instead of a dict with answer and summary" % type(value).__name__)
    missing = [k for k in ("answer", "summary") if value.get(k) is None]
    if missing:
        raise _Wrong("main returned a dict without %s; it has %s" % (" and ".join(missing), sorted(map(str, value))))
    return {"answer": text(value["answer"]), "summary": text(value["summary"])}


def text(value):
    """What a model reads of a value; valid UTF-8 whatever the skill made."""
    if not isinstance(value, str):
        try:
            value = json.dumps(value, ensure_ascii=False, default=str)
        except (TypeError, ValueError) as e:
            raise _Wrong("answer and summary must be text or JSON values: %s" % e)
    return value.encode("utf-8", "replace").decode("utf-8")


def _load(skill, base):
    """The function main of the skill; a module of its own that is called like one of the runner's comes first."""
    entry = os.path.join(base, skill.entry)
    sys.path[:0] = [os.path.dirname(entry)] + [os.path.join(base, p) for p in skill.paths]
    sys.modules.pop("run", None)
    sys.modules.update(tools=tools, llm=llm)
    module = _load_file(entry) if skill.entry.endswith(".py") else importlib.import_module(skill.entry)
    function = getattr(module, "main", None)
    if not callable(function):
        raise _Wrong("the module defines no function main(query)")
    return function


def _load_file(entry):
    with open(entry, "rb") as f:
        source = f.read()
    name = os.path.splitext(os.path.basename(entry))[0]
    module = types.ModuleType(name)
    module.__file__ = entry
    sys.modules[name] = module  # dataclasses and pickle look it up
    exec(compile(source, entry, "exec"), module.__dict__)
    return module


def _explain(skill, error):
    """Why there is no answer, in a line, and the exit code."""
    if isinstance(error, _Wrong):
        return str(error), FAILED
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", FAILED
    if isinstance(error, SystemExit):
        return "the skill called sys.exit(%r)" % (error.code,), FAILED
    if isinstance(error, ModuleNotFoundError) and error.name:
        return _no_package(skill, error.name.split(".")[0]), MISSING
    said = "".join(traceback.format_exception_only(type(error), error))
    return said, MISSING if getattr(error, "missing", "") else FAILED


def _no_package(skill, name):
    needs = " ".join('"%s"' % r for r in skill.requires) or name
    return "the module %s is missing: python -m pip install %s" % (name, needs)
