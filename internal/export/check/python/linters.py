"""Runs the linters over Python files. Comments in the files that would silence them count for nothing."""
import json
import os
import re
import subprocess
import sys

# Syntax, names that are not defined, statements in the wrong place, and annotations that older versions evaluate.
RULES = "E9,F63,F7,F82,FA102"


def ruff(directory, python, paths):
    """Syntax that a version of Python, such as "3.9", does not have, and names without a meaning."""
    if not paths:
        return []
    target = "py" + python.replace(".", "")
    said = run(
        [os.path.join(directory, "bin", "ruff"), "check", "--isolated", "--no-cache", "--ignore-noqa", "--exit-zero"]
        + ["--output-format=json", "--target-version=" + target, "--select=" + RULES, "--"] + paths
    )
    return [
        {"file": relative(f["filename"]), "line": f["location"]["row"], "code": f["code"] or "invalid-syntax", "message": f["message"]}
        for f in json.loads(said)
    ]


def vermin(python, paths):
    """What of the standard library came after a version of Python, such as "3.9"."""
    if not paths:
        return []
    options = ["--no-tips", "--no-parse-comments", "--no-make-paths-absolute", "--violations", "--processes=1"]
    start = [sys.executable, "-c", "from vermin import main; main()"]
    said = run(start + options + ["--format", "parsable", "-t=%s-" % python, "--"] + paths, ends=(0, 1))
    if not said.rpartition("\n:::")[1] and not said.startswith(":::"):  # its last line; it ends with 1 for many reasons
        sys.exit("vermin gave no result: %s" % said[-500:])
    return list(filter(None, (violation(line, paths) for line in said.splitlines())))


# What follows a path: line, column, the least 2.x and 3.x, and what needs it. A syntax error has no version.
VIOLATION = re.compile(r":(\d+):\d*:[^:]*:(3[\d.]*):(.*)")


def violation(line, paths):
    """Reads a line of vermin; None where no version of 3.x is at fault."""
    for path in paths:
        match = VIOLATION.fullmatch(line, len(path)) if line.startswith(path) else None
        if match:
            return {"file": path, "line": int(match[1]), "since": match[2], "message": match[3]}
    return None


def bandit(paths):
    """Calls and settings that are risky."""
    if not paths:
        return []
    said = run([sys.executable, "-m", "bandit", "--quiet", "--ignore-nosec", "--exit-zero", "--format=json"] + paths)
    return [
        {
            "file": relative(r["filename"]),
            "line": r["line_number"],
            "code": r["test_id"],
            "severity": r["issue_severity"],
            "message": r["issue_text"],
        }
        for r in json.loads(said)["results"]
    ]


def relative(path):
    return os.path.relpath(path)


def run(command, ends=(0,)):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False)
    if done.returncode not in ends:
        said = done.stderr.decode("utf-8", "replace").strip() or done.stdout.decode("utf-8", "replace").strip()
        sys.exit("%s ended with %d: %s" % (os.path.basename(command[0]), done.returncode, said[-500:]))
    return done.stdout.decode("utf-8", "replace")
