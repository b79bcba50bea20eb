"""Calendars and timetables."""
import datetime
import itertools
import json
import random
from pathlib import Path


ZONE = ["BEGIN:VTIMEZONE", "TZID:House", "BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0200", "END:STANDARD", "END:VTIMEZONE"]


def make(folder: Path) -> dict:
    rng = random.Random(75)
    return {
        "team.ics": calendar(rng, folder / "team.ics", "2026-06-09", 14, ["Stand-up", "Interview", "Planning", "Review", "Lunch talk", "Training"], (9, 17, 45)),
        "rooms.ics": calendar(rng, folder / "rooms.ics", "2026-09-16", 20, ["Choir", "Chess club", "Yoga", "Board", "Rehearsal", "First aid", "Pottery"], (8, 20, 60)),
        "ferries.json": timetable(rng, folder / "ferries.json", ["Arnholm", "Bresund", "Calvik", "Dravo", "Eskil", "Fossen", "Gamla"], 40, "Arnholm", "Gamla", "08:00", 15),
        "trains.json": timetable(rng, folder / "trains.json", ["Adlersee", "Birkfeld", "Donau", "Elmstadt", "Forst", "Grund", "Hall", "Inzell", "Kamp"], 64, "Adlersee", "Kamp", "07:10", 8),
    }


def calendar(rng, path, busy, count, names, wanted) -> list:
    """Events of three weeks, most on one day; some come back every week, some are cancelled, some times are in UTC+2."""
    day = datetime.datetime.fromisoformat(busy)
    lines, meetings = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example//offline//EN"] + ZONE, []
    for n in range(count):
        start = day + datetime.timedelta(days=rng.choice([-7, -7, 0, 0, 0, 1, 3]), hours=rng.choice(range(8, 18)), minutes=rng.choice([0, 15, 30]))
        length = datetime.timedelta(minutes=rng.choice([30, 45, 60]))
        title = "%s %d" % (names[n % len(names)], n + 1)
        weekly, cancelled, shifted = n % 5 == 2, n % 7 == 4, n % 3 == 1
        lines += ["BEGIN:VEVENT", "UID:%d@example.org" % n, "SUMMARY:" + title]
        for key, at in (("DTSTART", start), ("DTEND", start + length)):
            if shifted:
                lines.append("%s;TZID=House:%s" % (key, (at + datetime.timedelta(hours=2)).strftime("%Y%m%dT%H%M%S")))
            else:
                lines.append("%s:%s" % (key, at.strftime("%Y%m%dT%H%M%SZ")))
        lines.append("DESCRIPTION:Bring the papers for %s\\, and a pen. This line is long and so it is" % title)
        lines.append(" folded\\; DTSTART of the next one is another.")
        if weekly:
            lines.append("RRULE:FREQ=WEEKLY;COUNT=3")
        if cancelled:
            lines.append("STATUS:CANCELLED")
        lines.append("END:VEVENT")
        if not cancelled:
            meetings += [(start + datetime.timedelta(weeks=k), start + datetime.timedelta(weeks=k) + length, title) for k in range(3 if weekly else 1)]
    path.write_text("\r\n".join(lines + ["END:VCALENDAR"]) + "\r\n", encoding="utf-8", newline="")
    today = sorted(m for m in meetings if m[0].date() == day.date())
    clashes = [sorted([a[2], b[2]]) for a, b in itertools.combinations(today, 2) if a[0] < b[1] and b[0] < a[1]]
    return [sorted(clashes), free(today, day, wanted)]


def free(meetings, day, wanted) -> str:
    """The first time of the day, by the minute, at which so many minutes are free."""
    first, last, minutes = wanted
    for minute in range(first * 60, last * 60 - minutes + 1):
        start = day + datetime.timedelta(minutes=minute)
        end = start + datetime.timedelta(minutes=minutes)
        if all(end <= a or b <= start for a, b, _ in meetings):
            return start.strftime("%H:%M")
    raise ValueError("no time is free; choose other random numbers")


def timetable(rng, path, places, count, start, goal, earliest, change) -> list:
    rides = []
    for n in range(count):
        a, b = rng.sample(places, 2)
        if {a, b} == {start, goal}:
            continue
        leaves = rng.randrange(6 * 60, 19 * 60, 5)
        rides.append({"line": "L%02d" % (n + 1), "from": a, "to": b, "departs": clock(leaves), "arrives": clock(leaves + rng.randint(20, 95)), "fare": rng.randint(20, 140) / 10})
    path.write_text(json.dumps({"places": places, "rides": rides}, indent=1) + "\n", encoding="utf-8")
    return best(rides, start, goal, earliest, change)


def clock(minutes) -> str:
    return "%02d:%02d" % divmod(minutes, 60)


def best(rides, start, goal, earliest, change) -> list:
    """All journeys are tried, by depth first: slow, and unlike the search that one would write for speed."""
    found = []

    def go(place, ready, used):
        if place == goal:
            found.append((used[-1]["arrives"], round(sum(r["fare"] for r in used), 2), [r["line"] for r in used]))
            return
        for r in rides:
            if r["from"] == place and r["departs"] >= ready and r["to"] not in [start] + [u["to"] for u in used]:
                go(r["to"], later(r["arrives"], change), used + [r])

    go(start, earliest, [])
    found.sort()
    arrives, fare, lines = found[0]
    assert [f[0] for f in found].count(arrives) == 1, "two journeys arrive first"
    return [arrives, fare, lines]


def later(time, minutes) -> str:
    hour, minute = map(int, time.split(":"))
    return clock(hour * 60 + minute + minutes)
