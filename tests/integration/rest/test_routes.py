"""The routes that the reference documents for what the store has, each with the status of its success."""

from __future__ import annotations

from penstock._store.routes.rest import table

DOCUMENTED = """
GET /health 200, GET /ready 200, GET /hello 200, GET /version 200, GET /csrf-token 200, GET /admin/settings 200
GET /admin/version 200, GET /collections/views/{view} 200
POST /flows/ 201, PATCH /flows/{id} 204, POST /flows/count 200, GET /flows/name/{name} 200, GET /flows/{id} 200
POST /flows/filter 200, POST /flows/paginate 200, DELETE /flows/{id} 204, POST /flows/bulk_delete 200
POST /flow_runs/ 201, PATCH /flow_runs/{id} 204, POST /flow_runs/count 200, POST /flow_runs/lateness 200
POST /flow_runs/history 200, GET /flow_runs/{id} 200, GET /flow_runs/{id}/graph 200, GET /flow_runs/{id}/graph-v2 200
POST /flow_runs/{id}/resume 201, POST /flow_runs/filter 200, POST /flow_runs/paginate 200, DELETE /flow_runs/{id} 204
POST /flow_runs/{id}/set_state 201, POST /flow_runs/{id}/input 201, POST /flow_runs/{id}/input/filter 200
GET /flow_runs/{id}/input/{key} 200, DELETE /flow_runs/{id}/input/{key} 204, GET /flow_runs/{id}/logs/download 200
PATCH /flow_runs/{id}/labels 204, POST /flow_runs/bulk_delete 200, POST /flow_runs/bulk_set_state 200
GET /flow_run_states/{id} 200, GET /flow_run_states/ 200
POST /task_runs/ 201, PATCH /task_runs/{id} 204, POST /task_runs/count 200, POST /task_runs/history 200
GET /task_runs/{id} 200, POST /task_runs/filter 200, POST /task_runs/paginate 200, DELETE /task_runs/{id} 204
POST /task_runs/{id}/set_state 201, GET /task_run_states/{id} 200, GET /task_run_states/ 200
POST /events 204, POST /events/filter 200, GET /events/filter/next 200, POST /events/count-by/{countable} 200
POST /artifacts/ 201, GET /artifacts/{id} 200, GET /artifacts/{key}/latest 200, POST /artifacts/filter 200
POST /artifacts/latest/filter 200, POST /artifacts/count 200, POST /artifacts/latest/count 200
PATCH /artifacts/{id} 204, DELETE /artifacts/{id} 204
POST /variables/ 201, GET /variables/{id} 200, PATCH /variables/{id} 204, DELETE /variables/{id} 204
GET /variables/name/{name} 200, PATCH /variables/name/{name} 204, DELETE /variables/name/{name} 204
POST /variables/filter 200, POST /variables/count 200
POST /logs/ 201, POST /logs/filter 200
PUT /saved_searches/ 201, GET /saved_searches/{id} 200, DELETE /saved_searches/{id} 204
POST /saved_searches/filter 200
POST /work_pools/ 201, GET /work_pools/{name} 200, POST /work_pools/filter 200, POST /work_pools/count 200
PATCH /work_pools/{name} 204, DELETE /work_pools/{name} 204, POST /work_pools/{name}/get_scheduled_flow_runs 200
POST /work_pools/{pool}/queues 201, GET /work_pools/{pool}/queues/{name} 200, POST /work_pools/{pool}/queues/filter 200
PATCH /work_pools/{pool}/queues/{name} 204, DELETE /work_pools/{pool}/queues/{name} 204
POST /work_pools/{pool}/workers/heartbeat 204, POST /work_pools/{pool}/workers/filter 200
DELETE /work_pools/{pool}/workers/{name} 204
POST /ui/flow_runs/history 200, POST /ui/flow_runs/count-task-runs 200, POST /ui/flows/next-runs 200
POST /ui/schemas/validate 200, POST /ui/task_runs/dashboard/counts 200, POST /ui/task_runs/count 200
GET /ui/task_runs/{id} 200
"""


def test_every_documented_route_is_there_with_its_status():
    wanted = {tuple(one.split()) for line in DOCUMENTED.split("\n") for one in line.split(",") if one.strip()}
    served = {(route.method, route.path, str(route.status)) for route in table()}
    assert len(wanted) > 75
    assert wanted - served == set()
