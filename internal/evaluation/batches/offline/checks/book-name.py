"""How often a name occurs in each chapter, and what is told of the chapters."""
import json
import os
import re

WANT = {
    "harbour.epub": ("names.json", {"Chapter 1": 0, "Chapter 2": 0, "Chapter 3": 0, "Chapter 4": 1, "Chapter 5": 1, "Chapter 6": 2, "Chapter 7": 3}, "Chapter 4", "Chapter 7"),
    "orchard.epub": ("elias.json", {"Chapter 1": 0, "Chapter 2": 0, "Chapter 3": 3, "Chapter 4": 2, "Chapter 5": 3, "Chapter 6": 3, "Chapter 7": 2, "Chapter 8": 3, "Chapter 9": 3}, "Chapter 3", "Chapter 5"),
}


def facts(query):
    return next(value for key, value in WANT.items() if key in query)


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
    report, counts, first, longest = facts(query)
    got = read_counts(report)
    assert got == counts, "%s has other counts" % report
    says(answer, first)
    if report == "elias.json":
        says(answer, longest)


def says(answer, chapter):
    words = dict(zip("123456789", "one two three four five six seven eight nine".split()))
    number = chapter.split()[1]
    assert re.search(r"(?i)chapter\s+(%s|%s)\b" % (number, words[number]), answer), "the answer does not name %s" % chapter
