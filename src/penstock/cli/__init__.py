"""The command line. Reference page: `penstock --help`; commands follow the documented names.

typer and rich are imported when a command runs. Further commands come from the entry points of group
`penstock.cli`: functions that take the typer application.
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its code."""
    from penstock.exceptions import PenstockException

    try:
        application()()
    except PenstockException as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from error


def application() -> Any:
    """Build the typer application with all commands."""
    import typer

    from penstock.cli import (
        artifact,
        concurrency_limit,
        config,
        deployment,
        flow,
        flow_run,
        global_concurrency_limit,
        profile,
        server,
        store,
        task,
        task_run,
        work_pool,
        worker,
        workspace,
    )

    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

    @app.callback()
    def penstock(
        name: str | None = typer.Option(None, "--profile", "-p", help="Use the settings of this profile."),
    ) -> None:
        """Workflow orchestration that lives in the notebook."""
        profile.choose(name)

    app.add_typer(config.commands(), name="config", help="Look at settings and change them.")
    app.add_typer(profile.commands(), name="profile", help="Make, choose and delete profiles of settings.")
    app.add_typer(flow.commands(), name="flow", help="Look at flows and serve them.")
    app.add_typer(deployment.commands(), name="deployment", help="Look at deployments and run them.")
    app.add_typer(work_pool.commands(), name="work-pool", help="Look at work pools and change them.")
    app.add_typer(worker.commands(), name="worker", help="Start runs of work pools.")
    app.add_typer(flow_run.commands(), name="flow-run", help="Look at flow runs, answer and cancel them.")
    app.add_typer(task.commands(), name="task", help="Serve tasks.")
    app.add_typer(task_run.commands(), name="task-run", help="Look at task runs.")
    app.add_typer(artifact.commands(), name="artifact", help="Look at artifacts.")
    app.add_typer(
        concurrency_limit.commands(), name="concurrency-limit", help="Limit task runs by their tags."
    )
    gcl = global_concurrency_limit.commands()
    app.add_typer(gcl, name="global-concurrency-limit", help="Limit how much happens at once, and how often.")
    app.add_typer(gcl, name="gcl", hidden=True)
    app.add_typer(server.commands(), name="server", help="Start, stop and inspect the store process.")
    app.add_typer(store.commands(), name="store", help="Export, check, copy and prune what is recorded.")
    workspace.register(app)
    _add_plugins(app)
    return app


def _add_plugins(app: Any) -> None:
    """Add the commands of other packages; one that is broken must not take the others with it."""
    from importlib.metadata import entry_points

    for point in entry_points(group="penstock.cli"):
        try:
            point.load()(app)
        except Exception as error:
            sys.stderr.write(f"penstock: commands of {point.value} are not available: {error}\n")
