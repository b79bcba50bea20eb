"""The branch that is open longest, its hours, how many branches come into question, and their visitors."""
import re

WANT = {
    '"East"': ("Castle", 50.5, 5, 25276),
    '"West"': ("Harbour", 16.0, 5, 26874),
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
    name, hours, fitting, visitors = facts(query)
    assert re.search(r"\b%s\b" % name, answer), "the answer does not name the branch %s" % name
    hour, minute = divmod(round(hours * 60), 60)
    assert re.search(r"\b%d\s*(?::|h|hours? and|hours?)\s*%02d" % (hour, minute), answer) or any(abs(n - hours) < 0.006 for n in numbers(answer)), "the answer does not state the hours"
    states(answer, fitting, "how many branches fit")
    states(answer, visitors, "the visitors")
