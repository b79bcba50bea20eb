"""Checks the tasks that gather figures, compute with them and draw them.

What is computed is computed again from the table that was saved; the table is held
against a few figures of the past that do not change. Which check applies is told by
the table that the task asks for.
"""
import csv
import datetime
import json
import math
import re
import statistics
import struct


def check(query, answer):
    for table, judge in CHECKS.items():
        if table in query:
            return judge(query, answer)
    raise LookupError("the task asks for none of the tables that this script knows")


# ---- a curve of the population

PEOPLE = {  # millions, United Nations, World Population Prospects
    "China": {1960: 655, 1970: 823, 1980: 983, 1990: 1144, 2000: 1264, 2010: 1343, 2020: 1420},
    "Japan": {1960: 93.5, 1970: 104, 1980: 117, 1990: 123.5, 2000: 126.9, 2010: 128.1, 2020: 126.0},
}
UNITS = (1e-6, 1e-3, 1e-2, 1, 100, 1000)  # millions in one person, thousand, ten thousand, million, hundred million, billion


def population(query, answer):
    picture("population.png")
    rows = [(year(r["year"]), number(r["population"])) for r in table("population.csv", "year", "population")]
    figures = dict(rows)
    assert len(figures) == len(rows), "population.csv has two figures for one year"
    known = PEOPLE["China" if "China" in query else "Japan"]
    for decade in known:
        assert any(decade - 5 <= y <= decade + 5 for y in figures), f"population.csv has no figure near {decade}"
    assert min(figures) <= 1960 and max(figures) >= 2020, "population.csv does not reach from 1960 to 2020"
    compared = [y for y in known if y in figures]
    assert len(compared) >= 4, "population.csv lacks most of the years 1960, 1970, … 2020"
    last = compared[-1]
    assert figures[last] > 0, f"population.csv has {figures[last]:g} for {last}"
    unit = min(UNITS, key=lambda u: abs(math.log(figures[last] * u / known[last])))
    for y in compared:
        assert close(figures[y] * unit, known[y], 0.04), f"population.csv has {figures[y]:g} for {y}, which no source gives"
    for y in (min(figures), max(figures), max(figures, key=figures.get)):
        assert str(y) in answer, f"the answer does not speak of {y}, the first or last year or that with the most people"
    address(answer)


# ---- the volatility of a price

PRICES = {  # US dollars, around days on which the price moved little
    "Bitcoin": {"2023-01-01": 16600, "2023-08-01": 29300, "2024-07-01": 62500, "2025-07-01": 106500},
    "Ethereum": {"2023-01-01": 1200, "2023-08-01": 1850, "2024-07-01": 3420, "2025-07-01": 2470},
}


def volatility(query, answer):
    picture("prices.png")
    prices = sorted((day(r["date"]), number(r["price"])) for r in table("prices.csv", "date", "price"))
    days = [d for d, _ in prices]
    assert len(set(days)) == len(days), "prices.csv has a date twice"
    assert all(0.01 <= p <= 1e9 for _, p in prices), "prices.csv has a price that cannot be"
    assert (days[-1] - days[0]).days >= 5 * 365 - 20, "prices.csv covers less than five years"
    gaps = [(b - a).days for a, b in zip(days, days[1:])]
    assert max(gaps) <= 21 and statistics.median(gaps) <= 7, "prices.csv has less than a price a week"
    for when, usual in PRICES["Bitcoin" if "Bitcoin" in query else "Ethereum"].items():
        near = [p for d, p in prices if abs((d - day(when)).days) <= 4]
        if near:
            assert close(statistics.mean(near), usual, 0.12), f"prices.csv has {near[0]:g} around {when}, when the price was near {usual}"
    assert any(abs(said - v) <= 1 for said in percents(answer) for v in volatilities([p for _, p in prices], statistics.median(gaps))), \
        "the answer does not state the annualised volatility in percent that follows from prices.csv"
    address(answer)


def volatilities(prices, spacing):
    """In percent: from plain and logarithmic returns, for a year of all its days and of those when exchanges trade."""
    pairs = list(zip(prices, prices[1:]))
    for returns in ([b / a - 1 for a, b in pairs], [math.log(b / a) for a, b in pairs]):
        for days in (365, 252) if spacing == 1 else (365,):
            yield 100 * statistics.stdev(returns) * math.sqrt(days / spacing)


