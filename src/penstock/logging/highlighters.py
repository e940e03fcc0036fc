"""What is marked on a terminal. Reference page: api-ref/python/prefect-logging-highlighters."""

from penstock._engine.log_styles import LevelHighlighter as LevelHighlighter
from penstock._engine.log_styles import NameHighlighter as NameHighlighter
from penstock._engine.log_styles import PenstockConsoleHighlighter as PenstockConsoleHighlighter
from penstock._engine.log_styles import StateHighlighter as StateHighlighter
from penstock._engine.log_styles import UrlHighlighter as UrlHighlighter

PrefectConsoleHighlighter = PenstockConsoleHighlighter

__all__ = [
    "LevelHighlighter",
    "NameHighlighter",
    "PenstockConsoleHighlighter",
    "PrefectConsoleHighlighter",
    "StateHighlighter",
    "UrlHighlighter",
]
