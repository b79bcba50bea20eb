"""Runs an exported skill: on a command line (main), and from other programs (call).

A launcher is a few lines, which say what the skill is:

    import run

    SKILL = run.Skill(name="word-count", description="Counts words.", entry="word_count.py", tools=["web_reading"])

    if __name__ == "__main__":
        run.main(SKILL)

It prints one line of JSON, {"answer": ..., "summary": ...}, to standard output; what the skill itself prints goes to
standard error. Other programs use call, which starts the launcher as a process of its own: skills come with modules
of the same names, and work in their own directory. For them this module can be imported alone.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile

ANSWERED, FAILED, USAGE, MISSING = 0, 1, 2, 3  # exit codes


class Skill:
    """What a launcher says of its skill.

    entry is its module: a file, relative to base, or the name of a module. tools are the tool skills that it may import,
    model and audio whether it calls call_llm and transcribe, requires its packages as pip takes them. query says what it
    wants to be asked, paths names further directories of modules, relative to base: by default the launcher's directory.
    """

    def __init__(
        self, name, description, entry, tools=(), model=False, audio=False, requires=(), query="", version="", paths=(), base=None
    ):
        self.name, self.description, self.entry, self.query, self.version = name, description, entry, query, version
        self.tools, self.model, self.audio = list(tools), model, audio
        self.requires, self.paths, self.base = list(requires), list(paths), base


def main(skill, arguments=None):
    """Run a skill as its command line says, and end the process with the exit code."""
    import _runner

    _runner.main(skill, arguments)


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
    """The caller's environment, with the keys that were taken out of it if the caller is itself such a skill."""
    settings = sys.modules.get("_settings")
    taken = settings.taken() if hasattr(settings, "taken") else {}
    return {**os.environ, **taken, **(env or {})}


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
