"""The command line of an exported skill, and the run of its function main(query)."""
import argparse
import atexit
import importlib
import json
import os
import sys
import traceback
import types

import _needs
import _settings
import llm
import tools
from run import ANSWERED, FAILED, MISSING, USAGE


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
    base = os.path.abspath(skill.base or os.path.dirname(sys.argv[0]))
    try:
        options = _parse(skill, arguments, out)
        query = _query(options.query)
        if options.dir:
            os.chdir(options.dir)
    except _Ended as e:
        return e.code
    except OSError as e:
        return _say("%s: %s" % (e.filename or "standard input", e.strerror or e), USAGE)
    missing = _needs.missing(skill)
    if missing:
        return _say(missing, MISSING)
    try:
        found = _run(skill, base, query)
        _write(out, json.dumps(found, ensure_ascii=False) + "\n")
        return ANSWERED
    except BaseException as e:
        if options.traceback:
            traceback.print_exc()
        return _say(*_explain(skill, e))


class _Ended(Exception):
    """There is nothing more to do; code is the exit code."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise _Ended(_say(message + "; see --help", USAGE))


def _parse(skill, arguments, out):
    """The options of a run."""
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("query", nargs="?")
    parser.add_argument("--dir")
    parser.add_argument("--traceback", action="store_true")
    parser.add_argument("--version", action="store_true")
    parser.add_argument("-h", "--help", action="store_true")
    options = parser.parse_args(arguments)
    if options.help or options.version:
        _write(out, _needs.usage(skill) if options.help else "%s %s\n" % (skill.name, skill.version))
        raise _Ended(ANSWERED)
    if options.query is None:
        parser.error("there is no query; give one, or - to read it from standard input")
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
        sys.stdout.flush()  # which leads there, too
        sys.stderr.flush()
        _write(2, " ".join(message.split()) + "\n")
    except (OSError, ValueError):
        pass  # nobody listens; the exit code is left
    return code


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
            raise _Wrong("answer and summary must be text or JSON values: %s" % e) from None
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
    return said, MISSING if _missing(error) else FAILED


def _missing(error):
    """The setting or package for the lack of which a call failed, also where the skill has made another error of it."""
    for _ in range(20):
        if error is None or getattr(error, "missing", ""):
            break
        error = error.__cause__ or error.__context__
    return getattr(error, "missing", "")


def _no_package(skill, name):
    needs = " ".join('"%s"' % r for r in skill.requires) or name
    return "the module %s is missing: python -m pip install %s" % (name, needs)
