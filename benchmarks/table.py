"""One Markdown table: medians and ratios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

Results = Mapping[str, Mapping[str, Sequence[float]]]


def figure(value: float | None) -> str:
    """Return three significant digits, a dash for nothing."""
    if value is None:
        return "-"
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def ratio(above: float | None, below: float | None) -> str:
    """Return how many times larger the first is."""
    if above is None or below is None or below == 0:
        return "-"
    return f"{figure(above / below)} x"


def markdown(results: Results, labels: Mapping[str, str]) -> str:
    """Return the table: a row a figure, a column a contestant, then the ratios to Penstock."""
    names = [name for name in labels if any(name in by_name for by_name in results.values())]
    peers = [name for name in names if name not in ("bare", "penstock")]
    heads = ["measure", *(labels[name] for name in names)]
    if "bare" in names:
        heads.append("Penstock / floor")
    heads += [f"{labels[name]} / Penstock" for name in peers]
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    for row, by_name in results.items():
        medians = {name: median(by_name[name]) if by_name.get(name) else None for name in names}
        cells = [row, *(figure(medians[name]) for name in names)]
        share = "share" in row
        if "bare" in names:
            cells.append("" if share else ratio(medians.get("penstock"), medians["bare"]))
        cells += ["" if share else ratio(medians[name], medians.get("penstock")) for name in peers]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
