"""The routes between a process and the store (`docs/design.md`, "Protocol")."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import parse_qs

import orjson

from penstock._store import background_decisions, decisions, pools, slot_decisions, slot_requests
from penstock._store.background import channel
from penstock._store.core import Core, Refused
from penstock._store.guard import Receive, Scope, read_body
from penstock._store.version import version
from penstock._values.states import State
from penstock._workspace import PROTOCOL

if TYPE_CHECKING:
    from penstock._store.service import Store

T = TypeVar("T")
Answer = tuple[int, Any]


class Call(NamedTuple):
    """One request; `run_id` is the flow run in the path, if any."""

    scope: Scope
    receive: Receive
    run_id: str


Handler = Callable[[Call], Awaitable[Answer]]
_RUN = re.compile(r"^/link/flow_runs/([0-9a-fA-F-]{36})/(propose|wait)$")
#: A long poll is answered at the latest after this many seconds, so that proxies and sockets stay alive.
_LONGEST_WAIT = 60.0
#: Bytes of lines that are read at once.
_LITTLE = 32 << 10


class Link:
    """The table of link routes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._table: dict[tuple[str, str], Handler] = {
            ("POST", "/link/hello"): self._hello,
            ("POST", "/link/ingest"): self._ingest,
            ("POST", "/link/flow_runs"): self._create,
            ("POST", "/link/adopt"): self._adopt,
            ("POST", "/link/cancelling"): self._cancelling,
            ("POST", "/link/claim"): self._claim,
            ("POST", "/link/release"): self._leave,
            ("POST", "/link/due"): self._due,
            ("POST", "/link/take"): self._take,
            ("POST", "/link/sql"): self._sql,
            ("POST", "/link/upkeep"): self._upkeep,
            ("POST", "/link/stop"): self._stop,
            ("POST", "/link/slots/acquire"): self._acquire,
            ("POST", "/link/slots/release"): self._release,
            ("POST", "/link/slots/renew"): self._renew,
            ("POST", "/link/slots/wait"): self._wait_for_slots,
            ("POST", "propose"): self._propose,
            ("GET", "wait"): self._wait,
        }

    async def answer(self, scope: Scope, receive: Receive) -> Answer:
        """Return status and body for a request.

        Raises:
            Refused: with the status and body to answer instead.
        """
        path, run_id = scope["path"], ""
        if (match := _RUN.match(path)) is not None:
            run_id, path = match[1].lower(), match[2]
        handler = self._table.get((scope["method"], path))
        if handler is None:
            return 404, {"detail": "Not Found"}
        return await handler(Call(scope, receive, run_id))

    async def _call(self, do: Callable[[Core], T]) -> T:
        return await asyncio.wrap_future(self._store.core.call(do))

    async def _hello(self, call: Call) -> Answer:
        body = await _json(call.receive)
        client, protocol = str(body.get("client", "")), body.get("protocol", PROTOCOL)
        if not isinstance(protocol, int) or protocol < PROTOCOL - 1:
            raise Refused(
                426, {"exception_message": f"Protocol {protocol} is too old; this store speaks {PROTOCOL}."}
            )
        hwm = await self._call(lambda core: core.mark(client))
        return 200, {"protocol": PROTOCOL, "version": version(), "pid": os.getpid(), "hwm": hwm}

    async def _ingest(self, call: Call) -> Answer:
        client = _query(call.scope).get("client", "")
        if not client or client == self._store.core.journal.client:
            raise Refused(
                422, {"exception_message": "ingest needs ?client=NAME, the name of the sender's journal."}
            )
        data = await read_body(call.receive)
        core = self._store.core
        if len(data) < _LITTLE:
            return 200, {"hwm": await asyncio.wrap_future(core.ingest(client, data))}
        # Reading a megabyte of lines takes milliseconds, in which others are to be heard.
        reading = asyncio.get_running_loop().run_in_executor(core.line_readers, core.ingest, client, data)
        return 200, {"hwm": await asyncio.wrap_future(await reading)}

    async def _create(self, call: Call) -> Answer:
        body = await _json(call.receive)
        run_body = body.get("run")
        if not isinstance(run_body, dict) or not isinstance(body.get("pool") or {}, dict):
            raise Refused(422, {"exception_message": "run must be an object: the body of a flow_run line."})
        state, pool = _state(body["state"]) if body.get("state") else None, body.get("pool") or {}

        def create(core: Core) -> Answer:
            more = pools.placement(core, pool.get("name"), pool.get("queue"))
            variables = {"job_variables": pool["job_variables"]} if pool.get("job_variables") else {}
            run, is_new = decisions.create(core, run_body, state, {**more, **variables})
            shown = run.state.to_json() if run.state is not None else None
            return 201 if is_new else 200, {"run": run.to_json(), "state": shown}

        return await self._call(create)

    async def _propose(self, call: Call) -> Answer:
        body = await _json(call.receive)
        state, client, run_id = _state(body.get("state")), body.get("client"), call.run_id
        force = bool(body.get("force"))
        return 200, await self._call(
            lambda core: decisions.propose(core, run_id, state, force=force, client=client).to_json()
        )

    async def _wait(self, call: Call) -> Answer:
        query, run_id = _query(call.scope), call.run_id
        after = query.get("after", "")

        def is_news(answer: dict[str, Any]) -> bool:
            return answer["state"] is not None and answer["state"]["id"] != after

        timeout = _seconds(query.get("timeout"), 30.0)
        return await self._poll([run_id], lambda core: _where(core, run_id), is_news, timeout)

    async def _cancelling(self, call: Call) -> Answer:
        body = await _json(call.receive)
        client, seen = str(body.get("client", "")), {str(run_id) for run_id in body.get("seen") or ()}
        left = {str(run_id) for run_id in body.get("left") or ()}

        def look(core: Core) -> dict[str, Any]:
            return {
                "runs": [run_id for run_id in core.cancelling(client) if run_id not in seen],
                "suspended": [run_id for run_id in core.suspended(client) if run_id not in left],
            }

        return await self._poll(
            [client],
            look,
            lambda answer: bool(answer["runs"] or answer["suspended"]),
            _seconds(body.get("timeout"), 30.0),
        )

    async def _claim(self, call: Call) -> Answer:
        """Give a task worker a run to execute as soon as there is one."""
        body = await _json(call.receive)
        worker, keys = str(body.get("worker", "")), [str(key) for key in body.get("keys") or ()]
        holding = {str(run_id) for run_id in body.get("holding") or ()}

        def look(core: Core) -> dict[str, Any]:
            if core.background.heard(worker, keys).leaving:
                return {"run": None, "leaving": True}
            return {"run": background_decisions.claim(core, worker, keys, holding), "leaving": False}

        return await self._poll(
            [worker, *map(channel, keys)],
            look,
            lambda answer: answer["run"] is not None or answer["leaving"],
            _seconds(body.get("timeout"), 30.0),
        )

    async def _leave(self, call: Call) -> Answer:
        """Let a task worker go: it gets no more runs, and those it does not hold go to others."""
        body = await _json(call.receive)
        worker, holding = str(body.get("worker", "")), {str(run_id) for run_id in body.get("holding") or ()}

        def leave(core: Core) -> dict[str, Any]:
            core.background.heard(worker, ()).leaving = True
            core.touch(worker)
            return {"released": background_decisions.release(core, worker, holding)}

        return 200, await self._call(leave)

    async def _due(self, call: Call) -> Answer:
        """Answer with the runs of deployments, or of a work pool, that are due or soon are, once there are any."""
        from penstock._store import due_runs

        body = await _json(call.receive)
        asker, wanted = str(body.get("asker", "")), due_runs.Wanted.read(body)
        ahead, timeout = _seconds(body.get("ahead"), 0.0), _seconds(body.get("timeout"), 30.0)
        limit = int(_seconds(body.get("limit"), 200, 200))

        def look(core: Core) -> dict[str, Any]:
            before = datetime.now(UTC) + timedelta(seconds=ahead)
            found = [run.id for run in due_runs.due(core, wanted, before, limit)]
            start = None if found else due_runs.next_start(core, wanted, before)
            worker = core.background.workers.get(asker)
            leaving = worker is not None and worker.leaving
            soon = (start - before).total_seconds() if start is not None else None
            return {"runs": [] if leaving else found, "next": soon, "leaving": leaving}

        def is_news(answer: dict[str, Any]) -> bool:
            if answer["runs"] or answer["leaving"]:
                return True
            return answer["next"] is not None and answer["next"] < timeout

        return await self._poll([asker, *wanted.channels], look, is_news, timeout)

    async def _take(self, call: Call) -> Answer:
        """Give a scheduled run to a runner."""
        from penstock._store import deployment_runs

        body = await _json(call.receive)
        run_id, client = str(body.get("flow_run_id", "")).lower(), str(body.get("client", ""))
        return 200, {"run": await self._call(lambda core: deployment_runs.take(core, run_id, client))}

    async def _poll(
        self,
        names: Sequence[str],
        look: Callable[[Core], dict[str, Any]],
        is_news: Callable[[dict[str, Any]], bool],
        timeout: float,
    ) -> Answer:
        """Answer as soon as there is news of a run, client or channel of these names, or when the time is up."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        deadline = loop.time() + timeout

        def wake() -> None:
            loop.call_soon_threadsafe(changed.set)

        for name in names:
            self._store.core.watching.watch(name, wake)
        try:
            while True:
                changed.clear()
                answer = await self._call(look)
                left = deadline - loop.time()
                if is_news(answer) or left <= 0 or self._store.stopping():
                    return 200, answer
                due = answer.get("due")
                try:
                    await asyncio.wait_for(changed.wait(), left if due is None else min(left, due + 0.001))
                except TimeoutError:
                    continue
        finally:
            for name in names:
                self._store.core.watching.unwatch(name, wake)

    async def _adopt(self, call: Call) -> Answer:
        body = await _json(call.receive)
        run_id, client = str(body.get("flow_run_id", "")).lower(), str(body.get("client", ""))
        if not client:
            raise Refused(422, {"exception_message": "adopt needs the name of the adopting client."})
        owner = await self._call(lambda core: core.run(run_id).owner)
        heir_of = body.get("heir_of")
        if owner not in (None, client, heir_of):
            await asyncio.to_thread(self._store.sweeper.sweep_client, owner)

        def adopt(core: Core) -> Answer:
            run = decisions.adopt(core, run_id, client, heir_of)
            shown = run.state.to_json() if run.state is not None else None
            return 200, {"run": run.to_json(), "state": shown, "inputs": dict(run.inputs)}

        return await self._call(adopt)

    async def _sql(self, call: Call) -> Answer:
        from penstock._store import sql

        body, store = await _json(call.receive), self._store
        timeout = _seconds(body.get("timeout"), 10.0)
        text = str(body.get("sql", ""))
        if body.get("format") == "parquet":
            most = None if body.get("limit") is None else int(_seconds(body["limit"], 10_000, 1e9))
            return 200, await asyncio.to_thread(
                sql.query_to_file,
                store.database,
                text,
                limit=most,
                timeout=timeout,
                folder=store.workspace.transfer,
            )
        limit = int(_seconds(body.get("limit"), 10_000, 1e6))
        return 200, await asyncio.to_thread(sql.query, store.database, text, limit=limit, timeout=timeout)

    async def _upkeep(self, call: Call) -> Answer:
        from penstock._store.routes import upkeep

        body = await _json(call.receive)
        return 200, await asyncio.to_thread(upkeep.do, self._store, body)

    async def _acquire(self, call: Call) -> Answer:
        wanted, owner, wait = slot_requests.wanted(await _json(call.receive))
        return 200, await self._call(lambda core: slot_decisions.acquire(core, wanted, owner, wait=wait))

    async def _release(self, call: Call) -> Answer:
        ids = slot_requests.ids(await _json(call.receive), "leases")
        return 200, {"ended": await self._call(lambda core: slot_decisions.release(core, ids, "released"))}

    async def _renew(self, call: Call) -> Answer:
        ids = slot_requests.ids(await _json(call.receive), "leases")
        return 200, {
            "lost": await self._call(lambda core: [one for one in ids if one not in core.slots.leases])
        }

    async def _wait_for_slots(self, call: Call) -> Answer:
        body = await _json(call.receive)
        client, seen = str(body.get("client", "")), slot_requests.ids(body, "seen")
        known = set(slot_requests.ids(body, "waiting"))

        def look(core: Core) -> dict[str, Any]:
            return slot_decisions.look(core, client, seen)

        def is_news(answer: dict[str, Any]) -> bool:
            # A request this store does not know was made to the one before it: its asker must ask again.
            return bool(answer["settled"]) or not known <= set(answer["waiting"])

        timeout = _seconds(body.get("timeout"), 30.0)
        return await self._poll([slot_decisions.watched(client)], look, is_news, timeout)

    async def _stop(self, _: Call) -> Answer:
        self._store.stop()
        return 200, {"pid": os.getpid()}


def _where(core: Core, run_id: str) -> dict[str, Any]:
    run = core.run(run_id)
    return {"state": run.state.to_json() if run.state is not None else None, "run_count": run.run_count}


async def _json(receive: Receive) -> dict[str, Any]:
    data = await read_body(receive)
    try:
        body = orjson.loads(data or b"{}")
    except orjson.JSONDecodeError as error:
        raise Refused(422, {"exception_message": f"The body is not JSON: {error}"}) from error
    if not isinstance(body, dict):
        raise Refused(422, {"exception_message": "The body must be a JSON object."})
    return body


def _state(body: Any) -> State:
    try:
        return State.from_json(body)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Refused(422, {"exception_message": f"The state cannot be read: {error!r}"}) from error


def _query(scope: Scope) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(scope["query_string"].decode("latin-1")).items()}


def _seconds(value: Any, default: float, most: float = _LONGEST_WAIT) -> float:
    try:
        number = float(value) if value is not None else default
    except (TypeError, ValueError) as error:
        raise Refused(422, {"exception_message": f"not a number: {value!r}"}) from error
    return min(max(number, 0.0), most)
