"""The documented services, the v1 modules and the client's methods on limits."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from penstock import task
from penstock.client.orchestration import get_client
from penstock.client.schemas.actions import GlobalConcurrencyLimitCreate, GlobalConcurrencyLimitUpdate
from penstock.client.schemas.objects import ConcurrencyLeaseHolder, ConcurrencyLimit
from penstock.concurrency.services import (
    ConcurrencySlotAcquisitionService,
    ConcurrencySlotAcquisitionWithLeaseService,
)
from penstock.concurrency.sync import (
    AcquireConcurrencySlotTimeoutError,
    ConcurrencySlotAcquisitionError,
    concurrency,
)
from penstock.concurrency.v1 import asyncio as v1_asyncio
from penstock.concurrency.v1 import sync as v1_sync
from penstock.concurrency.v1.services import ConcurrencySlotAcquisitionService as TagService
from penstock.concurrency.v1.services import ConcurrencySlotAcquisitionServiceError
from penstock.exceptions import ObjectAlreadyExists, ObjectNotFound, PenstockHTTPStatusError


@pytest.fixture
def client():
    with get_client(sync_client=True) as made:
        yield made


def name_of(word):
    return f"{word}-{uuid4().hex[:8]}"


def test_a_client_makes_reads_changes_and_deletes_limits(client):
    name = name_of("db")
    made = client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=3))
    with pytest.raises(ObjectAlreadyExists):
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=3))
    client.update_global_concurrency_limit(name, GlobalConcurrencyLimitUpdate(active=False))
    client.upsert_global_concurrency_limit_by_name(name, 5)
    read = client.read_global_concurrency_limit_by_name(name)
    assert (read.id, read.limit, read.active, read.active_slots) == (made, 5, False, 0)
    assert read in client.read_global_concurrency_limits(limit=200)
    client.delete_global_concurrency_limit_by_name(name)
    with pytest.raises(ObjectNotFound):
        client.read_global_concurrency_limit_by_name(name)
    client.upsert_global_concurrency_limit_by_name(name, 2)
    assert client.read_global_concurrency_limit_by_name(name).limit == 2


def test_a_client_takes_slots_with_and_without_a_lease(client, limit):
    db, holder = limit(2), ConcurrencyLeaseHolder(type="deployment", id=uuid4())
    client.increment_concurrency_slots([db.name], 1, "concurrency")
    answer = client.increment_concurrency_slots_with_lease([db.name], 1, "concurrency", 60, holder)
    with pytest.raises(PenstockHTTPStatusError) as refused:
        client.increment_concurrency_slots([db.name], 1, "concurrency")
    assert refused.value.response.status_code == 423
    lease = answer.json()["lease_id"]
    client.renew_concurrency_lease(lease, 120)
    client.release_concurrency_slots_with_lease(lease)
    client.release_concurrency_slots([db.name], 1, 0.5)
    assert db.taken == 0
    with pytest.raises(PenstockHTTPStatusError) as gone:
        client.renew_concurrency_lease(lease, 120)
    assert gone.value.response.status_code == 410


def test_a_client_sets_and_resets_limits_of_tags(client):
    tag, run = name_of("tag"), uuid4()
    made = client.create_concurrency_limit(tag=tag, concurrency_limit=1)
    client.increment_v1_concurrency_slots([tag], run)
    read = client.read_concurrency_limit_by_tag(tag)
    assert (type(read), read.id, read.active_slots) == (ConcurrencyLimit, made, [run])
    assert read in client.read_concurrency_limits(limit=200, offset=0)
    client.decrement_v1_concurrency_slots([tag], run, 1.0)
    client.reset_concurrency_limit_by_tag(tag, slot_override=[run])
    assert client.read_concurrency_limit_by_tag(tag).active_slots == [run]
    client.delete_concurrency_limit_by_tag(tag)
    with pytest.raises(ObjectNotFound):
        client.read_concurrency_limit_by_tag(tag)


def test_services_try_until_there_are_slots(limit):
    db = limit(1)

    async def main():
        service = ConcurrencySlotAcquisitionWithLeaseService.instance(frozenset({db.name}))
        first = await service.acquire(1, "concurrency")
        waiting = asyncio.create_task(service.acquire(1, "concurrency", timeout_seconds=30))
        await asyncio.sleep(0)
        async with get_client() as client:
            await client.release_concurrency_slots_with_lease(first.json()["lease_id"])
        return (await waiting).json()["limits"][0]["name"]

    assert asyncio.run(main()) == db.name


@pytest.mark.parametrize(
    ("patience", "error"),
    [
        ({"timeout_seconds": 0.2}, AcquireConcurrencySlotTimeoutError),
        ({"max_retries": 0}, ConcurrencySlotAcquisitionError),
    ],
)
def test_services_give_up(limit, patience, error):
    db = limit(1)
    with concurrency(db.name), pytest.raises(error, match=db.name):
        asyncio.run(ConcurrencySlotAcquisitionService({db.name}).acquire(1, "concurrency", **patience))


def test_a_strict_service_refuses_what_does_not_exist(limit):
    db = limit(1)
    service = ConcurrencySlotAcquisitionWithLeaseService(frozenset({db.name, "nowhere"}))
    with pytest.raises(ConcurrencySlotAcquisitionError, match="nowhere"):
        asyncio.run(service.acquire(1, "concurrency", strict=True))
    assert db.taken == 0


def test_v1_holds_slots_of_tags_for_a_task_run(client):
    tag, run = name_of("tag"), uuid4()
    client.create_concurrency_limit(tag, 1)
    with v1_sync.concurrency(tag, run):
        assert client.read_concurrency_limit_by_tag(tag).active_slots == [run]
        with pytest.raises(TimeoutError), v1_sync.concurrency([tag], uuid4(), timeout_seconds=0.05):
            raise AssertionError("not reached")

    @task
    async def work():
        async with v1_asyncio.concurrency(tag):
            return (await asyncio.to_thread(client.read_concurrency_limit_by_tag, tag)).active_slots

    async def main():
        return await work(return_state=True)

    state = asyncio.run(main())
    assert state.result() == [state.state_details.task_run_id]
    assert client.read_concurrency_limit_by_tag(tag).active_slots == []


def test_the_v1_service_takes_slots_or_says_why_it_never_will(client):
    tag, run = name_of("tag"), uuid4()
    client.create_concurrency_limit(tag, 1)
    asyncio.run(TagService({tag}).acquire(run))
    assert client.read_concurrency_limit_by_tag(tag).active_slots == [run]
    with pytest.raises(TimeoutError):
        asyncio.run(TagService({tag}).acquire(uuid4(), timeout_seconds=0.1))
    client.create_concurrency_limit(tag, 0)
    with pytest.raises(ConcurrencySlotAcquisitionServiceError, match="but it has 0"):
        asyncio.run(TagService({tag}).acquire(uuid4()))
