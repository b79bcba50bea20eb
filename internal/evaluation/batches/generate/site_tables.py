"""The shop and the library of the offline web site."""
import json
import random
from pathlib import Path

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def make(folder: Path) -> dict:
    rng = random.Random(11)
    shop, library = make_shop(rng), make_library(rng)
    write(folder / "shop.json", shop)
    write(folder / "library.json", library)
    return {**shop_facts(shop), **library_facts(library)}


def write(path: Path, value) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def make_shop(rng) -> dict:
    makers = ["Aldo", "Birk", "Corvi", "Dunmore", "Elva", "Fjord", "Garnet", "Holm"]
    kinds = {
        "lamp": ["desk lamp", "floor lamp", "bedside lamp", "reading lamp", "garden lamp"],
        "kettle": ["travel kettle", "steel kettle", "glass kettle", "whistling kettle", "gooseneck kettle"],
        "chair": ["folding chair", "rocking chair", "garden chair"],
        "blanket": ["wool blanket", "picnic blanket"],
    }
    articles = []
    for kind, variants in kinds.items():
        for n in range(22 if kind in ("lamp", "kettle") else 9):
            articles.append({
                "number": "SH-%04d" % rng.randint(1000, 9999), "name": "%s %s %d" % (rng.choice(makers), rng.choice(variants), 10 + n),
                "price_cents": rng.randint(1500, 14900) // 10 * 10, "rating": round(rng.uniform(2.5, 5.0), 1),
                "stock": rng.choice([0, 0, 1, 3, 8, 20]),
            })
    rng.shuffle(articles)
    return {"articles": articles, "warehouses": {"north": warehouse(rng, 37), "south": warehouse(rng, 52)}}


def warehouse(rng, count) -> list:
    goods = ["tea", "coffee", "paper", "ceramics", "cork"]
    return [{"pallet": "P-%03d" % n, "goods": rng.choice(goods), "kg": rng.randint(90, 640)} for n in rng.sample(range(100, 400), count)]


def shop_facts(shop) -> dict:
    def pick(word, rating, best):
        fit = [a for a in shop["articles"] if word in a["name"] and a["stock"] and a["rating"] >= rating]
        one = best(fit, key=lambda a: a["price_cents"])
        assert sum(a["price_cents"] == one["price_cents"] for a in fit) == 1
        return [one["name"], one["number"], one["price_cents"] / 100, len(fit)]

    def stored(place, goods):
        fit = [p for p in shop["warehouses"][place] if p["goods"] == goods]
        heaviest = max(fit, key=lambda p: p["kg"])
        return [len(fit), sum(p["kg"] for p in fit), heaviest["pallet"], heaviest["kg"]]

    return {"lamp": pick("lamp", 4.0, min), "kettle": pick("kettle", 3.5, max), "north": stored("north", "tea"), "south": stored("south", "ceramics")}


def make_library(rng) -> dict:
    authors = ["Ada Winter", "Jonas Falk", "Mira Sand", "Oskar Lind", "Petra Voss"]
    first = ["The Quiet", "A Distant", "Under the", "Letters from the", "The Last", "Beyond the", "Notes on a", "The Glass"]
    second = ["Harbour", "Orchard", "Winter", "Bridge", "Garden", "Island", "Railway", "Lighthouse", "Mountain"]
    titles = rng.sample(["%s %s" % (a, b) for a in first for b in second], 54)
    years = rng.sample(range(1951, 2025), 54)
    books = []
    for n, (title, year) in enumerate(zip(titles, years)):
        books.append({
            "id": "b%03d" % (n + 1), "title": title, "author": authors[n % 7 % 5], "year": year,
            "pages": rng.randint(90, 620), "language": rng.choice(["English", "English", "German", "Danish"]),
        })
    branches = []
    for n, name in enumerate(["Harbour", "Mill", "Station", "Castle", "Meadow", "Tower", "Market", "Bridge", "Forest", "Canal"]):
        branches.append({
            "slug": name.lower(), "name": name, "district": "East" if n % 2 else "West", "seats": rng.randint(8, 70),
            "visitors": rng.randint(900, 9000), "hours": {day: opening(rng, day) for day in DAYS},
        })
    return {"books": books, "branches": branches}


def opening(rng, day) -> list:
    """Opening hours of a day as pairs of minutes after midnight."""
    if day == "Sunday" and rng.random() < 0.6 or rng.random() < 0.1:
        return []
    start = rng.choice([480, 510, 540, 600])
    if rng.random() < 0.5:
        return [[start, rng.choice([720, 750])], [rng.choice([810, 840]), rng.choice([1020, 1065, 1140])]]
    return [[start, rng.choice([900, 975, 1080, 1200])]]


def library_facts(library) -> dict:
    def by(author, best, language):
        books = [b for b in library["books"] if b["author"] == author]
        one = best(books, key=lambda b: b["year"])
        return [len(books), sum(b["pages"] for b in books), one["title"], one["year"], sum(b["language"] == language for b in books)]

    def longest(district, seats, days):
        fit = [b for b in library["branches"] if b["district"] == district and b["seats"] >= seats]
        hours = {b["name"]: sum(end - start for day in days for start, end in b["hours"][day]) / 60 for b in fit}
        name = max(hours, key=hours.get)
        assert sum(h == hours[name] for h in hours.values()) == 1
        return [name, hours[name], len(fit), sum(b["visitors"] for b in fit)]

    return {
        "Ada Winter": by("Ada Winter", min, "English"), "Jonas Falk": by("Jonas Falk", max, "German"),
        "East": longest("East", 20, DAYS), "West": longest("West", 15, DAYS[5:]),
    }
