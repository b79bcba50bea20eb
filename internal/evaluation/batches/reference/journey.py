"""Finds the journey with the earliest arrival in a timetable.

query is JSON: {"timetable": JSON file, "from": place, "to": place, "earliest": "HH:MM", "change": minutes needed for one}
"""
import heapq
import itertools
import json


def main(query: str) -> dict:
    want = json.loads(query)
    with open(want["timetable"], encoding="utf-8") as f:
        rides = json.load(f)["rides"]
    journey = search(rides, want)
    lines = " – ".join(ride["line"] for ride in journey)
    fare = sum(ride["fare"] for ride in journey)
    return {
        "answer": "%s, arrival %s, fare %.2f, %d changes" % (lines, journey[-1]["arrives"], fare, len(journey) - 1),
        "summary": "found a journey of %d rides" % len(journey),
    }


def search(rides: list, want: dict) -> list:
    """Dijkstra's algorithm by the time of arrival."""
    order = itertools.count()
    queue, seen = [(minutes(want["earliest"]), next(order), want["from"], [])], set()
    while queue:
        ready, _, place, journey = heapq.heappop(queue)
        if place == want["to"]:
            return journey
        if place in seen:
            continue
        seen.add(place)
        for ride in rides:
            if ride["from"] == place and minutes(ride["departs"]) >= ready:
                heapq.heappush(queue, (minutes(ride["arrives"]) + want["change"], next(order), ride["to"], journey + [ride]))
    raise ValueError("there is no journey from %s to %s" % (want["from"], want["to"]))


def minutes(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)
