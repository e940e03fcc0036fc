"""What is known about the run that is active here. Reference page: concepts/runtime-context."""

from penstock.runtime import deployment as deployment
from penstock.runtime import flow_run as flow_run
from penstock.runtime import task_run as task_run

__all__ = ["deployment", "flow_run", "task_run"]
