"""Tables and logs: orders and tickets, temperatures and rain, two machines' logs."""
import csv
import datetime
import random
from collections import Counter
from pathlib import Path


def make(folder: Path) -> dict:
    rng = random.Random(23)
    return {**make_sales(rng, folder), **make_logs(rng, folder), **make_weather(rng, folder)}


def write(path: Path, header: list, rows: list, delimiter: str = ",") -> None:
    with path.open("w", newline="", encoding="utf-8") as f:
        out = csv.writer(f, delimiter=delimiter, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)


def make_sales(rng, folder) -> dict:
    names = ["Rye bread", "Oat bread", "Plum cake", "Poppy cake", "Apple juice", "Pear juice", "Brie", "Gouda"]
    kinds = ["bread", "bread", "cake", "cake", "juice", "juice", "cheese", "cheese"]
    products = [["A%02d" % n, name, kind, "%.2f" % (rng.randint(150, 1900) / 100)] for n, (name, kind) in enumerate(zip(names, kinds), 1)]
    orders = [[n, rng.choice(products)[0], rng.randint(1, 12), rng.choice(["paid", "paid", "paid", "returned"])] for n in range(5001, 5221)]
    write(folder / "products.csv", ["article", "name", "category", "unit_price"], products)
    write(folder / "orders.csv", ["order", "article", "quantity", "status"], orders)

    halls = [["K%d" % n, hall, "%.2f" % (rng.randint(900, 6400) / 100)] for n, hall in enumerate(["Opera", "Arena", "Opera", "Cellar", "Arena", "Cellar", "Opera"], 1)]
    tickets = [["T%04d" % n, rng.choice(halls)[0], rng.randint(1, 6), rng.choice(["valid", "valid", "cancelled", "used"])] for n in range(1, 261)]
    write(folder / "concerts.csv", ["concert_id", "hall", "price"], halls, ";")
    write(folder / "tickets.csv", ["ticket", "concert", "seats", "state"], tickets, ";")
    return {
        "orders.csv": revenue(orders, {p[0]: (p[2], p[3]) for p in products}, "returned"),
        "tickets.csv": revenue(tickets, {h[0]: (h[1], h[2]) for h in halls}, "cancelled"),
    }


def revenue(facts, lookup, skipped) -> dict:
    cents = Counter()
    for _, key, n, state in facts:
        if state != skipped:
            group, price = lookup[key]
            cents[group] += n * round(float(price) * 100)
    return {group: amount / 100 for group, amount in sorted(cents.items())}


def make_logs(rng, folder) -> dict:
    shop = log(rng, folder / "shop.log", 420, ["payment", "cart", "search", "mail"], datetime.datetime(2026, 3, 2, 6, 0))
    press = log(rng, folder / "press.log", 520, ["hydraulics", "feeder", "cutter", "camera", "belt"], datetime.datetime(2026, 5, 18, 4, 0))
    return {"shop.log": facts_of(shop, "ERROR"), "press.log": facts_of(press, "WARN")}


def log(rng, path, count, parts, now) -> list:
    """Lines of two forms, with stack traces between them that quote levels, and returns (time, level, part)."""
    lines, entries = [], []
    for n in range(count):
        now += datetime.timedelta(seconds=rng.randint(5, 220))
        level, part = rng.choice(["INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR"]), rng.choice(parts)
        entries.append((now, level, part))
        said = rng.choice(["request %04x took %d ms" % (rng.randint(0, 65535), rng.randint(3, 4000)), "state changed", "retry after ERROR of the last try", "queue at %d" % rng.randint(1, 90)])
        if n % 3:
            lines.append("%s %-5s %s: %s" % (now.strftime("%Y-%m-%dT%H:%M:%SZ"), level, part, said))
        else:
            lines.append("[%s] (%s) %s | %s" % (now.strftime("%d/%b/%Y:%H:%M:%S +0000"), part, level.lower(), said))
        if level == "ERROR" and rng.random() < 0.4:
            lines += ["Traceback (most recent call last):", "    WARN was not handled in %s.py, line %d" % (part, rng.randint(5, 300)), "  ERROR: gave up"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return entries


def facts_of(entries, level) -> list:
    parts = Counter(part for _, l, part in entries if l == level)
    hours = Counter(when.strftime("%Y-%m-%d %H:00") for when, l, _ in entries if l == level)
    (hour, most), (_, second) = hours.most_common(2)
    assert most > second, "the busiest hour is not the only one"
    return [dict(sorted(parts.items())), hour, most]


def make_weather(rng, folder) -> dict:
    start = datetime.date(2025, 1, 1)
    days = [start + datetime.timedelta(days=n) for n in range(365)]
    warmth = [2, 3, 7, 11, 15, 19, 21, 20, 16, 11, 6, 3]
    cold = [[d.isoformat(), missing(rng, "%.1f" % rng.gauss(warmth[d.month - 1], 2.5), ["", "n/a", "-999"])] for d in days]
    rain = [[d.strftime("%d.%m.%Y"), missing(rng, ("%.1f" % max(0, rng.gauss(1, 3))).replace(".", ","), ["", "-"])] for d in days]
    write(folder / "temperatures.csv", ["date", "celsius"], cold)
    write(folder / "rainfall.csv", ["Tag", "mm"], rain, ";")
    means = by_month([(d, float(v)) for d, (_, v) in zip(days, cold) if v not in ("", "n/a", "-999")])
    sums = by_month([(d, float(v.replace(",", "."))) for d, (_, v) in zip(days, rain) if v not in ("", "-")])
    return {
        "temperatures.csv": [round(sum(v) / len(v), 2) for v in means],
        "rainfall.csv": [round(sum(v), 1) for v in sums],
    }


def missing(rng, value, gaps) -> str:
    return rng.choice(gaps) if rng.random() < 0.06 else value


def by_month(values) -> list:
    return [[v for d, v in values if d.month == m] for m in range(1, 13)]
