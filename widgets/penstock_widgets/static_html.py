"""The panel without JavaScript: for saved notebooks, nbviewer, nbconvert and headless runs.

Everything that comes from users is escaped; the only style is one block scoped to `.pst-static`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from penstock_widgets import _summary as summary
from penstock_widgets._markdown import image, inline, markdown
from penstock_widgets._table import cell_text, grid, is_number
from penstock_widgets.patches import apply_patch, empty_snapshot

#: How much of a long artifact or log static content shows: a saved notebook is read, not searched.
TABLE_ROWS = 10
LOG_LINES = 200
_TEXT_ROWS = 5

_CSS = Path(__file__).parent / "static" / "static.css"
_css_text: list[str] = []


def panel_html(snapshot: Mapping[str, Any]) -> str:
    """Return the panel as static HTML, every text of the user escaped, nothing to load but its images."""
    full = _complete(snapshot)
    parts = [
        _header(full),
        *(_pause(pause, full["run"]["id"]) for pause in full["pauses"].values()),
        _tasks(summary.ordered(full["tasks"])),
        *(_artifact(artifact) for artifact in summary.ordered(full["artifacts"])),
        _logs(full["logs"]),
    ]
    return f'<style>{_css()}</style><section class="pst-static">{"".join(parts)}</section>'


def panel_text(snapshot: Mapping[str, Any]) -> str:
    """Return the panel as plain text, for terminals and logs."""
    full = _complete(snapshot)
    run = full["run"]
    facts = [
        fact for fact in (run["state_name"] or run["state_type"], summary.elapsed(run), run["runner"]) if fact
    ]
    lines = [f"{summary.mark(run['state_type'])} {run['flow_name']} / {run['name']}: {', '.join(facts)}"]
    if run["message"]:
        lines.append(f"  {run['message']}")
    lines += (_task_line(task) for task in summary.ordered(full["tasks"]))
    for pause in full["pauses"].values():
        lines.append(
            f"  {summary.PAUSE} {pause.get('title') or pause.get('key')}: {summary.pause_status(pause, run['id'])}"
        )
        lines += (f"      {path or 'form'}: {error}" for path, error in (pause.get("errors") or {}).items())
    for artifact in summary.ordered(full["artifacts"]):
        lines += _artifact_lines(artifact)
    count = len(full["logs"]["lines"])
    if count:
        lines.append(f"  {count} log lines")
    return "\n".join(lines)


def _complete(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    full = empty_snapshot()
    apply_patch(full, snapshot)
    return full


def _css() -> str:
    if not _css_text:
        _css_text.append(_CSS.read_text(encoding="utf-8"))
    return _css_text[0]


def _tone(state: str) -> str:
    return "pst-is-" + "".join(char for char in state.lower() if char.isascii() and char.isalpha())


def _bar(counts: Mapping[str, int], total: int) -> str:
    widths = {s: 100 * counts[s] / max(1, total) for s in summary.STATES if counts.get(s)}
    shown = (
        f'<span class="{_tone(state)}" style="width:{width:.4g}%"></span>'
        for state, width in widths.items()
        if state not in {"PENDING", "SCHEDULED"}
    )
    return f'<span class="pst-bar">{"".join(shown)}</span>'


def _header(full: Mapping[str, Any]) -> str:
    run = full["run"]
    counts, total = summary.totals(full["tasks"])
    state = run["state_type"]
    facts = [
        f"{counts.get('COMPLETED', 0)} of {total} tasks" if total else "",
        run["runner"],
        summary.elapsed(run),
    ]
    chip = (
        f'<b class="pst-chip {_tone(state)}">{summary.mark(state)} {escape(run["state_name"] or state)}</b>'
    )
    said = "".join(f"<span>{escape(fact)}</span>" for fact in facts if fact)
    message = (
        f'<pre class="pst-message {_tone(state)}">{escape(run["message"])}</pre>' if run["message"] else ""
    )
    return (
        f'<div class="pst-top"><b class="pst-flow">{escape(run["flow_name"] or "flow")}</b>'
        f'<span class="pst-soft">{escape(run["name"])}</span><span class="pst-facts">{said}{chip}</span></div>'
        f"{_bar(counts, total) if total else ''}{message}"
    )


def _rows(heads: list[str], rows: Iterable[list[str]], numeric: list[bool], name: str = "pst-data") -> str:
    """Return a table; the cells are HTML already."""

    def row(tag: str, cells: list[str]) -> str:
        made = (
            f"<{tag}{' class=pst-number' if number else ''}>{cell}</{tag}>"
            for cell, number in zip(cells, numeric, strict=True)
        )
        return f"<tr>{''.join(made)}</tr>"

    body = "".join(row("td", cells) for cells in rows)
    return f'<table class="{name}"><thead>{row("th", heads)}</thead><tbody>{body}</tbody></table>'


def _tasks(tasks: list[Mapping[str, Any]]) -> str:
    if not tasks:
        return ""
    heads = ["Task", "Progress", "State", "After", "Cached", "Retries", "Time"]
    rows = [_task_row(task) for task in tasks]
    numeric = [False, False, False, False, True, True, True]
    return f'<div class="pst-part">{_rows(heads, rows, numeric, "pst-tasks")}</div>'


def _task_row(task: Mapping[str, Any]) -> list[str]:
    counts, total = task.get("counts", {}), task.get("total", 0)
    state = summary.overall(counts, total)
    times = f' <span class="pst-soft">{summary.TIMES}{total}</span>' if total > 1 else ""
    seconds = task.get("seconds") or 0
    mark = f'<span class="pst-mark {_tone(state)}">{summary.mark(state)}</span>'
    return [
        f'<span class="pst-name">{mark} <b>{escape(task["name"])}</b>{times}</span>',
        _bar(counts, total),
        escape(summary.spelled(counts, total)),
        f'<span class="pst-soft">{escape(", ".join(task.get("upstream", ())) or summary.DASH)}</span>',
        str(task.get("cached") or summary.DASH),
        str(task.get("retries") or summary.DASH),
        summary.duration(seconds) if seconds else summary.DASH,
    ]


def _pause(pause: Mapping[str, Any], run_id: str) -> str:
    title = escape(pause.get("title") or pause.get("key") or "Waiting for input")
    properties = pause.get("schema", {}).get("properties", {})
    errors: Mapping[str, str] = pause.get("errors") or {}
    values: Mapping[str, Any] = pause.get("values") or {}
    fields = []
    initial = {name: schema.get("default") for name, schema in properties.items()}
    for name, value in {**initial, **values}.items():
        label = properties.get(name, {}).get("title") or str(name).replace("_", " ").capitalize()
        wrong = f' <span class="pst-wrong">⚠ {escape(errors[name])}</span>' if errors.get(name) else ""
        fields.append(f"<dt>{escape(str(label))}</dt><dd>{escape(_value_text(value))}{wrong}</dd>")
    rest = {path: text for path, text in errors.items() if path not in properties and path not in values}
    said = (f"{path}: {message}" if path else message for path, message in rest.items())
    wrong = "".join(f'<p class="pst-wrong">⚠ {escape(line)}</p>' for line in said)
    return (
        f'<div class="pst-part pst-pause"><b>{summary.PAUSE} {title}</b>{markdown(pause.get("description") or "")}'
        f'<dl>{"".join(fields)}</dl>{wrong}<p class="pst-soft">{escape(summary.pause_status(pause, run_id))}</p></div>'
    )


def _value_text(value: Any) -> str:
    if value is None or value == "":
        return summary.DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _artifact(artifact: Mapping[str, Any]) -> str:
    key, about = artifact.get("key") or "", artifact.get("description") or ""
    title = f"<b>{escape(key)}</b> " if key else ""
    said = f'<span class="pst-soft">{inline(about)}</span>' if about else ""
    return f'<div class="pst-part">{title}{said}{_artifact_body(artifact)}</div>'


def _artifact_body(artifact: Mapping[str, Any]) -> str:
    data = artifact.get("data")
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, default=str, indent=2)
    match artifact.get("type"):
        case "markdown":
            return markdown(text)
        case "table":
            return _data_table(data)
        case "progress":
            value = summary.percent(data)
            tone = _tone("COMPLETED" if value >= 100 else "RUNNING")
            bar = f'<span class="pst-bar"><span class="{tone}" style="width:{value:.4g}%"></span></span>'
            return f'<div class="pst-progress">{bar}<span>{value:.4g}%</span></div>'
        case "image":
            return f"<div>{image(text, artifact.get('description') or artifact.get('key') or 'image')}</div>"
        case _:
            return f"<pre>{escape(text)}</pre>"


def _data_table(data: Any) -> str:
    columns, rows = grid(data)
    numeric = [
        any(is_number(row[i]) for row in rows) and all(row[i] is None or is_number(row[i]) for row in rows)
        for i in range(len(columns))
    ]
    shown = ([inline(cell_text(cell)) for cell in row] for row in rows[:TABLE_ROWS])
    more = len(rows) - TABLE_ROWS
    note = f'<p class="pst-soft">and {more} more rows</p>' if more > 0 else ""
    return _rows([escape(name) for name in columns], shown, numeric) + note


def _logs(logs: Mapping[str, Any]) -> str:
    lines = logs["lines"][-LOG_LINES:]
    if not lines:
        return ""
    dropped = logs["dropped"] + len(logs["lines"]) - len(lines)
    texts = [
        " ".join(str(line.get(name) or "") for name in ("at", "level", "task", "text")) for line in lines
    ]
    early = f"{dropped} earlier lines are in the run's log, not here.\n" if dropped else ""
    shown = escape(early + "\n".join(texts))
    return (
        f'<details class="pst-part"><summary>Logs · {len(lines)} lines</summary><pre>{shown}</pre></details>'
    )


def _task_line(task: Mapping[str, Any]) -> str:
    counts, total = task.get("counts", {}), task.get("total", 0)
    name = task["name"] + (f" {summary.TIMES}{total}" if total > 1 else "")
    state = summary.overall(counts, total)
    time = f", {summary.duration(task['seconds'])}" if task.get("seconds") else ""
    return f"  {summary.mark(state)} {name}: {summary.spelled(counts, total)}{time}"


def _artifact_lines(artifact: Mapping[str, Any]) -> list[str]:
    data = artifact.get("data")
    title = f"  [{artifact.get('type')}] {artifact.get('key') or artifact.get('description') or ''}".rstrip()
    match artifact.get("type"):
        case "progress":
            return [f"{title}: {summary.percent(data):.4g}%"]
        case "table":
            columns, rows = grid(data)
            shown = [columns, *([cell_text(cell) for cell in row] for row in rows[:_TEXT_ROWS])]
            more = [f"      and {len(rows) - _TEXT_ROWS} more rows"] if len(rows) > _TEXT_ROWS else []
            return [title, *("      " + " | ".join(row) for row in shown), *more]
        case "image":
            return [title]
        case _:
            text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, default=str)
            return [title, *(f"      {line}" for line in text.splitlines())]