# ---- what is trending


def trending(query, answer):
    picture("trending.png")
    rows = table("trending.csv", "rank", "keyword", "count")
    assert len(rows) == 20, f"trending.csv has {len(rows)} rows, not 20"
    assert [number(r["rank"]) for r in rows] == list(range(1, 21)), "the ranks in trending.csv are not 1 to 20"
    words, counts = [r["keyword"] for r in rows], [number(r["count"]) for r in rows]
    assert all(words) and len({w.casefold() for w in words}) == 20, "trending.csv has a keyword twice, or an empty one"
    assert not any(re.fullmatch(r"(?i)\W*(keyword|topic|hashtag|trend|tag|word|话题|关键词|热搜)\W*\d+", w) for w in words), "trending.csv has stand-ins for keywords"
    assert counts == sorted(counts, reverse=True) and counts[-1] >= 0, "trending.csv does not begin with the largest count"
    assert len({a - b for a, b in zip(counts, counts[1:])}) > 1, "the counts in trending.csv are evenly spaced: they were made up"
    if "Chinese" in query:
        assert sum(bool(re.search("[\u4e00-\u9fff]", w)) for w in words) >= 10, "the keywords are not in the original Chinese"
    assert all(w.lstrip("#").casefold() in answer.casefold() for w in words[:3]), "the answer does not name the three that lead"
    address(answer)


# ---- a fitted line


def regression(query, answer):
    picture("scatter.png")
    rows = table("data.csv", "year", "gdp", "expenditure")
    assert len({year(r["year"]) for r in rows}) == len(rows) >= 15, "data.csv has less than 15 years, or one twice"
    x, y = [number(r["gdp"]) for r in rows], [number(r["expenditure"]) for r in rows]
    low, high = (0.015, 0.08) if "China" in query else (0.04, 0.25)
    for r, gdp, spent in zip(rows, x, y):
        assert gdp > 0 and low <= spent / gdp <= high, f"data.csv has {spent:g} of {gdp:g} for {r['year']}, a share that no source gives"
    slope, intercept, squared = line(x, y)
    fit = document("fit.json")
    for key, want, slack in (("slope", slope, 0.01 * abs(slope)), ("intercept", intercept, 0.01 * statistics.mean(y)), ("r_squared", squared, 0.005)):
        assert abs(value(fit, key) - want) <= slack, f"fit.json has another {key} than least squares give for data.csv, {want:.6g}"
    assert says(answer, squared), f"the answer does not state R squared, {squared:.4f}"
    address(answer)


def line(x, y):
    """Slope and intercept of least squares, and R squared."""
    r = pearson(list(zip(x, y)))
    assert r is not None, "all years have the same figure"
    slope = r * statistics.pstdev(y) / statistics.pstdev(x)
    return slope, statistics.mean(y) - slope * statistics.mean(x), r**2


# ---- a correlation in several countries

RANGES = {"renewable_share_percent": (0, 100), "co2": (0, math.inf), "gdp_per_capita": (100, 300000), "life_expectancy": (25, 95)}


def correlation(query, answer):
    picture("plot.png")
    columns = [c for c in RANGES if c in query]
    rows = [r for r in table("data.csv", "country", "year", *columns) if all(r[c] for c in columns)]
    countries = {}
    for r in rows:
        pair = [number(r[c]) for c in columns]
        for c, v in zip(columns, pair):
            assert RANGES[c][0] <= v <= RANGES[c][1], f"data.csv has {c} {v:g} for {r['country']}, which cannot be"
        countries.setdefault(r["country"], {})[year(r["year"])] = pair
    assert len(rows) == sum(map(len, countries.values())), "data.csv has two rows for one year of a country"
    enough = {name: list(years.values()) for name, years in countries.items() if len(years) >= 10}
    assert len(enough) >= 5, "data.csv has less than five countries with ten years each"
    overall = pearson([pair for years in countries.values() for pair in years.values()])
    each = {name: r for name, pairs in enough.items() if (r := pearson(pairs)) is not None}
    said = document("correlation.json")
    assert overall is not None and abs(value(said, "overall") - overall) <= 0.01, "correlation.json has another overall coefficient than data.csv gives"
    for name, r in each.items():
        assert abs(value(value(said, "countries", dict), name) - r) <= 0.01, f"correlation.json has another coefficient for {name} than data.csv gives, {r:.3f}"
    assert says(answer, overall), f"the answer does not state the overall coefficient, {overall:.2f}"
    strongest = max(map(abs, each.values()))
    assert any(name.casefold() in answer.casefold() for name, r in each.items() if abs(r) > strongest - 0.01), "the answer does not name the country where the relation is strongest"
    address(answer)


