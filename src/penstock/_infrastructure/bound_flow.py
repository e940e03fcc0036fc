"""A flow whose calls happen in a work pool. Reference pages: advanced/submit-flows-directly-to-dynamic-infrastructure,
api-ref prefect-flows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from penstock._engine.drawing import draw_call, is_drawing
from penstock._engine.stored_futures import PenstockFlowRunFuture
from penstock._flow import Flow
from penstock._infrastructure.submission import Call, submit
from penstock._link.client import path_of, store
from penstock._values.states import StateType
from penstock.exceptions import PenstockException

if TYPE_CHECKING:
    from penstock.workers.base import BaseWorker

P = ParamSpec("P")
R = TypeVar("R")


class InfrastructureBoundFlow(Flow[P, R]):
    """A flow that runs on infrastructure of a work pool. Made by `bind_flow_to_infrastructure`.

    The flow and its arguments travel by cloudpickle, its result comes back through its `result_storage`, which both
    sides must reach under the same path (a folder of this machine for process workers).

    Args:
        args, kwargs: of `Flow`.
        work_pool: the name of the work pool.
        job_variables: on top of the pool's defaults.
        worker_cls: the kind of worker that `submit` starts runs with.
    """

    def __init__(
        self,
        *args: Any,
        work_pool: str,
        job_variables: Mapping[str, Any] | None = None,
        worker_cls: type[BaseWorker[Any, Any, Any]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.work_pool = work_pool
        self.job_variables = dict(job_variables or {})
        self.worker_cls = worker_cls

    def __call__(  # type: ignore[override]  # the overloads of a flow that runs here
        self,
        /,
        *args: Any,
        return_state: bool = False,
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run the flow on its infrastructure, wait for it, and return its value (a coroutine, when it is async).

        An interrupt, or the end of the flow that asked, cancels the run.

        Args:
            args, kwargs: the function's arguments; may hold futures when called inside a flow.
            return_state: return the final state instead, and do not raise the flow's exception.
            wait_for: futures that must complete first.

        Raises:
            SerializationError: an argument cannot be sent; nothing was recorded.
            ObjectNotFound: there is no such work pool.
            MissingResult: the run completed, and its result is not in the storage of this side.
            FailedRun: the flow raised; says what. CrashedRun, CancelledRun: it ended otherwise.
        """
        if is_drawing():
            return draw_call(self, args, kwargs, wait_for)
        if self.isasync:
            return self._call_async(args, kwargs, return_state, wait_for)
        future = self._submit(args, kwargs, wait_for)
        try:
            future.wait()
        except BaseException:
            _cancel(future)
            raise
        return _answer(future, return_state)

    def submit(self, *args: P.args, **kwargs: P.kwargs) -> PenstockFlowRunFuture[R]:
        """Begin a run on its infrastructure with a worker of this process, and return its future at once.

        Args:
            args, kwargs: the function's arguments; may hold futures when called inside a flow.

        Raises:
            SerializationError: an argument cannot be sent; nothing was recorded.
            ObjectNotFound: there is no such work pool.

        Example:
            >>> my_flow.submit(x=1, y=2).result()  # doctest: +SKIP
        """
        return self._submit(args, kwargs, None)

    def submit_to_work_pool(self, *args: P.args, **kwargs: P.kwargs) -> PenstockFlowRunFuture[R]:
        """Leave a run to the workers of the work pool, and return its future at once.

        Args:
            args, kwargs: the function's arguments; may hold futures when called inside a flow.

        Raises:
            SerializationError: an argument cannot be sent; nothing was recorded.
            ObjectNotFound: there is no such work pool.

        Example:
            >>> my_flow.submit_to_work_pool(x=1, y=2).result()  # doctest: +SKIP
        """
        return submit(Call.of(self._plain(), args, kwargs), self.work_pool, self.job_variables).future

    def with_options(
        self, *, job_variables: Mapping[str, Any] | None = None, **options: Any
    ) -> InfrastructureBoundFlow[P, R]:
        """Return the same flow, bound to the same infrastructure, with some options replaced.

        Args:
            job_variables: replace those it has.
            options: any option of the decorator.
        """
        given = self.job_variables if job_variables is None else job_variables
        plain = self._plain().with_options(**options)
        return bind_flow_to_infrastructure(plain, self.work_pool, self.worker_cls, dict(given))

    def _submit(self, args: Any, kwargs: Any, wait_for: Iterable[Any] | None) -> PenstockFlowRunFuture[R]:
        call = Call.of(self._plain(), args, kwargs, wait_for)
        return self.worker_cls(self.work_pool).begin(call, self.job_variables)

    async def _call_async(
        self, args: Any, kwargs: Any, return_state: bool, wait_for: Iterable[Any] | None
    ) -> Any:
        future = await asyncio.to_thread(self._submit, args, kwargs, wait_for)
        try:
            await future.wait_async()
        except BaseException:
            await asyncio.to_thread(_cancel, future)
            raise
        return await asyncio.to_thread(partial(_answer, future, return_state))

    def _plain(self) -> Flow[P, R]:
        """Return the flow without its infrastructure."""
        plain: Flow[P, R] = Flow.__new__(Flow)
        mine = {"work_pool", "job_variables", "worker_cls"}
        plain.__dict__.update({name: value for name, value in self.__dict__.items() if name not in mine})
        return plain


def bind_flow_to_infrastructure(
    flow: Flow[P, R],
    work_pool: str,
    worker_cls: type[BaseWorker[Any, Any, Any]],
    job_variables: dict[str, Any] | None = None,
) -> InfrastructureBoundFlow[P, R]:
    """Return a flow whose calls run on infrastructure of a work pool.

    Args:
        flow: which flow; of a notebook, too.
        work_pool: the name of the work pool.
        worker_cls: the kind of worker that `submit` and calls start runs with, such as `ProcessWorker`.
        job_variables: on top of the pool's defaults.

    Example:
        >>> from penstock.workers.process import ProcessWorker
        >>> bound = bind_flow_to_infrastructure(my_flow, "local", ProcessWorker)  # doctest: +SKIP
        >>> bound(2)  # doctest: +SKIP
    """
    bound: InfrastructureBoundFlow[P, R] = InfrastructureBoundFlow.__new__(InfrastructureBoundFlow)
    bound.__dict__.update(flow.__dict__)
    bound.work_pool = work_pool
    bound.worker_cls = worker_cls
    bound.job_variables = dict(job_variables or {})
    return bound


def _answer(future: PenstockFlowRunFuture[Any], return_state: bool) -> Any:
    return future.state if return_state else future.result()


def _cancel(future: PenstockFlowRunFuture[Any]) -> None:
    """Ask for a run to be cancelled whose caller no longer waits."""
    message = "Whoever called this flow stopped waiting for it."
    body = {"state": {"type": StateType.CANCELLING.value, "message": message}}
    try:
        store().request("POST", path_of("api", "flow_runs", future.flow_run_id, "set_state"), body)
    except PenstockException:
        import logging

        logging.getLogger("penstock.flow_runs").warning(
            "Flow run %s could not be cancelled; cancel it with: penstock flow-run cancel %s",
            future.flow_run_id,
            future.flow_run_id,
        )
