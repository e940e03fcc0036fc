"""Running a notebook without a front end, its pauses answered from a file: ``penstock run``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from penstock.exceptions import ConfigurationError, PenstockException
from penstock_kernel.checkpoint import VARIABLE
from penstock_kernel.records import literal, rows

#: Tag of cells of ours: one that brings back what a failed run has bound, one that waits for what runs on.
_OURS = "penstock-own"
_LAST = """
try:
    from penstock_kernel.extension import wait_for_background
except ImportError:  # a kernel without Penstock
    pass
else:
    wait_for_background()
"""


class NotebookFailed(PenstockException):
    """A cell of a notebook raised.

    Args:
        path: the executed notebook, with the traceback in it.
        message: what the cell said.
        run_id: of the notebook's session, to go on with; None when nothing was recorded.
    """

    def __init__(self, path: Path, message: str, run_id: str | None = None) -> None:
        super().__init__(path, message, run_id)
        self.path = path
        self.message = message
        self.run_id = run_id

    def __str__(self) -> str:
        text = f"{self.message}\nThe notebook as far as it came: {self.path}"
        if self.run_id is None:
            return text
        return f"{text}\nMend the cell, then go on with it: penstock run NOTEBOOK --resume {self.run_id}"


def execute_notebook(
    notebook: Path,
    output: Path,
    answers: Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    resume: str | None = None,
) -> Path:
    """Run a notebook from top to bottom and write it with its outputs.

    Args:
        notebook: the notebook to run; it is not changed.
        output: where the executed notebook goes, also when a cell fails.
        answers: JSON file of answers to its pauses (see `penstock._engine.answers`).
        resume: the session of a run that failed: go on with the cell that failed, as the notebook is now, with
            what the cells before it have bound; their outputs are taken from `output`.
        parameters: names to set right after the cell tagged ``parameters``, or before the first cell.

    Returns:
        `output`.

    Raises:
        NotebookFailed: a cell raised; the run it was in is recorded and can be gone on with.
        ConfigurationError: a file is missing.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    for wanted in (notebook, answers):
        if wanted is not None and not wanted.is_file():
            raise ConfigurationError(f"There is no file {wanted}")
    document = nbformat.read(notebook, as_version=4)
    done: list[Any] = []
    if resume is None:
        _set_parameters(document, parameters or {})
    else:
        done = _go_on(document, output, resume)
    document.cells.append(nbformat.v4.new_code_cell(_LAST, metadata={"tags": [_OURS]}))
    output.parent.mkdir(parents=True, exist_ok=True)
    client = NotebookClient(
        document,
        timeout=None,
        kernel_name="python3",
        resources={"metadata": {"path": str(notebook.parent.absolute())}},
        store_widget_state=True,
        # ipykernel warns of unencrypted loopback ports at every start; here nobody could do anything about it.
        extra_arguments=["--IPKernelApp.log_level=40"],
    )
    with _environment(answers, notebook):
        try:
            client.execute()
        except CellExecutionError as error:
            run_id = _session_run(notebook)
            _note_failure(document, len(done), run_id)
            raise NotebookFailed(output, f"{error.ename}: {error.evalue}", run_id) from error
        finally:
            document.cells = [*done, *(cell for cell in document.cells if _OURS not in _tags(cell))]
            nbformat.write(document, output)
    return output


def _set_parameters(document: Any, parameters: Mapping[str, Any]) -> None:
    if not parameters:
        return
    import nbformat

    source = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    tagged = [n for n, cell in enumerate(document.cells) if "parameters" in cell.metadata.get("tags", ())]
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["injected-parameters"]})
    document.cells.insert(tagged[0] + 1 if tagged else 0, cell)


def _go_on(document: Any, output: Path, run_id: str) -> list[Any]:
    """Leave the cells that have run out of `document`, and return them with their outputs."""
    import nbformat

    before = nbformat.read(output, as_version=4) if output.is_file() else None
    noted = before.metadata.get("penstock", {}) if before is not None else {}
    if before is None or noted.get("run") != run_id:
        raise ConfigurationError(
            f"{output} is not what run {run_id} has left; name that file with --output, or run without --resume"
        )
    index = noted["failed_cell"]
    injected = sum("injected-parameters" in _tags(cell) for cell in before.cells[:index])
    source = f"%load_ext penstock\nfrom penstock_kernel.checkpoint import restore\nrestore({run_id!r})"
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": [_OURS]})
    document.cells = [cell, *document.cells[index - injected :]]
    return list(before.cells[:index])


def _note_failure(document: Any, done: int, run_id: str | None) -> None:
    """Note in the executed notebook which run it is of and where that has stopped."""
    cells = [cell for cell in document.cells if _OURS not in _tags(cell)]
    failed = [
        n for n, cell in enumerate(cells) if any(o.output_type == "error" for o in cell.get("outputs", ()))
    ]
    document.metadata["penstock"] = {"run": run_id, "failed_cell": done + (failed[0] if failed else 0)}


def _session_run(notebook: Path) -> str | None:
    """Return the newest session of a notebook, if its run failed: its kernel has ended by now."""
    name = literal(f"notebook: {notebook.stem}")
    found = rows(f"select id, state_type from runs where flow_name = {name} order by created desc limit 1")
    return str(found[0]["id"]) if found else None


def _tags(cell: Any) -> Any:
    return cell.metadata.get("tags", ())


@contextmanager
def _environment(answers: Path | None, notebook: Path) -> Iterator[None]:
    changed = {
        VARIABLE: "1",
        "JPY_SESSION_NAME": str(notebook),
        "PENSTOCK_ANSWERS": str(answers.absolute()) if answers else None,
    }
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update({name: value for name, value in changed.items() if value is not None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def register(app: Any) -> None:
    """Add ``penstock run`` to the command line."""
    import typer

    @app.command()  # type: ignore[untyped-decorator]  # the app comes as Any
    def run(
        notebook: Path = typer.Argument(help="The notebook to run from top to bottom."),
        output: Path | None = typer.Option(None, "--output", "-o", help="Where the executed notebook goes."),
        answers: Path | None = typer.Option(None, help="JSON file of answers to its pauses."),
        resume: str | None = typer.Option(
            None, help="Session of a failed run, to go on with its failed cell."
        ),
        parameter: list[str] = typer.Option([], "--parameter", "-p", help="NAME=VALUE, may be repeated."),
    ) -> None:
        """Run a notebook without a front end and write it with its outputs."""
        target = output or notebook.with_name(f"{notebook.stem}.executed.ipynb")
        try:
            given = dict(_parsed(text) for text in parameter)
            execute_notebook(notebook, target, answers, given, resume)
        except PenstockException as error:
            typer.secho(str(error), fg="red", err=True)
            raise typer.Exit(1) from error
        typer.echo(f"Executed notebook: {target}")


def _parsed(text: str) -> tuple[str, Any]:
    import ast

    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise ConfigurationError(f"Not a parameter: {text!r}; write NAME=VALUE")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value
