"""Checks a plan of three days against its limits, by adding up what it says."""
import json
import re

PLACES = {  # of which a real plan names some
    "Tokyo": "senso|asakusa|meiji|shibuya|harajuku|akihabara|ueno|ghibli|nakano|ikebukuro|odaiba|shinjuku|imperial palace|yanaka|nezu|tsukiji|suginami|zojo|roppongi|hamarikyu|yoyogi|edo|kanda|sengaku",
    "Paris": "louvre|orsay|carnavalet|petit palais|notre|eiffel|sacr|montmartre|panth|cluny|rodin|orangerie|pompidou|invalides|sainte-chapelle|conciergerie|marais|arc de triomphe|picasso|cognacq|hugo|vosges|lachaise|luxembourg",
}


def check(query, answer):
    budget, hours = limit(query, r"no more than (\d+) US dollars"), limit(query, r"less than (\d+) hours")
    daily, once = re.search(r'kinds has "(\w+)" and "(\w+)"', query).groups()
    plan = document("itinerary.json")
    days = field(plan, "days", list)
    assert len(days) == 3, f"itinerary.json has {len(days)} days, not 3"
    routes = [field(day, "stops", list) for day in days]
    for number, stops in enumerate(routes, 1):
        assert len(stops) >= 2, f"day {number} has less than two stops"
        assert any(daily in kinds(stop) for stop in stops), f"day {number} has no stop of the kind {daily}"
    stops = [stop for route in routes for stop in route]
    assert any(once in kinds(stop) for stop in stops), f"no stop is of the kind {once}"
    others = field(plan, "other_costs_usd", list) if "other_costs_usd" in plan else []
    cost = sum(amount(item, "cost_usd") for item in stops + others)
    travel = sum(amount(stop, "travel_minutes") for stop in stops)
    assert abs(cost - amount(plan, "total_cost_usd")) <= 0.5, f"the costs add up to {cost:g} dollars, not to total_cost_usd"
    assert abs(travel - amount(plan, "total_travel_minutes")) <= 1, f"the ways add up to {travel:g} minutes, not to total_travel_minutes"
    assert 0 < cost <= budget, f"the plan costs {cost:g} dollars; between 0 and {budget} are allowed"
    assert 0 < travel < 60 * hours, f"the ways take {travel:g} minutes; less than {60 * hours} are allowed"
    names = [field(stop, "name", str).strip() for stop in stops]
    known(names, "Tokyo" if "Tokyo" in query else "Paris")
    written(names)
    assert any(abs(n - cost) <= 0.5 for n in numbers(answer)), "the answer does not give the total cost"
    assert any(abs(t - travel) <= 3 for t in durations(answer)), "the answer does not give the total travel time"


def limit(query, pattern):
    return int(re.search(pattern, query)[1])


def kinds(stop):
    return [k.lower() for k in field(stop, "kinds", list) if isinstance(k, str)]


def known(names, city):
    found = {m[0] for name in names for m in re.finditer(PLACES[city], name.lower())}
    assert len(found) >= 3, f"less than three of the stops are known places of {city}"


def written(names):
    try:
        with open("itinerary.md", encoding="utf-8-sig") as f:
            text = f.read()
    except (OSError, UnicodeDecodeError) as problem:
        raise AssertionError(f"itinerary.md cannot be read: {problem}") from None
    missing = [name for name in names if name.lower() not in text.lower()]
    assert len(missing) <= len(names) // 5, f"itinerary.md does not speak of {missing[0]}" if missing else ""
    pages = {page for page in re.findall(r"https?://[^\s)>\]]+", text) if "example." not in page}
    assert len(pages) >= 2, "itinerary.md gives less than two addresses of pages"


def numbers(text):
    return [float(n.replace(",", "")) for n in re.findall(r"\d[\d,]{0,8}(?:\.\d{1,4})?", text)]


def durations(text):
    """In minutes, of 4 h 30, 4:30, 4.5 hours and 270 minutes."""
    text = text.lower()
    mixed = re.findall(r"(\d{1,2})\s*(?:hours?|hrs?|h)\b[\s,]*(?:and\s+)?(\d{1,2})\s*(?:minutes?|mins?|m)\b", text) + re.findall(r"\b(\d{1,2}):([0-5]\d)\b", text)
    hours = re.findall(r"(\d{1,2}(?:\.\d{1,3})?)\s*-?\s*(?:hours?|hrs?|h)\b", text)
    minutes = re.findall(r"(\d{1,4})\s*-?\s*(?:minutes?|mins?)\b", text)
    return [60 * int(h) + int(m) for h, m in mixed] + [60 * float(h) for h in hours] + [float(m) for m in minutes]


def document(name):
    try:
        with open(name, encoding="utf-8-sig") as f:
            return json.load(f)
    except (OSError, ValueError, RecursionError) as problem:
        raise AssertionError(f"{name} cannot be read as JSON: {problem}") from None


def field(container, key, kind):
    found = container.get(key) if isinstance(container, dict) else None
    assert isinstance(found, kind) and not isinstance(found, bool), f"itinerary.json: there is no {key}, or it is of the wrong kind"
    return found


def amount(container, key):
    found = field(container, key, (int, float))
    assert 0 <= found < 1e9, f"itinerary.json: {key} cannot be {str(found)[:20]}"
    return found
