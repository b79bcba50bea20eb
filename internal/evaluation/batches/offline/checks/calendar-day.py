"""Events that overlap, and the first free time."""
import re

WANT = {
    "team.ics": ([["Interview 14", "Stand-up 7"], ["Stand-up 1", "Stand-up 7"]], "10:00"),
    "rooms.ics": ([["Chess club 16", "First aid 6"], ["First aid 13", "Yoga 10"]], "10:00"),
}


def facts(query):
    return next(value for key, value in WANT.items() if key in query)


def check(query, answer):
    clashes, free = facts(query)
    text = re.sub(r"\*|`", "", answer)
    for a, b in clashes:
        near = r"%s\b[^;\n]*?%s\b"
        assert re.search(near % (a, b), text) or re.search(near % (b, a), text), "the answer does not tell that %s and %s overlap" % (a, b)
    titles = set(re.findall(r"\b(?:%s) \d+" % KINDS, text))
    assert titles <= {title for pair in clashes for title in pair}, "the answer names events that do not overlap"
    assert free in text or free.lstrip("0") in text, "the answer does not give the free time from %s" % free


KINDS = "Stand-up|Interview|Planning|Review|Lunch talk|Training|Choir|Chess club|Yoga|Board|Rehearsal|First aid|Pottery"
