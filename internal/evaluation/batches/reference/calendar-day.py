"""Finds overlapping events and free time on one day of an iCalendar file.

query is JSON: {"calendar": ICS file, "day": "YYYY-MM-DD", "from": "HH:MM", "to": "HH:MM" (both UTC),
"minutes": length of the free time}
"""
import datetime
import itertools
import json
import re

UTC = datetime.timezone.utc


def main(query: str) -> dict:
    want = json.loads(query)
    events = [e for e in read(want["calendar"]) if e[0].date().isoformat() == want["day"]]
    events.sort()
    clashes = ["%s / %s" % (a[2], b[2]) for a, b in itertools.combinations(events, 2) if a[0] < b[1] and b[0] < a[1]]
    start = free(events, want)
    return {
        "answer": "overlaps: %s; free from %s" % ("; ".join(clashes) or "none", start),
        "summary": "compared %d events" % len(events),
    }


def free(events: list, want: dict) -> str:
    at, end = (datetime.datetime.fromisoformat("%sT%s+00:00" % (want["day"], want[key])) for key in ("from", "to"))
    length = datetime.timedelta(minutes=want["minutes"])
    for start, stop, _ in events:
        if at + length <= start:
            break
        at = max(at, stop)
    return at.strftime("%H:%M") if at + length <= end else "never"


def read(path: str) -> list:
    with open(path, encoding="utf-8", newline="") as f:
        text = re.sub(r"\r?\n[ \t]", "", f.read())
    zones = {}
    for block in re.findall(r"BEGIN:VTIMEZONE(.*?)END:VTIMEZONE", text, re.S):
        sign, hours, minutes = re.search(r"TZOFFSETTO:([+-])(\d\d)(\d\d)", block).groups()
        offset = datetime.timedelta(hours=int(hours), minutes=int(minutes))
        zones[re.search(r"TZID:(\S+)", block).group(1)] = datetime.timezone(-offset if sign == "-" else offset)
    events = []
    for block in re.findall(r"BEGIN:VEVENT(.*?)END:VEVENT", text, re.S):
        events += occurrences(block, zones)
    return events


def occurrences(block: str, zones: dict) -> list:
    lines = [line.partition(":") for line in block.strip().splitlines()]
    values = {name.partition(";")[0]: (name, value) for name, _, value in lines}
    if values.get("STATUS", ("", ""))[1] == "CANCELLED":
        return []
    start, end = time(*values["DTSTART"], zones), time(*values["DTEND"], zones)
    weekly = re.search(r"FREQ=WEEKLY;COUNT=(\d+)", values.get("RRULE", ("", ""))[1])
    weeks = [datetime.timedelta(weeks=n) for n in range(int(weekly.group(1)) if weekly else 1)]
    return [(start + week, end + week, values["SUMMARY"][1]) for week in weeks]


def time(name: str, value: str, zones: dict) -> datetime.datetime:
    zone = re.search(r"TZID=([^;:]+)", name)
    at = datetime.datetime.strptime(value.rstrip("Z"), "%Y%m%dT%H%M%S")
    return at.replace(tzinfo=zones[zone.group(1)] if zone else UTC).astimezone(UTC)
