"""A skill as a package: run(query) answers. DESCRIPTION says what it does, QUERY how it wants to be asked.

    from PACKAGE import run
    print(run("...")["answer"])

For agents there are the modules langchain and autogen (each with a `tool`) and mcp (a server), behind extras of the same
names. Each call is a process of its own, so that skills do not get in each other's way.
"""
from ._about import DESCRIPTION, NAME, QUERY, VERSION
from ._run import Answer, SkillError, run

__version__ = VERSION
__all__ = ["DESCRIPTION", "NAME", "QUERY", "VERSION", "Answer", "SkillError", "run"]
