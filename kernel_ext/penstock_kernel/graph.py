"""The graph of a run as Mermaid, which JupyterLab draws by itself, with text for everybody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from penstock_kernel.records import literal, rows

_COLOURS = {"COMPLETED": "ok", "FAILED": "bad", "CRASHED": "bad", "CANCELLED": "off", "RUNNING": "now"}
_STYLES = (
    "classDef ok stroke:#2e7d32,stroke-width:2px",
    "classDef bad stroke:#c62828,stroke-width:2px",
    "classDef now stroke:#1565c0,stroke-width:2px,stroke-dasharray:4",
    "classDef off stroke:#616161,stroke-dasharray:2",
)
_NODES = """
select task_name as name, min(created) as first, count(*) as n, arg_max(state_type, created) as state_type,
       arg_max(state_name, created) as state
from task_runs where flow_run_id = {run} group by task_name order by first
"""
_EDGES = """
select distinct up.task_name as upstream, edges.input_name as input, down.task_name as task from edges
join task_runs down on down.id = edges.task_run_id join task_runs up on up.id = edges.upstream_id
where edges.flow_run_id = {run} and down.task_name <> up.task_name order by all
"""


@dataclass(frozen=True, slots=True)
class Graph:
    """Tasks of a run and what flows between them; runs of the same task are one node."""

    #: Task name, how many runs, type and name of the newest one's state.
    nodes: tuple[tuple[str, int, str, str], ...]
    #: Upstream task, input name, task.
    edges: tuple[tuple[str, str, str], ...]

    @classmethod
    def of_run(cls, flow_run_id: str) -> Graph:
        """Read the graph of a flow run from the store."""
        run = literal(flow_run_id)
        return cls(
            tuple((r["name"], r["n"], r["state_type"], r["state"]) for r in rows(_NODES.format(run=run))),
            tuple((r["upstream"], r["input"], r["task"]) for r in rows(_EDGES.format(run=run))),
        )

    def mermaid(self) -> str:
        """Return the graph in Mermaid's language.

        Example:
            >>> print(Graph((("load", 1, "COMPLETED", "Completed"),), ()).mermaid().splitlines()[1].strip())
            n0["load: Completed"]:::ok
        """
        numbers = {name: f"n{number}" for number, (name, *_) in enumerate(self.nodes)}
        lines = ["flowchart LR"]
        for name, count, kind, state in self.nodes:
            times = f" x {count}" if count > 1 else ""
            label = f"{name}{times}: {state}".replace('"', "'")
            lines.append(f'  {numbers[name]}["{label}"]:::{_COLOURS.get(kind, "off")}')
        lines += [
            f'  {numbers[up]} -->|"{name}"| {numbers[down]}'
            for up, name, down in self.edges
            if up in numbers and down in numbers
        ]
        links = (
            ["linkStyle default stroke:#888888,stroke-width:2px"] if self.edges else []
        )  # seen on light and dark
        return "\n".join([*lines, *(f"  {style}" for style in (*_STYLES, *links))])

    def text(self) -> str:
        """Return one line a task: its state and what it takes from whom."""
        lines = []
        for name, _, _, state in self.nodes:
            taken = [f"{label} ← {up}" for up, label, down in self.edges if down == name]
            lines.append(f"{name} ({state.lower()})" + (f": {', '.join(taken)}" if taken else ""))
        return "\n".join(lines) or "no tasks"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/vnd.mermaid": self.mermaid(), "text/plain": self.text()}
