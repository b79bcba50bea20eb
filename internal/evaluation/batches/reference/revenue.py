"""Joins sales with prices and adds up the revenue of each group.

query is JSON: {"sales": CSV file, "prices": CSV file, "key": [column of sales, column of prices] that join them,
"amount": column of sales, "price": column of prices, "group": column of prices, "skip": {column of sales: value},
"report": CSV file to write}
"""
import csv
import json
from collections import Counter
from decimal import Decimal


def main(query: str) -> dict:
    want = json.loads(query)
    mine, theirs = want["key"]
    prices = {row[theirs]: row for row in read(want["prices"])}
    totals = Counter()
    for sale in read(want["sales"]):
        if any(sale[column] == value for column, value in want["skip"].items()):
            continue
        entry = prices[sale[mine]]
        totals[entry[want["group"]]] += int(sale[want["amount"]]) * Decimal(entry[want["price"]])
    write(want["report"], want["group"], totals)
    best, most = totals.most_common(1)[0]
    return {
        "answer": "%s took in most: %.2f; all together %.2f" % (best, most, sum(totals.values())),
        "summary": "wrote %s with %d groups" % (want["report"], len(totals)),
    }


def read(path: str) -> list:
    with open(path, newline="", encoding="utf-8") as f:
        head = f.readline()
        f.seek(0)
        return list(csv.DictReader(f, delimiter=max(",;\t", key=head.count)))


def write(path: str, group: str, totals: Counter) -> None:
    with open(path, "w", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        out.writerow([group, "revenue"])
        out.writerows((name, "%.2f" % total) for name, total in totals.most_common())
