"""Says what is in the files of a skill, without running any of them.

The order comes in as JSON on standard input, the facts go out as JSON on file
descriptor 3. The working directory holds code/, the skill's files, and text/, what else
is exported with it. Which facts are faults is not decided here.
"""
import concurrent.futures
import json
import os
import sys

import linters
import secret_words
import source

REPORT = 3


def main():
    order = json.load(sys.stdin)
    code = list(files("code"))
    python = [path for path in code if path.endswith(".py")]
    with concurrent.futures.ThreadPoolExecutor() as pool:  # they are programs of their own
        syntax = pool.submit(linters.ruff, order["linters"], order["python"], python)
        versions = pool.submit(linters.vermin, order["python"], python)
        risks = pool.submit(linters.bandit, python)
        facts = source.read(python, order["entry"], order["packages"])
        facts["secrets"] = secret_words.find(code + list(files("text")))
        facts.update(syntax=syntax.result(), versions=versions.result(), risks=risks.result())
    send(facts)


def files(root):
    """The files below a directory, by their paths in it."""
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            yield os.path.join(folder, name)


def send(facts):
    data = json.dumps(facts).encode("utf-8", "replace")
    while data:
        data = data[os.write(REPORT, data):]


if __name__ == "__main__":
    main()
