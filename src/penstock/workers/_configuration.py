"""What a worker starts a run with: the pool's template, filled with its variables, those of the deployment and the run.

Reference pages: api-ref prefect-workers-base, concepts/work-pools, "Base job template".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, Field

from penstock._values.awaited import awaitable_too
from penstock.settings import get_current_settings
from penstock.utilities.collections import deep_merge_dicts
from penstock.utilities.templating import apply_values, resolve_variables

if TYPE_CHECKING:
    from penstock._values.deployments import Deployment
    from penstock._values.runs import FlowRun


class BaseJobConfiguration(BaseModel):
    """What every kind of worker starts a run with.

    Args:
        command: what to start; the engine of this package by default.
        env: variables of the new process; None takes one away.
        labels: for infrastructure that has labels.
        name: of what is started.
    """

    command: str | None = Field(default=None, description="The command to start a run with.")
    env: dict[str, str | None] = Field(default_factory=dict, description="Environment variables of a run.")
    labels: dict[str, str] = Field(
        default_factory=dict, description="Labels of the infrastructure a run is on."
    )
    name: str | None = Field(default=None, description="Name of the infrastructure a run is on.")

    @property
    def is_using_a_runner(self) -> bool:
        """True when the command starts our own engine."""
        return self.command is None or "flow-run execute" in self.command or "penstock.engine" in self.command

    @classmethod
    @awaitable_too
    def from_template_and_values(
        cls, base_job_template: dict[str, Any], values: dict[str, Any], client: Any = None
    ) -> Self:
        """Return the configuration that a template and values for its variables come to; may be awaited.

        Args:
            base_job_template: of the pool: ``variables`` (a JSON schema with defaults) and ``job_configuration``.
            values: by variable; dicts are merged into the defaults, ``env.NAME`` is a key of a dict.
            client: accepted for compatibility.

        Raises:
            ValidationError: a value does not fit.
        """
        declared = (base_job_template.get("variables") or {}).get("properties") or {}
        defaults = {name: one["default"] for name, one in declared.items() if "default" in one}
        variables = deep_merge_dicts(defaults, _nested(values))
        template = base_job_template.get("job_configuration") or cls.json_template()
        filled = resolve_variables(apply_values(template, variables))
        return cls.model_validate({name: value for name, value in filled.items() if value is not None})

    @classmethod
    def json_template(cls) -> dict[str, Any]:
        """Return the template of this kind of configuration: each field is the variable of its name.

        Example:
            >>> BaseJobConfiguration.json_template()["env"]
            '{{ env }}'
        """
        found = {}
        for name, field in cls.model_fields.items():
            extra = field.json_schema_extra
            own = extra.get("template") if isinstance(extra, dict) else None
            found[name] = f"{{{{ {name} }}}}" if own is None else own
        return found

    def prepare_for_flow_run(
        self,
        flow_run: FlowRun,
        deployment: Deployment | None = None,
        flow: Any = None,
        work_pool: Mapping[str, Any] | None = None,
        worker_name: str | None = None,
    ) -> None:
        """Put in what only a run has: its id, its name, labels that say whose it is, and the present settings.

        Args:
            flow_run: which run is to be started.
            deployment: whose run it is, if it is one's.
            flow: whose run it is.
            work_pool: where it waited.
            worker_name: who starts it.
        """
        settings = get_current_settings().to_environment_variables(exclude_unset=True)
        self.env = {**settings, **self.env, "PENSTOCK__FLOW_RUN_ID": str(flow_run.id)}
        about = {
            "flow-run-id": flow_run.id,
            "flow-run-name": flow_run.name,
            "flow-id": flow_run.flow_id,
            "flow-name": flow_run.flow_name,
            "deployment-id": deployment.id if deployment is not None else None,
            "deployment-name": deployment.name if deployment is not None else None,
            "work-pool-name": work_pool["name"] if work_pool is not None else None,
            "worker-name": worker_name,
        }
        ours = {f"prefect.io/{name}": str(value) for name, value in about.items() if value is not None}
        self.labels = {**ours, **self.labels}
        self.name = self.name or flow_run.name


class BaseVariables(BaseModel):
    """The variables of every kind of pool, for the schema of its template."""

    name: str | None = Field(default=None, description="Name of the infrastructure a run is on.")
    env: dict[str, str | None] = Field(default_factory=dict, description="Environment variables of a run.")
    labels: dict[str, str] = Field(
        default_factory=dict, description="Labels of the infrastructure a run is on."
    )
    command: str | None = Field(
        default=None, description="The command to start a run with; by default the engine of this package."
    )


def template_of(
    configuration: type[BaseJobConfiguration], variables: type[BaseModel] | None
) -> dict[str, Any]:
    """Return the base job template of a kind of worker.

    Args:
        configuration: what it starts runs with.
        variables: what users may set; all of the configuration by default.
    """
    schema = (variables or configuration).model_json_schema()
    found = {"properties": schema.get("properties") or {}, "type": "object"}
    found |= {name: schema[name] for name in ("required", "$defs") if name in schema}
    return {"job_configuration": configuration.json_template(), "variables": found}


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with ``env.NAME`` as the key NAME of the dict env."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        head, dot, rest = name.partition(".")
        found = deep_merge_dicts(found, {head: _nested({rest: value})} if dot else {name: value})
    return found
