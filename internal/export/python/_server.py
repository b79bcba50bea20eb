"""Offers skills as the tools of an MCP server, on the official SDK (mcp, version 2)."""
import argparse
from typing import Annotated, Any, Callable, List, NamedTuple, Tuple, TypedDict

import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field


class Tool(NamedTuple):
    """A skill; run(query) returns {"answer", "summary"}."""

    name: str
    description: str
    query: str
    run: Callable[[str], Any]


class Answer(TypedDict):
    answer: str
    summary: str


def serve(name: str, version: str, tools: List[Tool]) -> None:
    """Serve until the client leaves (stdio) or the process is ended (HTTP), as the command line says."""
    parser = argparse.ArgumentParser(description="Offers over the Model Context Protocol: %s." % ", ".join(t.name for t in tools))
    parser.add_argument(
        "--http", metavar="[HOST:]PORT", type=_address, help="serve streamable HTTP at /mcp, on 127.0.0.1 unless told otherwise; without it, stdio"
    )
    address = parser.parse_args().http
    server = _server(name, version, tools)
    if address:
        server.run("streamable-http", host=address[0], port=address[1])
    else:
        server.run("stdio")


def _address(text: str) -> Tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]") or "127.0.0.1", int(port)


def _server(name: str, version: str, tools: List[Tool]) -> MCPServer:
    server = MCPServer(name, version=version, log_level="WARNING")
    for tool in tools:
        server.add_tool(_function(tool), name=tool.name, description=tool.description)
    return server


def _function(tool: Tool) -> Callable[..., Any]:
    async def call(query: Annotated[str, Field(description=tool.query)]) -> Answer:
        try:
            return await anyio.to_thread.run_sync(tool.run, query)
        except Exception as e:  # a SkillError, of whichever copy of its module
            raise ToolError("%s: %s" % (getattr(e, "code", type(e).__name__), e)) from e

    return call
