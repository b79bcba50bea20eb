"""Entries of a level by component in a JSON file, and the hour with the most of them in the answer."""
import json
import os
import re

WANT = {
    "shop.log": ("errors.json", {"cart": 19, "mail": 18, "payment": 20, "search": 20}, "2026-03-02 16:00", 12),
    "press.log": ("warnings.json", {"belt": 19, "camera": 13, "cutter": 26, "feeder": 16, "hydraulics": 20}, "2026-05-18 15:00", 10),
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
    report, counts, hour, most = facts(query)
    got = read_counts(report)
    assert got == counts, "%s has other counts" % report
    clock = int(hour[-5:-3])
    spoken = r"\b%02d:00|\b%02d h|\b%d(?::00)? ?(?i:p\.?m)|\b%02d(?::\d\d)? ?(?:-|–|to)|\bhour (?:of )?%02d\b" % (clock, clock, clock - 12, clock, clock)
    assert re.search(spoken, answer), "the answer does not name the hour %s" % hour
    states(answer, most, "how many entries that hour has")
