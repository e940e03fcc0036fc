"""Deployments: describing them, serving them with a runner, and asking for runs of them.

Here is what a flow does to be deployed (api-ref prefect-flows); the public doors of the rest are `penstock.deployments`,
`penstock.runner` and `penstock.schedules`.

Nothing of it is loaded before it is used: most flows are only called.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from penstock._values.annotations import NotSet
from penstock._values.awaited import awaitable_too, call_is_awaited

if TYPE_CHECKING:
    from uuid import UUID

    from penstock._deploying.deployment import Often, RunnerDeployment
    from penstock._deploying.schedules import Schedule
    from penstock.types.entrypoint import EntrypointType


class DeployMethods:
    """What a flow does to be deployed."""

    name: str

    @awaitable_too
    def to_deployment(
        self,
        name: str,
        interval: Often = None,
        cron: Iterable[str] | str | None = None,
        rrule: Iterable[str] | str | None = None,
        paused: bool | None = None,
        schedule: Schedule | None = None,
        schedules: Iterable[Schedule | dict[str, Any]] | None = None,
        concurrency_limit: Any = None,
        parameters: dict[str, Any] | None = None,
        triggers: Any = None,
        description: str | None = None,
        tags: Iterable[str] | None = None,
        version: str | None = None,
        version_type: str | None = None,
        enforce_parameter_schema: bool = True,
        work_pool_name: str | None = None,
        work_queue_name: str | None = None,
        job_variables: dict[str, Any] | None = None,
        entrypoint_type: EntrypointType | None = None,
        _sla: Any = None,
    ) -> RunnerDeployment:
        """Describe a deployment of this flow; nothing is recorded before it is served, deployed or applied.

        Args:
            name: of the deployment.
            interval, cron, rrule, paused, schedule, schedules, concurrency_limit, parameters, triggers, description,
                tags, version, version_type, enforce_parameter_schema, work_pool_name, work_queue_name, job_variables,
                entrypoint_type: see `RunnerDeployment.from_flow`.

        Raises:
            ValueError: no other process could load the flow (it is of a notebook, say).

        Example:
            >>> my_flow.to_deployment("nightly", cron="0 2 * * *", tags=["etl"])  # doctest: +SKIP
        """
        return _described(self, **_given(locals()))

    async def ato_deployment(
        self,
        name: str,
        interval: Often = None,
        cron: Iterable[str] | str | None = None,
        rrule: Iterable[str] | str | None = None,
        paused: bool | None = None,
        schedule: Schedule | None = None,
        schedules: Iterable[Schedule | dict[str, Any]] | None = None,
        concurrency_limit: Any = None,
        parameters: dict[str, Any] | None = None,
        triggers: Any = None,
        description: str | None = None,
        tags: Iterable[str] | None = None,
        version: str | None = None,
        version_type: str | None = None,
        enforce_parameter_schema: bool = True,
        work_pool_name: str | None = None,
        work_queue_name: str | None = None,
        job_variables: dict[str, Any] | None = None,
        entrypoint_type: EntrypointType | None = None,
        _sla: Any = None,
    ) -> RunnerDeployment:
        """Async twin of `to_deployment`."""
        return _described(self, **_given(locals()))

    def serve(
        self,
        name: str | None = None,
        interval: Often = None,
        cron: Iterable[str] | str | None = None,
        rrule: Iterable[str] | str | None = None,
        paused: bool | None = None,
        schedule: Schedule | None = None,
        schedules: Iterable[Schedule | dict[str, Any]] | None = None,
        global_limit: Any = None,
        triggers: Any = None,
        parameters: dict[str, Any] | None = None,
        description: str | None = None,
        tags: Iterable[str] | None = None,
        version: str | None = None,
        enforce_parameter_schema: bool = True,
        pause_on_shutdown: bool = True,
        print_starting_message: bool = True,
        limit: int | type[NotSet] | None = NotSet,
        webserver: bool = False,
        entrypoint_type: EntrypointType | None = None,
    ) -> None:
        """Record a deployment of this flow and run what it has due, until the process is stopped; see `serve`.

        Args:
            name: of the deployment; the flow's by default.
            interval, cron, rrule, schedule, schedules, paused: when it runs.
            global_limit: how many runs at a time, everywhere; recorded.
            triggers: not available yet.
            parameters, description, tags, version, enforce_parameter_schema, entrypoint_type: of the deployment, see
                `RunnerDeployment.from_flow`.
            pause_on_shutdown: pause its schedules at the end.
            print_starting_message: say what is served.
            limit: how many runs at a time in this process.
            webserver: not available yet.

        Raises:
            ValueError: no other process could load the flow.
        """
        import asyncio
        from functools import partial

        from penstock._deploying.deployment import RunnerDeployment
        from penstock._deploying.serving import serve

        deployment = RunnerDeployment.from_flow(
            self,
            name or self.name,
            interval=interval,
            cron=cron,
            rrule=rrule,
            paused=paused,
            schedule=schedule,
            schedules=schedules,
            concurrency_limit=global_limit,
            triggers=triggers,
            parameters=parameters,
            description=description,
            tags=tags,
            version=version,
            enforce_parameter_schema=enforce_parameter_schema,
            entrypoint_type=entrypoint_type,
        )
        run = partial(
            serve,
            deployment,
            pause_on_shutdown=pause_on_shutdown,
            print_starting_message=print_starting_message,
            limit=limit,
            webserver=webserver,
        )
        return asyncio.to_thread(run) if call_is_awaited() else run()  # type: ignore[return-value]  # who awaits gets what can be awaited

    @awaitable_too
    def deploy(
        self,
        name: str,
        work_pool_name: str | None = None,
        image: Any = None,
        build: bool = True,
        push: bool = True,
        work_queue_name: str | None = None,
        job_variables: dict[str, Any] | None = None,
        interval: Often = None,
        cron: Iterable[str] | str | None = None,
        rrule: Iterable[str] | str | None = None,
        paused: bool | None = None,
        schedule: Schedule | None = None,
        schedules: Iterable[Schedule | dict[str, Any]] | None = None,
        concurrency_limit: Any = None,
        triggers: Any = None,
        parameters: dict[str, Any] | None = None,
        description: str | None = None,
        tags: Iterable[str] | None = None,
        version: str | None = None,
        version_type: str | None = None,
        enforce_parameter_schema: bool = True,
        entrypoint_type: EntrypointType | None = None,
        print_next_steps: bool = True,
        ignore_warnings: bool = False,
        _sla: Any = None,
    ) -> UUID:
        """Record a deployment of this flow and return its id.

        Args:
            name: of the deployment.
            work_pool_name, image, build, push, print_next_steps, ignore_warnings: see `deploy`.
            work_queue_name, job_variables, interval, cron, rrule, paused, schedule, schedules, concurrency_limit,
                triggers, parameters, description, tags, version, version_type, enforce_parameter_schema,
                entrypoint_type: see `RunnerDeployment.from_flow`.

        Raises:
            NotImplementedError: an image is given. ValueError: no other process could load the flow.
            DeploymentApplyError: the store refused it; there may be no such work pool.
        """
        given = _given(locals())
        from penstock._deploying.serving import deploy

        shared = {key: given.pop(key) for key in ("image", "build", "push", "ignore_warnings")}
        said = given.pop("print_next_steps")
        made = _described(self, **given)
        return deploy(made, work_pool_name=work_pool_name, print_next_steps_message=said, **shared)[0]


def _given(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a method from its `locals()`."""
    return {name: value for name, value in arguments.items() if name != "self"}


def _described(flow: Any, **given: Any) -> RunnerDeployment:
    from penstock._deploying.deployment import RunnerDeployment

    return RunnerDeployment.from_flow(flow, **given)
