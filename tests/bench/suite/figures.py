"""Figures, and the table of them."""

from dataclasses import asdict, dataclass
from typing import Optional


@dataclass
class Goal:
    """What a figure is to reach: a ratio to the peer, or a value of its own."""

    at_most: bool
    limit: float
    of_ratio: bool = True

    def text(self):
        sign = "≤" if self.at_most else "≥"
        return f"{sign} {number(self.limit)}{' ×' if self.of_ratio else ''}"

    def met(self, figure):
        value = figure.ratio if self.of_ratio else figure.ours
        if value is None:
            return None
        return value <= self.limit if self.at_most else value >= self.limit


@dataclass
class Figure:
    part: str
    name: str
    unit: str
    ours: float
    peer_name: str = ""
    peer: Optional[float] = None
    goal: Optional[Goal] = None
    note: str = ""

    @property
    def ratio(self):
        return self.ours / self.peer if self.peer else None

    def as_json(self):
        return {**asdict(self), "ratio": self.ratio,
                "goal": self.goal.text() if self.goal else None,
                "met": self.goal.met(self) if self.goal else None}


def at_most(limit):
    return Goal(True, limit)


def at_least(limit):
    return Goal(False, limit)


def value_at_most(limit):
    return Goal(True, limit, False)


def value_at_least(limit):
    return Goal(False, limit, False)


def number(value):
    """Three digits that matter, thousands apart."""
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if value == int(value):
        return str(int(value))
    return f"{value:.3g}"


def table(figures):
    """Markdown, aligned so that it reads well in a terminal too."""
    head = ["figure", "unit", "Carillon", "peer", "", "ratio", "goal", ""]
    rows = []
    part = None
    for figure in figures:
        if figure.part != part:
            rows.append([f"**{figure.part}**"] + [""] * 7)
            part = figure.part
        met = figure.goal.met(figure) if figure.goal else None
        rows.append([figure.name, figure.unit, number(figure.ours), number(figure.peer),
                     figure.peer_name or figure.note, number(figure.ratio),
                     figure.goal.text() if figure.goal else "",
                     {True: "reached", False: "missed", None: ""}[met]])
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    right = {2, 3, 5}

    def line(row):
        cells = [c.rjust(w) if i in right else c.ljust(w)
                 for i, (c, w) in enumerate(zip(row, widths))]
        return "| " + " | ".join(cells) + " |"

    rule = [("-" * (w - 1) + ":") if i in right else "-" * w for i, w in enumerate(widths)]
    return "\n".join([line(head), "| " + " | ".join(rule) + " |", *map(line, rows)])
