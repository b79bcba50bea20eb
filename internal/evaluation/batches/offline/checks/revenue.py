"""A CSV file with the revenue of each group, highest first, and the best of them in the answer."""
import csv
import os
import re

WANT = {
    "orders.csv": ("revenue.csv", {"bread": 3204.12, "cake": 3777.73, "cheese": 2806.81, "juice": 1981.08}),
    "tickets.csv": ("takings.csv", {"Arena": 9111.96, "Cellar": 5606.97, "Opera": 17330.48}),
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


def amount(text):
    assert re.fullmatch(r"\s*\d+\.\d\d\s*", text or ""), "%r is no amount with two decimals" % text
    return float(text)


def check(query, answer):
    report, totals = facts(query)
    lines = read(report).splitlines() or [""]
    rows = list(csv.DictReader(lines, delimiter=";" if ";" in lines[0] else ","))
    assert rows and "revenue" in rows[0], "%s has no column revenue" % report
    group = next((column for column in rows[0] if column != "revenue"), None)
    got = [((row[group] or "").strip(), amount(row["revenue"])) for row in rows]
    assert len(got) == len(totals) and dict(got).keys() == totals.keys(), "%s has other groups" % report
    for name, revenue in got:
        assert abs(revenue - totals[name]) < 0.006, "%s gives another revenue of %s" % (report, name)
    assert [r for _, r in got] == sorted((r for _, r in got), reverse=True), "%s is not in order" % report
    best = max(totals, key=totals.get)
    assert best.lower() in answer.lower(), "the answer does not name %s" % best
    states(answer, totals[best], "its revenue")
    if report == "takings.csv":
        states(answer, sum(totals.values()), "the total of all")
