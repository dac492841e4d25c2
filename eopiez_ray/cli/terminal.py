"""Writing to the terminal: figures, sentences, and where the engine's own log goes.

Names, errors and log lines come from anywhere, so only this module's consoles write for people: a control character
in any text is shown escaped and never reaches the terminal as such.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import sys
import traceback
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO, cast

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from ..home import make_file, make_folder
from ..model.names import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import ConsoleOptions, RenderableType
    from rich.segment import Segment

    from ..model.status import StepStatus, WorkflowStatus

LOG_BYTES = 5_000_000
"""Size at which the log is rotated; one older log is kept."""
FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"
COLOURS = {
    "running": "cyan",
    "queued": "blue",
    "waiting": "bright_black",
    "pausing": "yellow",
    "paused": "yellow",
    "succeeded": "green",
    "failed": "red",
    "cancelling": "magenta",
    "cancelled": "magenta",
    "quarantined": "red",
}
UNBOUNDED = 100_000
"""Width where there is no terminal and none was given: lines are not wrapped there."""
_PIECES = re.compile(r"[^\n\t]+")
"""Text between line ends and tabs."""
_BEYOND_JSON = re.compile(r"[\x7f-\x9f\ud800-\udfff]")
"""Characters that must not reach a terminal and that ``json`` does not escape."""


_debugging = ContextVar("eopiez_debugging", default=False)
_claimed: list[TextIO] = []
"""Standard output, while ``results_only`` keeps other writers away from it."""


@contextmanager
def results_only() -> Iterator[None]:
    """Reserve standard output for results inside the block; what libraries print there goes to the log."""
    log = cast("TextIO", _LogWriter())
    _claimed.append(sys.stdout)
    try:
        with redirect_stdout(log):
            yield
    finally:
        _claimed.pop()


class _LogWriter(io.TextIOBase):
    """Turns what is printed into log lines."""

    def write(self, text: str) -> int:
        if text.strip():
            logging.getLogger("stdout").warning(text.rstrip())
        return len(text)


def _stdout() -> TextIO:
    return _claimed[0] if _claimed else sys.stdout


def escaped(text: str) -> str:
    """The text with control characters escaped; line ends and tabs stay."""
    return text if text.isprintable() else _PIECES.sub(lambda piece: shown(piece[0]), text)


def one_line(text: str) -> str:
    """The text on one line, with control characters escaped."""
    return shown(text)


class Screen(Console):
    """A console that shows control characters instead of sending them."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(escaped(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """The same guard for texts that are already styled, which bypass ``render_str``."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=escaped(segment.text))


def out() -> Screen:
    """Standard output, for results."""
    return _screen(_stdout())


def err() -> Screen:
    """Standard error, for everything but results."""
    return _screen(sys.stderr)


def _screen(file: TextIO) -> Screen:
    is_terminal = file.isatty()
    width = None if is_terminal or os.environ.get("COLUMNS", "").isdecimal() else UNBOUNDED
    return Screen(file=file, highlight=False, soft_wrap=not is_terminal, width=width, emoji=False)


def complain(sentence: str) -> None:
    """Print what went wrong."""
    err().print(f"[bold red]eopiez:[/] {escape(sentence)}")


def print_traceback(error: BaseException) -> None:
    """Print where an error was raised."""
    err().print("".join(traceback.format_exception(error)), markup=False, end="")


def print_data(text: str) -> None:
    """Print a user's text exactly as it is, or escaped on a terminal."""
    file = _stdout()
    file.write((escaped(text) if file.isatty() else text) + "\n")


def print_json(value: Any) -> None:
    """Print one JSON object on one line of standard output."""
    _stdout().write(json_line(value))
    _stdout().flush()


def json_line(value: Any) -> str:
    """One JSON object on one line, safe for terminals and in any encoding."""
    text = json.dumps(value, ensure_ascii=False, default=_plain)
    return _BEYOND_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def coloured(status: WorkflowStatus | StepStatus) -> Text:
    """A status in its colour."""
    return Text(status.value, style=COLOURS.get(status.value, ""))


def duration(seconds: float | None) -> str:
    """A duration, for people."""
    if seconds is None:
        return "–"
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def size(number: float) -> str:
    """A number of bytes in powers of ten."""
    power = 0
    while number >= 999.5 * 1000**power and power < 5:
        power += 1
    return f"{number / 1000**power:.3g} {('B', 'kB', 'MB', 'GB', 'TB', 'PB')[power]}"


def counted(number: float, noun: str, plural: str = "") -> str:
    """A number with its noun."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def ago(time: datetime | None) -> str:
    """How long ago that was."""
    if time is None:
        return "–"
    seconds = (datetime.now(UTC) - time).total_seconds()
    for name, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {name} ago"
    return f"{max(0.0, seconds):.0f} s ago"


def moment(at: datetime) -> str:
    """Local date and time, to the second."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def is_debugging() -> bool:
    """Whether ``--debug`` was given."""
    return _debugging.get()


def set_debugging(wanted: bool) -> None:
    """Remember whether ``--debug`` was given."""
    _debugging.set(wanted)


def keep_log(home: Path) -> None:
    """Send the engine's log to a file under the data home, or to standard error while debugging."""
    level = logging.DEBUG if is_debugging() else logging.INFO
    handler = logging.StreamHandler(sys.stderr) if is_debugging() else _log_file(home)
    handler.setFormatter(_Form(FORM))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("eopiez_ray").setLevel(level)
    # Ray gives its loggers handlers of their own when it is imported; a filter comes before them.
    logging.getLogger("ray._private.worker").addFilter(_divert)


def log_aloud() -> None:
    """Send the log to standard error, one line per event, for a process that has nothing else to show."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Form(FORM))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


class _Form(logging.Formatter):
    """Formats log lines so that no text in them can control a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return escaped(super().format(record))


def _divert(record: logging.LogRecord) -> bool:
    """Pass a record to the log only."""
    logging.getLogger().handle(record)
    return False


def _log_file(home: Path) -> logging.Handler:
    """Opened on the first record, so that nothing stays open where the host has its own handlers."""
    folder = home.expanduser().absolute() / "logs"
    path = make_folder(folder) / "eopiez.log"
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    make_file(path)  # Raises right away if it cannot be written.
    return logging.FileHandler(path, encoding="utf-8", delay=True)
