"""Reads what Python files import and which texts and calls stand in them."""
import ast
import importlib.metadata
import os
import re
import sys
import sysconfig

MAX_LITERAL = 500  # characters


def read(paths, entry, packages):
    """Facts about files whose entry is at code/<entry>; packages is the directory of what the skill declares, or ""."""
    facts = {"imports": [], "literals": [], "uses": [], "unread": []}
    provided = modules_of(packages)
    folders = {"code", os.path.dirname(os.path.join("code", entry))}
    for path in paths:
        try:
            with open(path, "rb") as f:
                tree = ast.parse(f.read(), path)
            reader = Reader(path, folders, provided)
            reader.visit(tree)
        except (SyntaxError, ValueError, MemoryError, RecursionError) as e:
            said = getattr(e, "msg", None) or str(e) or type(e).__name__
            facts["unread"].append({"file": path, "line": getattr(e, "lineno", None) or 1, "message": said})
            continue
        for kind, found in reader.facts.items():
            facts[kind] += found
    return facts


def modules_of(packages):
    """Which distributions of a directory provide a module, by its name, in the spelling of PEP 503."""
    provided = {}
    for dist in importlib.metadata.distributions(path=[packages]) if packages else ():
        name = re.sub(r"[-_.]+", "-", dist.metadata["Name"] or "").lower()
        for file in dist.files or ():
            module = file.parts[0].split(".")[0]
            if len(file.parts) > 1 or file.suffix in (".py", ".so", ".pyd"):
                provided.setdefault(module, set()).add(name)
    return provided


class Reader(ast.NodeVisitor):
    """Walks one file. guarded counts the try statements around that expect a failing import."""

    def __init__(self, path, folders, provided):
        self.path, self.folders, self.provided = path, folders, provided
        self.facts = {"imports": [], "literals": [], "uses": []}
        self.guarded = 0
        self.modules = {}  # module by the name that it has here
        self.docstrings = set()
        self.standard = standard()

    def visit(self, node):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                self.docstrings.add(id(first.value))
        super().visit(node)

    def visit_Try(self, node):
        expects = any(expects_no_module(h.type) for h in node.handlers)
        self.guarded += expects
        for child in node.body:
            self.visit(child)
        for handler in node.handlers:  # where the other choice is made
            self.visit(handler)
        self.guarded -= expects
        for child in node.orelse + node.finalbody:
            self.visit(child)

    def visit_Import(self, node):
        for alias in node.names:
            top = alias.name.split(".")[0]
            self.modules[alias.asname or top] = alias.name if alias.asname else top
            self.imported(node, alias.name, [])

    def visit_ImportFrom(self, node):
        if node.level:
            return
        self.imported(node, node.module or "", [a.name for a in node.names])
        for alias in node.names:
            self.used(node, "%s.%s" % (node.module, alias.name))

    def imported(self, node, module, names):
        top = module.split(".")[0]
        fact = {"file": self.path, "line": node.lineno, "module": top, "names": names, "guarded": self.guarded > 0}
        fact["local"] = any(is_module(os.path.join(folder, top)) for folder in self.folders)
        fact["standard"] = top in self.standard
        fact["packages"] = sorted(self.provided.get(top, ()))
        self.facts["imports"].append(fact)

    def visit_Attribute(self, node):
        if isinstance(node.value, ast.Name) and node.value.id in self.modules:
            self.used(node, "%s.%s" % (self.modules[node.value.id], node.attr))
        self.generic_visit(node)

    def used(self, node, name):
        self.facts["uses"].append({"file": self.path, "line": node.lineno, "name": name})

    def visit_Constant(self, node):
        if isinstance(node.value, str) and node.value and id(node) not in self.docstrings:
            self.facts["literals"].append({"file": self.path, "line": node.lineno, "text": node.value[:MAX_LITERAL]})


def expects_no_module(kind):
    """Whether an except clause is for a module that is missing."""
    if kind is None:
        return True
    if isinstance(kind, ast.Tuple):
        return any(expects_no_module(k) for k in kind.elts)
    return isinstance(kind, ast.Name) and kind.id in ("ImportError", "ModuleNotFoundError", "Exception", "BaseException")


def is_module(stem):
    return os.path.isfile(stem + ".py") or os.path.isdir(stem)


def standard():
    """The modules of the standard library, whichever version has them."""
    names = getattr(sys, "stdlib_module_names", None)
    if names is None:  # before Python 3.10
        folder = sysconfig.get_path("stdlib")
        names = [f.split(".")[0] for d in (folder, os.path.join(folder, "lib-dynload")) if os.path.isdir(d) for f in os.listdir(d)]
    return frozenset(names) | frozenset(sys.builtin_module_names) | OTHERS


# What earlier versions had, or later ones have. Which version has it is another question.
OTHERS = frozenset(
    ("asynchat", "asyncore", "cgi", "cgitb", "distutils", "imghdr", "imp", "smtpd", "sndhdr", "telnetlib")
    + ("annotationlib", "compression", "tomllib", "zoneinfo")
)
