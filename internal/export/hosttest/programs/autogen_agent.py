"""An AutoGen agent with one exported tool: argv is the package and the question; prints the agent's last message."""
import asyncio
import importlib
import sys

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient

tool = importlib.import_module(sys.argv[1] + ".autogen").tool
model = OpenAIChatCompletionClient(
    model="scripted-model",
    max_retries=0,
    model_info={"vision": False, "function_calling": True, "json_output": False, "family": "unknown", "structured_output": False},
)


async def main():
    agent = AssistantAgent("assistant", model_client=model, tools=[tool], reflect_on_tool_use=True)
    result = await agent.run(task=sys.argv[2])
    print(result.messages[-1].content)
    for message in result.messages:
        if message.type == "ToolCallExecutionEvent":
            print(message.content[0].is_error)


asyncio.run(main())
