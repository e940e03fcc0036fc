"""What can be set on the serving side; the same kind of rows as in `_table`. Reference page: api-ref/settings-ref.

Without the settings of an SQL database, of a message broker and of the vendor's cloud: there is none here.
"""

from __future__ import annotations

from datetime import timedelta

from penstock.settings._kinds import (
    BOOL,
    COUNT,
    DURATION,
    INT,
    LEVEL,
    PATH,
    SECONDS,
    SECRET,
    TEXT,
    Kind,
    number,
)
from penstock.settings._table import Row, row


def _service(name: str, about: str, loop: float | None, *more: tuple[str, Kind, object, str]) -> list[Row]:
    """Rows of one background service; each has its old name below `API_SERVICES_` as well."""
    settings: list[tuple[str, Kind, object, str]] = [("enabled", BOOL, True, f"{about}.")]
    if loop is not None:
        settings.append(("loop_seconds", SECONDS, loop, "Seconds between its rounds."))
    return [
        row(
            f"server.services.{name}.{key}",
            kind,
            default,
            text,
            f"API_SERVICES_{name}_{key}".upper(),
            idle=True,
        )
        for key, kind, default, text in (*settings, *more)
    ]


def _event(
    name: str, kind: Kind, default: object, about: str, old: str | None = None, *, idle: bool = True
) -> Row:
    aliases = (old,) if old else (f"EVENTS_{name}".upper(),)
    return row(f"server.events.{name}", kind, default, about, *aliases, idle=idle)


