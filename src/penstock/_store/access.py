"""What a request must bring beside its address: the token of the store, or the user's name and password, and for
browsers a CSRF token. Reference page: advanced/security-settings.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from penstock.settings import get_current_settings

Headers = Mapping[bytes, bytes]

_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_NAMES = (b"prefect-csrf-", b"penstock-csrf-")


@dataclass(slots=True)
class Csrf:
    """CSRF tokens, one a client. They are forgotten with the process: clients ask for a new one.

    Args:
        lifetime: seconds a token holds.
        clock: seconds that only go forward.
    """

    lifetime: float = 3600.0
    clock: Callable[[], float] = time.monotonic
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    def issue(self, client: str) -> str:
        """Return a new token of a client; the one before holds no more. Outdated ones are thrown away."""
        now = self.clock()
        self._tokens = {name: kept for name, kept in self._tokens.items() if kept[1] > now}
        token = secrets.token_hex(32)
        self._tokens[client] = (token, now + self.lifetime)
        return token

    def refusal(self, headers: Headers) -> str | None:
        """Say why a request that changes something is refused; None when it is not."""
        token, client = _header(headers, b"token"), _header(headers, b"client")
        if not token:
            return "Missing CSRF token."
        if not client:
            return "Missing client identifier."
        kept, until = self._tokens.get(client, ("", 0.0))
        if not kept or until <= self.clock() or not hmac.compare_digest(kept.encode(), token.encode()):
            return "Invalid CSRF token or client identifier."
        return None


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask.

    Args:
        token: the store's own, for processes that can read the workspace.
        auth_string: ``user:password`` for everybody else; None when only the token opens.
        csrf: set when browsers must bring CSRF tokens.
    """

    token: str
    auth_string: str | None = None
    csrf: Csrf | None = None

    def is_known(self, authorization: bytes) -> bool:
        """True when an Authorization header opens; compared in constant time."""
        known = hmac.compare_digest(authorization, f"Bearer {self.token}".encode())
        if self.auth_string is not None:
            basic = b"Basic " + base64.b64encode(self.auth_string.encode())
            known |= hmac.compare_digest(authorization, basic)
        return known

    def is_secret(self, text: str) -> bool:
        """True when a websocket's first message opens: the token or ``user:password`` as it is."""
        given = text.encode("utf-8", "replace")
        known = hmac.compare_digest(given, self.token.encode())
        if self.auth_string is not None:
            known |= hmac.compare_digest(given, self.auth_string.encode())
        return known

    def csrf_refusal(self, method: str, path: str, headers: Headers, *, over_tcp: bool) -> str | None:
        """Say why a request is refused for want of a CSRF token; no browser reaches a Unix socket."""
        if self.csrf is None or not over_tcp or method not in _CHANGING or not path.startswith("/api/"):
            return None
        return self.csrf.refusal(headers)


def access_of_settings(token: str) -> Access:
    """Return what the settings of this process ask for, beside the token."""
    settings = get_current_settings()
    csrf = None
    if settings.server_api_csrf_protection_enabled:
        csrf = Csrf(_seconds(settings.server_api_csrf_token_expiration))
    return Access(token, plain_secret(settings.server_api_auth_string), csrf)


def plain_secret(value: Any) -> str | None:
    """Return the text of a setting that may be wrapped as a secret; None when it is not set."""
    text = value.get_secret_value() if hasattr(value, "get_secret_value") else value
    return str(text) if text else None


def _seconds(value: Any) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


def _header(headers: Headers, name: bytes) -> str | None:
    for prefix in _NAMES:
        if (value := headers.get(prefix + name)) is not None:
            return value.decode("latin-1")
    return None
