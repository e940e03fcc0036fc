"""Settings, read from the environment when they are asked for.

Reference page: concepts/settings-and-profiles. Every setting has one environment variable, the path in capitals
with `PENSTOCK_` in front. Files and profiles come later; see `docs/compatibility.md`.
"""

from penstock.settings._model import Settings as Settings
from penstock.settings._model import get_current_settings as get_current_settings
from penstock.settings._model import temporary_settings as temporary_settings

__all__ = ["Settings", "get_current_settings", "temporary_settings"]
