"""The official MCP client: argv is how it connects, a mode and a URL or command; prints the tools and what they answer."""
import asyncio
import json
import os
import sys

from mcp import Client, StdioServerParameters

mode, server = sys.argv[1], sys.argv[2:]
if not server[0].startswith("http"):
    server = [StdioServerParameters(command=server[0], args=server[1:], env=dict(os.environ))]


async def main():
    async with Client(server[0], mode=mode) as client:
        tools = (await client.list_tools()).tools
        for tool in tools:
            print(tool.name, "|", tool.description, "|", tool.input_schema["properties"]["query"]["description"])
        found = await client.call_tool(tools[-1].name, {"query": "one two three"})
        print(json.dumps(found.structured_content), found.is_error)
        failed = await client.call_tool(tools[-1].name, {"query": "fail"})
        print(failed.is_error, failed.content[0].text)


asyncio.run(main())
