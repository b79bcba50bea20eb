"""Carries out a check script as the entry of a subagent's run.

main takes {"query": ..., "answer": ...} as JSON and returns when the check passes;
what the check raises fails the run. Before the check runs, its folder is removed, so
that it finds only inputs and outputs in the workspace (and the sandbox's .tmp); and the workspace is no
place to import from, because what is judged may have left a csv.py there.
"""
import json
import linecache
import os
import shutil
import sys
import types

FOLDER = os.path.dirname(os.path.abspath(__file__))
WORKSPACE = os.getcwd()
NAME = "check_script"


def main(order):
    output = json.loads(order)
    returned = load()(output["query"], output["answer"])
    if returned is not None:
        raise TypeError("check returned %.200r; it has to raise AssertionError if the output is wrong, and return None if it is right" % (returned,))
    return {"answer": "ok", "summary": "the check passed"}


def load():
    path = os.path.join(FOLDER, NAME + ".py")
    with open(path, encoding="utf-8") as f:
        source = f.read()
    linecache.cache[path] = (len(source), None, source.splitlines(True), path)  # for tracebacks
    shutil.rmtree(FOLDER, ignore_errors=True)
    sys.path[:] = [p for p in sys.path if os.path.abspath(p) not in (FOLDER, WORKSPACE)]
    module = sys.modules[NAME] = types.ModuleType(NAME)
    module.__file__ = path
    exec(compile(source, path, "exec"), module.__dict__)
    check = getattr(module, "check", None)
    if not callable(check):
        raise AttributeError("the script defines no function check(query, answer)")
    return check
