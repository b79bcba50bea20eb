"""A LangChain agent with one exported tool: argv is the package and the question; prints the agent's last message."""
import importlib
import sys

from langchain.agents import create_agent
from langchain_openai import ChatOpenAI

tool = importlib.import_module(sys.argv[1] + ".langchain").tool
agent = create_agent(ChatOpenAI(model="scripted-model", max_retries=0), [tool])
said = agent.invoke({"messages": [{"role": "user", "content": sys.argv[2]}]})["messages"]
print(said[-1].content)
for message in said:
    if message.type == "tool":
        print(message.status, message.artifact)
