"""The skill as an AutoGen tool: from PACKAGE.autogen import tool

It returns the answer. A failure of the skill is an exception, which AutoGen's agents tell the model.
"""
from autogen_core.tools import FunctionTool
from typing_extensions import Annotated

from ._about import DESCRIPTION, NAME, QUERY
from ._run import run


def _call(query: Annotated[str, QUERY]) -> str:
    return run(query)["answer"]


tool = FunctionTool(_call, name=NAME, description=DESCRIPTION)
