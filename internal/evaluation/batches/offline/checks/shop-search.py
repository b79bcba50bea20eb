"""The article that was to be picked: name, number, price, and how many meet the conditions."""
import re

WANT = {
    '"lamp"': ("Corvi desk lamp 12", "SH-5970", 103.2, 3),
    '"kettle"': ("Elva steel kettle 10", "SH-3525", 148.9, 9),
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
    name, number, price, fitting = facts(query)
    assert name.lower() in answer.lower(), "the answer does not name %s" % name
    assert number in answer, "the answer does not give the number %s" % number
    states(answer, price, "the price")
    states(answer.replace(name, " ").replace(number, " "), fitting, "how many articles meet the conditions")
