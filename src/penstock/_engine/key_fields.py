"""What a template of a storage key can name: runtime fields and parameters. Reference: advanced/results."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from penstock._engine.context_transfer import FlowRunFacts, flow_run_facts
from penstock._values.runs import TaskRun
from penstock._values.states import utc_now


def storage_key(template: str, task: Any, task_run: TaskRun, parameters: dict[str, Any]) -> str:
    """Return the key a template makes for a task run, in its worker as well.

    Args:
        template: text with `{flow_run.name}`, `{task_run.id}`, `{deployment.id}`, `{parameters[x]}` and the like.
        task, task_run: which run.
        parameters: of the task, by name.

    Raises:
        ValueError: the template names something that is not there; says what.
    """
    facts = flow_run_facts()
    fields = {
        "parameters": parameters,
        "task_run": _task_run(task, task_run, parameters),
        "flow_run": _flow_run(facts) if "{flow_run" in template and facts is not None else SimpleNamespace(),
        "deployment": SimpleNamespace(
            id=facts.deployment_id if facts is not None else None,
            flow_run_id=facts.id if facts is not None else None,
        ),
    }
    try:
        return template.format(**fields)
    except (KeyError, IndexError, AttributeError, TypeError) as error:
        raise ValueError(f"result_storage_key {template!r} cannot be filled in: {error!r}") from error


def _task_run(task: Any, run: TaskRun, parameters: dict[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(
        id=str(run.id),
        name=run.name,
        tags=list(run.tags),
        run_count=run.run_count,
        task_name=task.name,
        parameters=parameters,
    )


def _flow_run(facts: FlowRunFacts) -> SimpleNamespace:
    return SimpleNamespace(
        id=facts.id,
        name=facts.name,
        flow_name=facts.flow_name,
        flow_version=facts.flow_version,
        tags=list(facts.tags),
        run_count=facts.run_count,
        scheduled_start_time=facts.expected_start_time or utc_now(),
        parent_flow_run_id=facts.parent_flow_run_id,
        root_flow_run_id=facts.root_flow_run_id,
        parameters=facts.read_parameters(),
    )
