"""``penstock task``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from penstock.cli.ask import fail


def commands() -> typer.Typer:
    """Return the commands on tasks."""
    app = typer.Typer(no_args_is_help=True)
    app.command()(serve)
    app.callback()(_group)
    return app


def _group() -> None:
    """Keep `serve` a command of its own: typer runs a single command without its name."""


def serve(
    entrypoints: Annotated[
        list[str] | None, typer.Argument(help="Tasks, as path/to/file.py:task or package.module.task.")
    ] = None,
    module: Annotated[
        list[str] | None, typer.Option("--module", "-m", help="Serve all tasks of these modules.")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many runs at a time.")] = 10,
) -> None:
    """Run a task worker until it is stopped."""
    from penstock.task_worker import serve as serve_tasks

    if bool(entrypoints) == bool(module):
        fail("Name the tasks to serve, or modules with --module, but not both.")
    found = [_task(one) for one in entrypoints or ()] + [one for name in module or () for one in _tasks(name)]
    print(f"Serving {', '.join(one.name for one in found)}. Stop with Ctrl-C.", flush=True)
    serve_tasks(*found, limit=limit)


def _task(entrypoint: str) -> Any:
    from penstock._loading.scripts import import_object
    from penstock.tasks import Task

    found = import_object(entrypoint)
    if not isinstance(found, Task):
        fail(f"{entrypoint} is not a task. Decorate the function with @task.")
    return found


def _tasks(module: str) -> list[Any]:
    from penstock._loading.scripts import load_module
    from penstock.tasks import Task

    found = {one.task_key: one for one in vars(load_module(module)).values() if isinstance(one, Task)}
    if not found:
        fail(f"Module {module} has no tasks.")
    return list(found.values())
