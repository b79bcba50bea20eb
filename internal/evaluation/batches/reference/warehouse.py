"""Adds up the pallets of some goods on a warehouse page that shows its rows by a script.

query is JSON: {"url": address of the page, "goods": name, "more": name of the button that shows more rows}
"""
import json

from tools import browser_automation


def main(query: str) -> dict:
    want = json.loads(query)
    rows = [row for row in read_table(want["url"], want["more"]) if row[1] == want["goods"]]
    if not rows:
        raise ValueError("there is no pallet of %s" % want["goods"])
    weights = {number: int(weight.split()[0]) for number, _, weight in rows}
    heaviest = max(weights, key=weights.get)
    return {
        "answer": "%d pallets of %s weigh %d kg; the heaviest is %s with %d kg" % (len(rows), want["goods"], sum(weights.values()), heaviest, weights[heaviest]),
        "summary": "read the whole table in the browser",
    }


def read_table(url: str, more: str) -> list:
    do([{"action": "navigate", "url": url}])
    while do([{"action": "find", "query": "button " + more}])[0].get("matches"):
        do([{"action": "click", "role": "button", "name": more}])
    text = do([{"action": "text", "css": "table"}])[0]["text"]
    return [line.split("\t") for line in text.splitlines()[1:] if line.count("\t") == 2]


def do(actions: list) -> list:
    reply = browser_automation(actions)
    if reply.get("error"):
        raise RuntimeError(reply["error"]["message"])
    return reply["results"]