SERVER_ROWS: tuple[Row, ...] = (
    row(
        "server.logging_level",
        LEVEL,
        "WARNING",
        "Level of the server's loggers.",
        "LOGGING_SERVER_LEVEL",
        idle=True,
    ),
    row("server.analytics_enabled", BOOL, False, "Send usage statistics; never done here.", idle=True),
    row("server.metrics_enabled", BOOL, False, "Serve metrics.", "API_ENABLE_METRICS", idle=True),
    row(
        "server.log_retryable_errors",
        BOOL,
        False,
        "Log errors that are tried again.",
        "API_LOG_RETRYABLE_ERRORS",
        idle=True,
    ),
    row(
        "server.register_blocks_on_start",
        BOOL,
        True,
        "Register block types at the start.",
        "API_BLOCKS_REGISTER_ON_START",
        idle=True,
    ),
    row(
        "server.memoize_block_auto_registration",
        BOOL,
        True,
        "Remember which block types are registered.",
        "MEMOIZE_BLOCK_AUTO_REGISTRATION",
        idle=True,
    ),
    row(
        "server.memo_store_path",
        PATH,
        "$PENSTOCK_HOME/memo_store.toml",
        "Where that is remembered.",
        "MEMO_STORE_PATH",
        derived=lambda settings: settings.home / "memo_store.toml",
        idle=True,
    ),
    row(
        "server.deployment_schedule_max_scheduled_runs",
        COUNT,
        50,
        "Most runs scheduled for a deployment.",
        "DEPLOYMENT_SCHEDULE_MAX_SCHEDULED_RUNS",
        idle=True,
    ),
    row("server.api.auth_string", SECRET, None, "`user:password` clients must send."),
    row("server.api.host", TEXT, "127.0.0.1", "Where `penstock server start` listens."),
    row("server.api.port", INT, 4200, "The TCP port of `penstock server start`."),
    row("server.api.base_path", TEXT, None, "What paths start with.", idle=True),
    row("server.api.default_limit", COUNT, 200, "Most rows of one answer.", "API_DEFAULT_LIMIT", idle=True),
    row("server.api.keepalive_timeout", COUNT, 5, "Seconds idle connections are kept.", idle=True),
    row(
        "server.api.csrf_protection_enabled",
        BOOL,
        False,
        "Ask for CSRF tokens.",
        "SERVER_CSRF_PROTECTION_ENABLED",
    ),
    row(
        "server.api.csrf_token_expiration",
        DURATION,
        timedelta(hours=1),
        "How long CSRF tokens hold.",
        "SERVER_CSRF_TOKEN_EXPIRATION",
    ),
    row(
        "server.api.cors_allowed_origins",
        TEXT,
        "*",
        "Origins of browsers.",
        "SERVER_CORS_ALLOWED_ORIGINS",
        idle=True,
    ),
    row(
        "server.api.cors_allowed_methods",
        TEXT,
        "*",
        "Methods of browsers.",
        "SERVER_CORS_ALLOWED_METHODS",
        idle=True,
    ),
    row(
        "server.api.cors_allowed_headers",
        TEXT,
        "*",
        "Headers of browsers.",
        "SERVER_CORS_ALLOWED_HEADERS",
        idle=True,
    ),
    row(
        "server.concurrency.initial_deployment_lease_duration",
        number(30.0, 3600.0),
        300.0,
        "Seconds a deployment's slot is first leased for.",
        idle=True,
    ),
    row(
        "server.concurrency.maximum_concurrency_slot_wait_seconds",
        SECONDS,
        30.0,
        "Most seconds between tries for a slot.",
    ),
    row(
        "server.deployments.concurrency_slot_wait_seconds",
        SECONDS,
        30.0,
        "Seconds between a run's tries for its deployment's slot.",
        "DEPLOYMENT_CONCURRENCY_SLOT_WAIT_SECONDS",
        idle=True,
    ),
    row(
        "server.ephemeral.enabled",
        BOOL,
        False,
        "Start a store when none runs. The stock profile `ephemeral` says yes; Penstock always does.",
        "SERVER_ALLOW_EPHEMERAL_MODE",
        idle=True,
    ),
    row(
        "server.ephemeral.startup_timeout_seconds",
        COUNT,
        20,
        "Seconds `prefect_test_harness(server_startup_timeout=None)` waits for a store.",
    ),
    _event(
        "stream_out_enabled",
        BOOL,
        True,
        "Stream events to clients.",
        "API_EVENTS_STREAM_OUT_ENABLED",
        idle=False,
    ),
    _event(
        "related_resource_cache_ttl",
        DURATION,
        timedelta(minutes=5),
        "How long related resources are remembered.",
        "API_EVENTS_RELATED_RESOURCE_CACHE_TTL",
    ),
    _event("maximum_labels_per_resource", COUNT, 500, "Most labels of a resource."),
    _event("maximum_related_resources", COUNT, 100, "Most related resources of an event."),
    _event("maximum_size_bytes", COUNT, 1_500_000, "Most bytes of an event."),
    _event("expired_bucket_buffer", DURATION, timedelta(minutes=1), "How long expired buckets are kept."),
    _event(
        "proactive_granularity", DURATION, timedelta(seconds=5), "How often proactive triggers are looked at."
    ),
    _event("retention_period", DURATION, timedelta(days=7), "How long events are kept."),
    _event("maximum_websocket_backfill", DURATION, timedelta(minutes=15), "How far back a stream begins."),
    _event("websocket_backfill_page_size", COUNT, 250, "Events of a page of that."),
    row(
        "server.events.maximum_event_name_length",
        COUNT,
        1024,
        "Most characters of an event's name.",
        idle=True,
    ),
    row(
        "server.flow_run_graph.max_nodes",
        COUNT,
        10_000,
        "Most nodes of a graph.",
        "API_MAX_FLOW_RUN_GRAPH_NODES",
        idle=True,
    ),
    row(
        "server.flow_run_graph.max_artifacts",
        COUNT,
        10_000,
        "Most artifacts of a graph.",
        "API_MAX_FLOW_RUN_GRAPH_ARTIFACTS",
        idle=True,
    ),
    row("server.logs.stream_out_enabled", BOOL, False, "Stream logs to clients."),
    row("server.logs.stream_publishing_enabled", BOOL, False, "Publish logs for streams.", idle=True),
    *_service("cancellation_cleanup", "Cancel what a cancelled run left", 20),
    *_service(
        "late_runs",
        "Mark runs that have not begun in time",
        5,
        ("after_seconds", DURATION, timedelta(seconds=15), "How late that is."),
    ),
    *_service("pause_expirations", "Fail runs whose pause has expired", 5),
    *_service("repossessor", "Take back slots whose holders are gone", 15),
    *_service(
        "scheduler",
        "Create the runs of schedules",
        60,
        ("deployment_batch_size", COUNT, 100, "Deployments of a round."),
        ("max_runs", COUNT, 100, "Most runs ahead."),
        ("min_runs", COUNT, 3, "Fewest runs ahead."),
        ("max_scheduled_time", DURATION, timedelta(days=100), "How far ahead at most."),
        ("min_scheduled_time", DURATION, timedelta(hours=1), "How far ahead at least."),
        ("insert_batch_size", COUNT, 500, "Runs created at once."),
        ("recent_deployments_loop_seconds", SECONDS, 5, "Seconds between rounds for new deployments."),
    ),
    *_service(
        "foreman",
        "Mark workers that went away",
        15,
        ("inactivity_heartbeat_multiple", COUNT, 3, "Missed heartbeats before that."),
        ("fallback_heartbeat_interval_seconds", COUNT, 30, "Seconds between heartbeats nobody named."),
        ("deployment_last_polled_timeout_seconds", COUNT, 60, "Seconds before a deployment is not ready."),
        ("work_queue_last_polled_timeout_seconds", COUNT, 60, "Seconds before a queue is not ready."),
    ),
    *_service("triggers", "Act on events", None),
    row(
        "server.tasks.tag_concurrency_slot_wait_seconds",
        SECONDS,
        30.0,
        "Seconds between a task run's tries for a slot of its tags.",
        "TASK_RUN_TAG_CONCURRENCY_SLOT_WAIT_SECONDS",
    ),
    row(
        "server.tasks.max_cache_key_length",
        COUNT,
        2000,
        "Longest cache key.",
        "API_TASK_CACHE_KEY_MAX_LENGTH",
        idle=True,
    ),
    row(
        "server.tasks.scheduling.max_scheduled_queue_size",
        COUNT,
        1000,
        "Most delayed tasks that wait.",
        "TASK_SCHEDULING_MAX_SCHEDULED_QUEUE_SIZE",
        idle=True,
    ),
    row(
        "server.tasks.scheduling.max_retry_queue_size",
        COUNT,
        100,
        "Most delayed tasks that wait for a retry.",
        "TASK_SCHEDULING_MAX_RETRY_QUEUE_SIZE",
        idle=True,
    ),
    row(
        "server.tasks.scheduling.pending_task_timeout",
        DURATION,
        timedelta(0),
        "How long a delayed task may be pending.",
        "TASK_SCHEDULING_PENDING_TASK_TIMEOUT",
        idle=True,
    ),
    row("server.ui.enabled", BOOL, True, "Serve pages for people.", "UI_ENABLED", idle=True),
    row("server.ui.api_url", TEXT, None, "The address these pages ask.", "UI_API_URL", idle=True),
    row("server.ui.serve_base", TEXT, "/", "Where these pages are.", "UI_SERVE_BASE", idle=True),
    row("server.ui.static_directory", TEXT, None, "Where their files are.", "UI_STATIC_DIRECTORY", idle=True),
)
