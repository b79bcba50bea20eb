"""Keep and summarise readings."""
from statistics import mean


def parse(line):
    time, degrees = line.strip().split(",")
    return time, float(degrees)


def load(path):
    with open(path, encoding="utf-8") as file:
        return [parse(line) for line in file]


def daily_mean(readings):
    days = {}
    for time, degrees in readings:
        days.setdefault(time[:10], []).append(degrees)
    return {day: mean(values) for day, values in days.items()}
