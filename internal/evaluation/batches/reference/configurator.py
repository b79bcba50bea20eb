"""Reads the totals of configurations from a page that works out a price while one chooses.

query is JSON: {"url": address of the page, "configurations": {name: {label of a list: option}}}
"""
import json
import re

from tools import browser_automation


def main(query: str) -> dict:
    want = json.loads(query)
    totals = {name: total(want["url"], choices) for name, choices in want["configurations"].items()}
    spread = max(totals.values()) - min(totals.values())
    listed = ", ".join("%s: %.2f EUR" % item for item in totals.items())
    return {
        "answer": "%s; the difference is %.2f EUR" % (listed, spread),
        "summary": "tried %d configurations in the browser" % len(totals),
    }


def total(url: str, choices: dict) -> float:
    actions = [{"action": "navigate", "url": url}]
    actions += [{"action": "select", "label": label, "values": [option]} for label, option in choices.items()]
    reply = browser_automation(actions + [{"action": "text"}])
    if reply.get("error"):
        raise RuntimeError(reply["error"]["message"])
    found = re.search(r"Total:\s*([\d.]+) EUR", reply["results"][-1]["text"])
    if not found:
        raise ValueError("the page shows no total")
    return float(found.group(1))
