"""Lines in order, arrival and fare of the journey that arrives first."""
import re

WANT = {
    "ferries.json": ("12:07", 8.0, ["L25", "L03"]),
    "trains.json": ("12:55", 15.5, ["L28", "L57", "L46"]),
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


def check(query, answer):
    arrives, fare, lines = facts(query)
    assert re.findall(r"\bL\d\d\b", answer)[:len(lines)] == lines, "the answer does not give the lines in order"
    assert set(re.findall(r"\bL\d\d\b", answer)) == set(lines), "the answer names other lines"
    assert arrives in answer or arrives.lstrip("0") in answer, "the answer does not give the arrival"
    states(answer, fare, "the fare")
    if "changes" in query.lower():
        words = ["no change", "one change", "two changes", "three changes"]
        changes = len(lines) - 1
        assert re.search(r"\b%d\b" % changes, answer) or words[changes] in answer.lower(), "the answer does not tell the number of changes"
