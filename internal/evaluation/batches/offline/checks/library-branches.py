"""The branch that is open longest, its hours, how many branches come into question, and their visitors."""
import re

WANT = {
    '"East"': ('Castle', 50.5, 5, 25276),
    '"West"': ('Harbour', 16.0, 5, 26874),
}


def facts(query):
    return next(value for key, value in WANT.items() if key in query)


def numbers(text):
    return [float(n.replace(",", "")) for n in re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?", text)]


def states(answer, number, what):
    assert any(abs(n - number) < 0.006 for n in numbers(answer)), "the answer does not state %s" % what


def check(query, answer):
    name, hours, fitting, visitors = facts(query)
    assert re.search(r"\b%s\b" % name, answer), "the answer does not name the branch %s" % name
    hour, minute = divmod(round(hours * 60), 60)
    assert re.search(r"\b%d\s*(?::|h|hours? and|hours?)\s*%02d" % (hour, minute), answer) or any(abs(n - hours) < 0.006 for n in numbers(answer)), "the answer does not state the hours"
    words = {4: "four", 5: "five", 6: "six"}
    assert words.get(fitting, "?") in answer.lower() or fitting in numbers(answer), "the answer does not state how many branches fit"
    states(answer, visitors, "the visitors")
