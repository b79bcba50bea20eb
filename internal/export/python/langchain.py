"""The skill as a LangChain tool: from PACKAGE.langchain import tool

Its content is the answer, its artifact the whole {"answer", "summary"}. A failure of the skill is told to the model.
"""
from typing import Tuple

from langchain_core.tools import StructuredTool, ToolException

from ._about import DESCRIPTION, NAME, QUERY
from ._run import Answer, SkillError, run

_ARGUMENTS = {
    "title": NAME,
    "type": "object",
    "properties": {"query": {"type": "string", "description": QUERY}},
    "required": ["query"],
}


def _call(query: str) -> Tuple[str, Answer]:
    try:
        found = run(query)
    except SkillError as e:
        raise ToolException("%s: %s" % (e.code, e)) from e
    return found["answer"], found


tool = StructuredTool.from_function(
    func=_call,
    name=NAME,
    description=DESCRIPTION,
    args_schema=_ARGUMENTS,
    response_format="content_and_artifact",
    handle_tool_error=True,
)
