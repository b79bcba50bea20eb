"""Counts the entries of a level in a log by component and finds the hour with the most of them.

query is JSON: {"log": file, "level": such as "ERROR", "report": JSON file to write}
"""
import datetime
import json
import re
from collections import Counter

PLAIN = re.compile(r"(\d{4}-\d\d-\d\dT\d\d):\d\d:\d\dZ (\w+)\s+(\w+):")
BRACKETED = re.compile(r"\[(\d\d/\w{3}/\d{4}:\d\d):\d\d:\d\d [+-]\d{4}\] \((\w+)\) (\w+) \|")


def main(query: str) -> dict:
    want = json.loads(query)
    parts, hours = Counter(), Counter()
    with open(want["log"], encoding="utf-8") as f:
        for line in f:
            entry = parse(line)
            if entry and entry[1] == want["level"]:
                hours[entry[0]] += 1
                parts[entry[2]] += 1
    with open(want["report"], "w", encoding="utf-8") as f:
        json.dump(dict(sorted(parts.items())), f)
    hour, most = hours.most_common(1)[0]
    return {
        "answer": "%d entries of level %s; most of them on %s in the hour from %s: %d" % (sum(parts.values()), want["level"], hour.strftime("%Y-%m-%d"), hour.strftime("%H:00"), most),
        "summary": "wrote %s with %d components" % (want["report"], len(parts)),
    }


def parse(line: str):
    """The hour, level and component of an entry; None for other lines."""
    found = PLAIN.match(line)
    if found:
        return datetime.datetime.strptime(found.group(1), "%Y-%m-%dT%H"), found.group(2).upper(), found.group(3)
    found = BRACKETED.match(line)
    if found:
        return datetime.datetime.strptime(found.group(1), "%d/%b/%Y:%H"), found.group(3).upper(), found.group(2)
    return None
