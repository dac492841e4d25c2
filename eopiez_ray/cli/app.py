"""``eopiez``: the commands, and what happens to their errors."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from .. import __version__
from ..errors import EopiezError
from . import (
    alerts,
    archive,
    audit,
    backup,
    cancel,
    chaos,
    clean,
    config,
    context,
    costs,
    demo,
    doctor,
    down,
    encrypt,
    erase,
    events,
    export,
    failures,
    import_,
    job,
    limits,
    login,
    logout,
    logs,
    orchestrate,
    pause,
    performance,
    phases,
    plan,
    rejects,
    resume,
    retention,
    retry,
    run,
    search,
    show,
    start,
    status,
    tasks,
    top,
    up,
    update,
    upgrade,
    users,
    weigh,
)
from . import list as list_workflows
from .streams import discard_output, flushed, is_of_output, open_streams
from .system import choose_system
from .terminal import complain, is_debugging, print_traceback, set_debugging
from .watch import INTERRUPTED

UNFORESEEN = 70
"""Exit code for an unexpected error (EX_SOFTWARE)."""
UNWRITTEN = 74
"""Exit code if standard output takes no more (EX_IOERR)."""


class _Group(TyperGroup):
    """Commands whose errors become one sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except EopiezError as error:
            raise _told(error, str(error), error.exit_code) from error
        except (KeyboardInterrupt, EOFError) as error:
            raise _told(error, "interrupted", INTERRUPTED) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            if not is_of_output(error):
                raise _told(error, _unforeseen(error), UNFORESEEN) from error
            discard_output()
            raise _told(error, _unwritten(error), UNWRITTEN) from error
        except Exception as error:  # The outermost guard.
            if type(error).__module__.startswith(("click", "typer")):
                raise
            raise _told(error, _unforeseen(error), UNFORESEEN) from error


def _unwritten(error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    return f"the output cannot be written: {reason}; see where standard output leads, and run the command again"


def _unforeseen(error: Exception) -> str:
    """What to say of an error that is none of ours."""
    if isinstance(error, ModuleNotFoundError) and find_spec("eopiez_ray.engine") is None:
        return (
            f"this needs {error.name}, and only the client is installed here; it works on a system elsewhere "
            "(`eopiez login URL`), or with eopiez-ray installed in place of eopiez-client"
        )
    return f"unexpected {type(error).__name__}: {error}; run `eopiez --debug …` for a traceback, and report it"


def _told(error: BaseException, sentence: str, code: int) -> typer.Exit:
    """Print what went wrong, and give the exit that ends the command."""
    complain(sentence)
    if is_debugging():
        print_traceback(error)
    return typer.Exit(code)


app = typer.Typer(
    name="eopiez",
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Start with **eopiez demo**, then try **eopiez run FOLDER**. Everything lives under one data "
    "home: **EOPIEZ_HOME**, your user data folder by default.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"eopiez {__version__}")
        raise typer.Exit


@app.callback()
def eopiez(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", envvar="EOPIEZ_DEBUG", help="Show tracebacks, and the engine's log on stderr."),
    ] = False,
    on: Annotated[
        str | None,
        typer.Option(
            "--context", metavar="NAME", help="Work on this system, instead of the current one.", show_default=False
        ),
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Work on this machine's own system, whatever context is current.")
    ] = False,
) -> None:
    """Find motifs, themes and structure in a collection of texts, and pack it into a small archive.

    Runs are durable: whatever stops one, **eopiez resume** picks it up where it left off.
    """
    set_debugging(debug)
    choose_system(on, is_local=local)


COMMANDS = (
    demo, run, start, list_workflows, show, logs, pause, resume, retry, cancel, failures, tasks, rejects, events,
    phases, update, performance, costs, top, limits, weigh, orchestrate, job, up, status, down, doctor, config,
    upgrade, backup, export, import_, alerts, users, audit, encrypt, erase, retention, login, logout, context,
    search, archive, chaos, clean, plan,
)  # fmt: skip
"""In the order of ``eopiez --help``."""
for command in COMMANDS:
    command.register(app)


def main() -> None:
    """Run the command line."""
    open_streams()
    try:
        app(prog_name="eopiez")
    except OSError as error:  # Of the help, say, which is no command.
        if not is_of_output(error):
            raise
        discard_output()
        _leave_unwritten(error)
    finally:
        if (unwritten := flushed()) is not None:
            _leave_unwritten(unwritten)


def _leave_unwritten(error: OSError) -> NoReturn:
    complain(_unwritten(error))
    sys.exit(UNWRITTEN)
