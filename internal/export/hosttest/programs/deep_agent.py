"""A deep agent with a directory of skills and a shell: argv is the directory, whose skills/ has them, and the question."""
import sys

from deepagents import create_deep_agent
from deepagents.backends import LocalShellBackend
from langchain_openai import ChatOpenAI

backend = LocalShellBackend(root_dir=sys.argv[1], virtual_mode=True, inherit_env=True)
agent = create_deep_agent(model=ChatOpenAI(model="scripted-model", max_retries=0), backend=backend, skills=["/skills/"])
said = agent.invoke({"messages": [{"role": "user", "content": sys.argv[2]}]})["messages"]
print(said[-1].content)