def pearson(pairs):
    """None where one of the two does not vary."""
    x, y = zip(*pairs)
    if min(x) == max(x) or min(y) == max(y):
        return None
    mx, my = statistics.mean(x), statistics.mean(y)
    return statistics.mean((a - mx) * (b - my) for a, b in pairs) / (statistics.pstdev(x) * statistics.pstdev(y))


CHECKS = {"population.csv": population, "prices.csv": volatility, "trending.csv": trending, "fit.json": regression, "correlation.json": correlation}


# ---- reading what a run left: whatever is wrong with it is the run's fault


def read(name):
    try:
        with open(name, encoding="utf-8-sig") as f:
            return f.read()
    except (OSError, UnicodeDecodeError) as problem:
        raise AssertionError(f"{name} cannot be read: {problem}") from None


def table(name, *columns):
    try:
        rows = list(csv.DictReader(read(name).splitlines()))
    except csv.Error as problem:
        raise AssertionError(f"{name} is no table: {problem}") from None
    assert rows, f"{name} has no rows"
    rows = [{(k or "").strip().lower(): v.strip() if isinstance(v, str) else "" for k, v in r.items()} for r in rows]
    for column in columns:
        assert column in rows[0], f"{name} has no column {column}"
    return rows


def document(name):
    try:
        return json.loads(read(name))
    except (ValueError, RecursionError) as problem:
        raise AssertionError(f"{name} is not JSON: {problem}") from None


def value(container, key, kind=(int, float)):
    found = container.get(key) if isinstance(container, dict) else None
    assert isinstance(found, kind) and not isinstance(found, bool), f"there is no {key}, or it is of the wrong kind"
    assert kind is dict or abs(found) < 1e18, f"{key} is out of all proportion"
    return found


def picture(name):
    try:
        with open(name, "rb") as f:
            content = f.read()
    except OSError as problem:
        raise AssertionError(f"{name} cannot be read: {problem}") from None
    assert content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) >= 1000 and b"IEND" in content[-16:], f"{name} is no whole PNG picture"
    width, height = struct.unpack(">II", content[16:24])
    assert width >= 300 and height >= 200, f"{name} has {width} × {height} pixels: too small to read"


def number(text):
    try:
        found = float(re.sub(r"[,\s_$]", "", text))
    except ValueError:
        raise AssertionError(f"{text[:40]!r} is no number") from None
    assert math.isfinite(found) and abs(found) < 1e18, f"{text[:40]!r} is out of all proportion"
    return found


def year(text):
    found = re.match(r"\d{4}(?!\d)", text)
    assert found, f"{text[:40]!r} is no year"
    return int(found[0])


def day(text):
    try:
        return datetime.date.fromisoformat(text[:10])
    except ValueError:
        raise AssertionError(f"{text[:40]!r} is no date of the form YYYY-MM-DD") from None


def close(a, b, share):
    return abs(a - b) <= share * abs(b)


def percents(text):
    return [float(n.replace(",", ".")) for n in re.findall(r"(\d{1,4}(?:[.,]\d{1,6})?)\s*(?:%|percent|per cent)", text)]


def says(text, wanted):
    return any(abs(float(n.replace("−", "-")) - wanted) <= 0.011 for n in re.findall(r"[-−]?\d\.\d{1,12}", text)) or any(abs(p / 100 - wanted) <= 0.011 for p in percents(text))


def address(answer):
    hosts = re.findall(r"(?i)\b(?:https?://|www\.)([a-z0-9.-]+\.[a-z]{2,})", answer) + re.findall(r"(?i)\b((?:[a-z0-9-]+\.)+(?:org|com|net|gov|int|edu|cn|eu|io|jp))\b", answer)
    assert any("example." not in h.lower() for h in hosts), "the answer gives no address of a source"
