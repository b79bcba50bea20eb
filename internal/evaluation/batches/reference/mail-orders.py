"""Adds up what the mails of a mailbox order, without what other mails cancel.

query is JSON: {"mailbox": mbox file, "report": JSON file to write}
"""
import json
import mailbox
import re
from collections import Counter
from email.policy import default
from email import message_from_bytes


def main(query: str) -> dict:
    want = json.loads(query)
    orders, cancelled = {}, set()
    for raw in mailbox.mbox(want["mailbox"], create=False):
        mail = message_from_bytes(raw.as_bytes(), policy=default)
        subject = re.fullmatch(r"(Cancel o|O)rder (\d+)", mail["subject"].strip())
        if subject and subject.group(1) == "O":
            orders[subject.group(2)] = lines(mail.get_body(("plain",)).get_content())
        elif subject:
            cancelled.add(subject.group(2))
    totals = Counter()
    for number, items in orders.items():
        if number not in cancelled:
            for count, article in items:
                totals[article] += int(count)
    with open(want["report"], "w", encoding="utf-8") as f:
        json.dump(totals, f, ensure_ascii=False)
    article, most = totals.most_common(1)[0]
    return {
        "answer": "%d pieces in all, most of them %s (%d)" % (sum(totals.values()), article, most),
        "summary": "wrote %s from %d orders, %d of them cancelled" % (want["report"], len(orders), len(cancelled)),
    }


def lines(text: str) -> list:
    return re.findall(r"(?m)^- (\d+) x (.+?)\s*$", text)
