"""Runs main(query) of one subagent, or one program, and reports what became of it.

Trusted code: it is started by the sandbox's launcher, in the sandbox. The order comes
in as JSON on standard input, the report goes out as JSON on file descriptor 3, and
standard output and error belong to the subagent. Everything that is needed after the
subagent has been loaded is imported before, since its folder may hold a json.py.
"""
import builtins
import errno
import json
import os
import reprlib
import sys
import traceback
import types

MODULES = os.path.dirname(os.path.abspath(__file__))
REPORT = 3

MESSAGE = 4000  # characters of an exception's message
TRACEBACK = 64000  # of a traceback, whose end says most
FRAMES = 3  # innermost frames whose variables are reported
VARIABLES = 20  # of each of them
FULL = (errno.ENOSPC, errno.EDQUOT)
LITTLE = 1 << 20  # bytes that are left on a disk which is as good as full
UNREACHABLE = (errno.EPERM, errno.ENETUNREACH)  # no sockets, no route
SECRET = ("key", "token", "secret", "password", "passwd", "credential")

shown = reprlib.Repr()
shown.maxstring = shown.maxother = shown.maxlong = 300
shown.maxdict = shown.maxlist = shown.maxtuple = shown.maxset = 20
shown.maxlevel = 4


class Failed(Exception):
    """A precise reason why there is no answer."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind, self.message = kind, message


def main():
    order = json.load(sys.stdin)
    sys.stdin = open(os.devnull)
    workspace = os.getcwd()
    entry = os.path.join(workspace, order["entry"])
    sys.path[:0] = [MODULES, os.path.dirname(entry), workspace] + order["path"]
    import _gateway
    import tools

    _gateway.token, _gateway.workspace = order["token"], workspace
    tools.grant(order["granted"])
    try:
        report = run(entry) if order["program"] else answer(entry, order["query"])
    except Failed as e:
        report = {"failure": {"kind": e.kind, "message": e.message}}
    except BaseException as e:
        report = {"failure": explain(e, workspace)}
    send(report)
    if not order["program"]:  # a program is left to end like any: its threads end, its files are closed
        os._exit(0)  # threads that are left must not keep the run alive


def run(entry):
    """A program, whose answer is what it prints. It may end itself, as programs do."""
    builtins.exit = builtins.quit = sys.exit  # which Python's own start-up would have put there
    sys.argv = [entry]
    sys.stdout.reconfigure(line_buffering=True)  # what it printed is seen even if a limit ends it
    try:
        load(entry, "__main__")
    except SystemExit as e:
        if e.code not in (None, 0):
            raise Failed("system_exit", "the program ended itself with sys.exit(%s)" % shown.repr(e.code))
    return {"answer": "", "summary": ""}


def answer(entry, query):
    module = load(entry, os.path.splitext(os.path.basename(entry))[0])
    function = getattr(module, "main", None)
    if not callable(function):
        raise Failed("no_main", "the module defines no function main(query)")
    value = function(query)
    if not isinstance(value, dict):
        raise Failed("wrong_result", "main returned %s instead of a dict with answer and summary: %s" % (type(value).__name__, shown.repr(value)))
    missing = [k for k in ("answer", "summary") if value.get(k) is None]
    if missing:
        raise Failed("wrong_result", "main returned a dict without %s; it has %s" % (" and ".join(missing), sorted(map(str, value))))
    return {"answer": text(value["answer"]), "summary": text(value["summary"])}


def text(value):
    """What a model reads of a value; valid UTF-8 whatever the subagent made."""
    if not isinstance(value, str):
        try:
            value = json.dumps(value, ensure_ascii=False, default=str)
        except (TypeError, ValueError) as e:
            raise Failed("wrong_result", "answer and summary must be text or JSON values: %s" % e)
    return value.encode("utf-8", "replace").decode("utf-8")


def load(entry, name):
    with open(entry, "rb") as f:
        source = f.read()
    code = compile(source, entry, "exec")
    module = types.ModuleType(name)
    module.__file__ = entry
    sys.modules[name] = module  # dataclasses and pickle look it up
    exec(code, module.__dict__)
    return module


def explain(error, workspace):
    inside = lambda path: path.startswith(workspace + os.sep)
    tb = error.__traceback__
    while tb is not None and not inside(tb.tb_frame.f_code.co_filename):
        tb = tb.tb_next
    lines = traceback.format_exception(type(error), error, tb)
    return {
        "kind": "full_disk" if disk_is_full(error, workspace) else kind(error),
        "message": cut(relative(message(error), workspace)),
        "traceback": relative("".join(lines)[-TRACEBACK:], workspace),
        "locals": variables(tb, inside, workspace),
    }


def cut(said):
    return said if len(said) <= MESSAGE else said[:MESSAGE] + "… (%d characters)" % len(said)


def kind(error):
    for types_, name in (
        (SystemExit, "system_exit"),
        (SyntaxError, "syntax_error"),
        (ImportError, "import_error"),
        (MemoryError, "memory"),
    ):
        if isinstance(error, types_):
            return name
    return "exception"


def disk_is_full(error, workspace):
    """Whether an error is at root that the workspace's disk takes no more. The private /tmp is a disk of its own."""
    error = root(error)
    if not isinstance(error, OSError) or error.errno not in FULL:
        return False
    disk = os.statvfs(workspace)
    return error.errno == errno.EDQUOT or disk.f_bavail * disk.f_frsize < LITTLE


