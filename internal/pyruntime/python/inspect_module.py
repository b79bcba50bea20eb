"""Reads a subagent's source without running it; reports as JSON on file descriptor 3."""
import ast
import json
import os
import sys

MAX_LITERALS = 2000
MAX_LITERAL = 500  # characters
MAX_DOCSTRING = 4000


def main(entry):
    report = {"has_main": False, "syntax_error": "", "local_modules": [], "imports": [], "literals": [], "docstring": ""}
    pending, seen = [entry], set()
    while pending:
        path = pending.pop(0)
        if path in seen:
            continue
        seen.add(path)
        try:
            with open(path, "rb") as f:
                tree = ast.parse(f.read(), path)
        except (SyntaxError, ValueError) as e:
            report["syntax_error"] = report["syntax_error"] or "%s: %s" % (path, e)
            continue
        if path == entry:
            report["docstring"] = docstring(tree)[:MAX_DOCSTRING]
            report["has_main"] = any(isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)) and n.name == "main" for n in tree.body)
        else:
            report["local_modules"].append(path)
        names = list(imported(tree))
        report["imports"] += [n for _, n in names]
        report["literals"] += literals(tree)
        for level, name in names:
            pending += local(name, level, path, entry)
    report["local_modules"].sort()
    report["imports"] = sorted(set(report["imports"]) - {""})
    report["literals"] = report["literals"][:MAX_LITERALS]
    data = json.dumps(report).encode("utf-8", "replace")
    while data:
        data = data[os.write(3, data):]


def docstring(tree):
    """What the module says of itself, or else what main does: how it wants to be asked."""
    of_main = [n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)) and n.name == "main"]
    for node in [tree] + of_main:
        text = ast.get_docstring(node)
        if text:
            return text
    return ""


def imported(tree):
    """Yields (level, dotted name) of every import; level counts the leading dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield 0, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            yield node.level, base
            for alias in node.names:  # it may be a module
                yield node.level, (base + "." + alias.name).lstrip(".")


def local(name, level, path, entry):
    """The files of the workspace that an import may mean, packages' __init__ included."""
    if level:
        folder = os.path.dirname(path)
        for _ in range(level - 1):
            folder = os.path.dirname(folder)
        folders = [folder]
    else:
        folders = [os.path.dirname(entry), ""]
    found, parts = [], [p for p in name.split(".") if p]
    for folder in folders:
        for i in range(1, len(parts) + 1):
            stem = os.path.join(folder, *parts[:i])
            found += [p for p in (stem + ".py", os.path.join(stem, "__init__.py")) if os.path.isfile(p)]
    return [os.path.normpath(p) for p in found]


def literals(tree):
    docstrings = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                docstrings.add(id(first.value))
    return [
        n.value[:MAX_LITERAL]
        for n in ast.walk(tree)
        if isinstance(n, ast.Constant) and isinstance(n.value, str) and n.value and id(n) not in docstrings
    ]


main(sys.argv[1])
