"""The skill as an MCP server: python -m PACKAGE.mcp (stdio), python -m PACKAGE.mcp --http 8000 (streamable HTTP)."""
from ._about import DESCRIPTION, NAME, QUERY, VERSION
from ._run import run
from ._server import Tool, serve


def main() -> None:
    serve(NAME, VERSION, [Tool(NAME, DESCRIPTION, QUERY, run)])


if __name__ == "__main__":
    main()