def root(error):
    for _ in range(20):  # a library may have wrapped it several times
        deeper = error.__cause__ or error.__context__
        if deeper is None:
            break
        error = deeper
    return error


def message(error):
    said = "".join(traceback.format_exception_only(type(error), error)).strip()
    if isinstance(error, SystemExit):
        return "the subagent called sys.exit(%r); return the answer, or raise an exception" % (error.code,)
    if isinstance(error, ImportError) and error.name:
        top = error.name.split(".")[0]
        if top == "playwright":
            return said + ". Subagents cannot drive a browser themselves; use the tool skill browser_automation"
        if isinstance(error, ModuleNotFoundError) and top not in getattr(sys, "stdlib_module_names", ()):
            return said + ". Declare third-party packages inline (PEP 723): # /// script, # dependencies = [\"…\"], # ///"
    if isinstance(error, MemoryError):
        return "out of memory; work on smaller pieces"
    return said + no_network(error)


def no_network(error):
    """What the sandbox says about connections, if one that cannot be made is at the root of an error."""
    error = root(error)
    failed = type(error).__name__ == "gaierror" or isinstance(error, OSError) and error.errno in UNREACHABLE and error.filename is None
    about = os.environ.get("AGENTFACTORY_EGRESS")
    return ". In this run " + about if failed and about else ""


def relative(said, workspace):
    return said.replace(workspace + os.sep, "").encode("utf-8", "replace").decode("utf-8")


def variables(tb, inside, workspace):
    frames = []
    while tb is not None:
        code = tb.tb_frame.f_code
        if inside(code.co_filename):
            frames.append((tb.tb_frame, tb.tb_lineno, code))
        tb = tb.tb_next
    return [
        {"function": code.co_name, "file": relative(code.co_filename, workspace), "line": line, "variables": local(frame)}
        for frame, line, code in frames[-FRAMES:]
    ]


def local(frame):
    found = []
    for name, value in list(frame.f_locals.items()):
        if name.startswith("__") or isinstance(value, (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type)):
            continue
        if len(found) == VARIABLES:
            break
        found.append({"name": name, "value": "***" if secret(name) else describe(value)})
    return found


def secret(name):
    return any(word in name.lower() for word in SECRET)


def describe(value):
    try:
        said = shown.repr(value)
    except BaseException as e:  # __repr__ is the subagent's code
        said = "<%s whose repr raises %s>" % (type(value).__name__, type(e).__name__)
    return said[:600].encode("utf-8", "replace").decode("utf-8")


def send(report):
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass  # the subagent may have closed it
    data = json.dumps(report).encode()
    while data:
        data = data[os.write(REPORT, data):]


main()
