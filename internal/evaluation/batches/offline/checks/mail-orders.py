"""Pieces ordered of each article, and the total."""
import json
import os
import re

WANT = {
    "orders.mbox": ("totals.json", {"Apple pie": 15, "Brötchen": 29, "Plum cake": 39, "Rye bread": 7}),
    "bookings.mbox": ("boats.json", {"Canoe": 48, "Raft": 16, "Rowing boat": 18, "Tandem kayak": 36, "Überfahrt": 46}),
}


def facts(query):
    return next(value for key, value in WANT.items() if key in query)


WORDS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split()


def numbers(text):
    """Every number in a text, in figures or as a word."""
    spelt = [WORDS.index(word) for word in re.findall(r"[a-z]+", text.lower()) if word in WORDS]
    return spelt + [float(n.replace(",", "")) for n in re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?", text)]


def states(answer, number, what):
    assert any(abs(n - number) < 0.006 for n in numbers(answer)), "the answer does not state %s" % what


def read(path):
    assert os.path.isfile(path), "%s is missing" % path
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as f:
        return f.read()


def read_counts(path):
    """An object from names to numbers."""
    try:
        got = json.loads(read(path))
    except ValueError:
        raise AssertionError("%s is no JSON" % path) from None
    assert isinstance(got, dict), "%s is no object" % path
    return got


def check(query, answer):
    report, totals = facts(query)
    got = read_counts(report)
    assert {name: n for name, n in got.items() if n} == totals, "%s has other numbers" % report
    states(answer, sum(totals.values()), "the total")
    if report == "boats.json":
        most = max(totals, key=totals.get)
        assert most.lower() in answer.lower(), "the answer does not name %s" % most
