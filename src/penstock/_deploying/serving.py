"""Serving deployments, and recording them for others to run. Reference pages: concepts/deployments, api-ref prefect-flows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any
from uuid import UUID

from penstock._deploying.deployment import RunnerDeployment
from penstock._deploying.runner import Runner
from penstock._values.annotations import NotSet
from penstock.settings import get_current_settings


def serve(
    *deployments: RunnerDeployment,
    pause_on_shutdown: bool = True,
    print_starting_message: bool = True,
    limit: int | type[NotSet] | None = NotSet,
    **options: Any,
) -> None:
    """Record deployments and run what they have due, until the process is stopped.

    Each run gets a process of its own. The first Ctrl-C or SIGTERM cancels what runs and pauses the schedules, the
    second ends the process.

    Args:
        deployments: from `Flow.to_deployment`.
        pause_on_shutdown: pause their schedules at the end.
        print_starting_message: say what is served.
        limit: how many runs at a time in this process; the setting by default, None for any number.
        options: of `Runner`.

    Raises:
        ValueError: no deployments. DeploymentApplyError: the store refused one.

    Example:
        >>> serve(my_flow.to_deployment("nightly", cron="0 2 * * *"))  # doctest: +SKIP
    """
    if not deployments:
        raise ValueError("Nothing to serve: give serve() deployments, such as my_flow.to_deployment('name').")
    runner = Runner(pause_on_shutdown=pause_on_shutdown, limit=limit, **options)
    for one in deployments:
        runner.add_deployment(one)
    if print_starting_message:
        _say(deployments)
    runner.start()


async def aserve(*deployments: RunnerDeployment, **options: Any) -> None:
    """Async twin of `serve`: the loop goes on; signals are the caller's business."""
    await asyncio.to_thread(partial(serve, *deployments, **options))


def deploy(
    *deployments: RunnerDeployment,
    work_pool_name: str | None = None,
    image: Any = None,
    build: bool = True,
    push: bool = True,
    print_next_steps_message: bool = True,
    ignore_warnings: bool = False,
) -> list[UUID]:
    """Record deployments for a runner or worker that finds their code where it is; return their ids.

    Args:
        deployments: from `Flow.to_deployment`.
        work_pool_name: whose workers run them; that of the settings by default, where a deployment names none.
        image, build, push: images are not built yet.
        print_next_steps_message: say what was recorded.
        ignore_warnings: accepted for compatibility.

    Raises:
        NotImplementedError: an image is given. DeploymentApplyError: the store refused one.
    """
    if image is not None:
        raise NotImplementedError(
            "Images are not built yet; deploy without one where the code can be found by path."
        )
    default = get_current_settings().deployments_default_work_pool_name
    ids = [one.apply(work_pool_name=work_pool_name or one.work_pool_name or default) for one in deployments]
    if print_next_steps_message:
        for one in deployments:
            said = f"Recorded deployment '{one.full_name}'. Run it with: penstock deployment run '{one.full_name}'"
            print(said)  # noqa: T201  # documented
    return ids


def _say(deployments: Iterable[RunnerDeployment]) -> None:
    names = [one.full_name for one in deployments]
    print("Your deployments are being served and polling for scheduled runs:", *names, sep="\n  ")  # noqa: T201  # documented
    print(f"Run one with: penstock deployment run '{names[0]}'", flush=True)  # noqa: T201
