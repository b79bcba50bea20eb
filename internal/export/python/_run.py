"""Calls the program that lies beside this module."""
import os
from typing import Dict, Optional, TypedDict

from ._about import PROGRAM
from ._program.runtime import run as _runner

LAUNCHER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_program", PROGRAM)

SkillError = _runner.SkillError


class Answer(TypedDict):
    """What a skill answers."""

    answer: str
    summary: str


def run(query: str, directory: Optional[str] = None, timeout: Optional[float] = None, env: Optional[Dict[str, str]] = None) -> Answer:
    """Ask the skill; raises SkillError, whose code is failed, usage, missing, timeout or no_answer.

    directory is where it works, by default the caller's; timeout is in seconds; env are variables besides the caller's.
    """
    found = _runner.call(LAUNCHER, query, directory=directory, timeout=timeout, env=env)
    return {"answer": found["answer"], "summary": found["summary"]}
