"""Finds the branch of a library that is open longest on some days.

query is JSON: {"page": address of the list of branches, "district": name, "min_seats": number,
"days": list of days, such as ["Monday", "Tuesday"]}
"""
import json
import re
import urllib.parse

from tools import web_reading


def main(query: str) -> dict:
    want = json.loads(query)
    fitting = []
    for link, name, district, seats, visitors in list_branches(web_reading(want["page"]), want["page"]):
        if district == want["district"] and seats >= want["min_seats"]:
            fitting.append((hours_open(web_reading(link), want["days"]), name, visitors))
    if not fitting:
        raise ValueError("no branch meets the conditions")
    hours, name, _ = max(fitting)
    visitors = sum(v for _, _, v in fitting)
    return {
        "answer": "%s is open for %g hours; %d branches with %d visitors together come into question" % (name, hours, len(fitting), visitors),
        "summary": "compared the opening hours of %d branches" % len(fitting),
    }


def list_branches(text: str, page: str) -> list:
    rows = re.findall(r"\|\s*\[([^\]]+)\]\(([^)\s]+)[^|]*\|\s*(\w+)\s*\|\s*(\d+)\s*\|\s*(\d+)\s*\|", text)
    return [(urllib.parse.urljoin(page, link), name, district, int(seats), int(visitors)) for name, link, district, seats, visitors in rows]


def hours_open(text: str, days: list) -> float:
    minutes = 0
    for day, hours in re.findall(r"\|\s*(\w+day)\s*\|([^|\n]*)\|", text):
        if day in days:
            for h1, m1, h2, m2 in re.findall(r"(\d+):(\d+)\s*[–-]\s*(\d+):(\d+)", hours):
                minutes += int(h2) * 60 + int(m2) - int(h1) * 60 - int(m1)
    return minutes / 60
