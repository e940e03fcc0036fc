"""Running a notebook without a front end, its pauses answered from a file: ``penstock run``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from penstock.exceptions import ConfigurationError, PenstockException


class NotebookFailed(PenstockException):
    """A cell of a notebook raised.

    Args:
        path: the executed notebook, with the traceback in it.
        message: what the cell said.
    """

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(path, message)
        self.path = path
        self.message = message

    def __str__(self) -> str:
        return f"{self.message}\nThe notebook as far as it came: {self.path}"


def execute_notebook(
    notebook: Path, output: Path, answers: Path | None = None, parameters: Mapping[str, Any] | None = None
) -> Path:
    """Run a notebook from top to bottom and write it with its outputs.

    Args:
        notebook: the notebook to run; it is not changed.
        output: where the executed notebook goes, also when a cell fails.
        answers: JSON file of answers to its pauses (see `penstock._engine.answers`).
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
    _set_parameters(document, parameters or {})
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
            raise NotebookFailed(output, f"{error.ename}: {error.evalue}") from error
        finally:
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


@contextmanager
def _environment(answers: Path | None, notebook: Path) -> Iterator[None]:
    changed = {
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
        parameter: list[str] = typer.Option([], "--parameter", "-p", help="NAME=VALUE, may be repeated."),
    ) -> None:
        """Run a notebook without a front end and write it with its outputs."""
        target = output or notebook.with_name(f"{notebook.stem}.executed.ipynb")
        try:
            execute_notebook(notebook, target, answers, dict(_parsed(text) for text in parameter))
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
