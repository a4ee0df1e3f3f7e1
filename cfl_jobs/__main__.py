"""The error boundary: runs the command line and turns what went wrong into an exit code.

Exit codes: 0 done, 1 an error the user can put right, 2 wrong usage (or "there are changes" where
a command says so), 3 a bug in cfl-jobs, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit, without waiting for a thread that waits for a server."""
    is_interrupted = False
    try:
        from cfl_jobs.terminal.streams import wants_colour

        if not wants_colour(os.environ):
            os.environ["NO_COLOR"] = "1"  # which all that draws knows: see no-color.org
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # a second one, or one that came very early
        code = INTERRUPTED
        is_interrupted = True
    import signal
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # what follows is quick, and ends us anyway
    if is_interrupted:
        _complain("Interrupted.")
    others = set(threading.enumerate()) - {threading.main_thread()}
    if any(not thread.daemon for thread in others):
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; nothing is raised but a second Ctrl-C."""
    import click

    from cfl_jobs.cli import cli
    from cfl_jobs.interrupts import interrupting
    from cfl_jobs.terminal.streams import prepare_streams, wants_colour

    prepare_streams()
    if "_CFL_JOBS_COMPLETE" in os.environ:
        import cfl_jobs.commands.completion  # noqa: F401 - it tells click how words are quoted

        if os.environ["_CFL_JOBS_COMPLETE"].endswith("_complete"):  # nobody's line is broken
            sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    color = None if wants_colour(os.environ) else False
    try:
        with interrupting():  # what is half done is cleaned up, whatever the signal
            code = cli.main(arguments, prog_name="cfl-jobs", standalone_mode=False, color=color)
        return int(code or 0)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        if isinstance(error, click.NoSuchOption):
            from cfl_jobs.errors import nearest

            # Only what is like it without the dashes, which click counts as letters.
            name, known = error.option_name.lstrip("-"), error.possibilities or ()
            near = [option for option in known if nearest(name, [option.lstrip("-")])]
            error = type(error)(error.option_name, possibilities=near, ctx=error.ctx)
        with suppress(OSError):
            error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.exceptions.Abort):
        _complain("Interrupted.")
        return INTERRUPTED
    except Exception as error:
        return _tell(error)


def _tell(error: Exception) -> int:
    """Say what went wrong and return the exit code. What words it is imported only here."""
    from cfl_jobs.errors import CflJobsError, Declined, DefinitionError
    from cfl_jobs.planning.visible import make_visible
    from cfl_jobs.terminal.streams import is_broken_stream, silence_output

    if isinstance(error, Declined):
        try:
            print(error.message, flush=True)
        except (OSError, ValueError):  # nobody reads it
            silence_output()
        return 0
    if isinstance(error, OSError) and error.filename is not None:  # no stage expected it
        where = f"{error.filename}: {error.strerror}"
        error = CflJobsError(where, advice="Put that right, then run it again.")
    if isinstance(error, CflJobsError):
        # Findings begin with their place, as editors and terminals know it.
        begin = "" if isinstance(error, DefinitionError) else "Error: "
        _complain(make_visible(f"{begin}{error}"))
        return 1
    if isinstance(error, OSError) and is_broken_stream(error):
        silence_output()
        if not isinstance(error, BrokenPipeError):  # there the reader has seen enough
            _complain(f"Error: the output can't be written: {error.strerror}")
        return 1
    _report_bug(error)
    return 3


def _report_bug(error: Exception) -> None:
    import traceback

    if os.environ.get("CFL_JOBS_DEBUG"):
        _complain("".join(traceback.format_exception(error)))
        return
    frame = traceback.extract_tb(error.__traceback__)[-1]
    kind = type(error).__name__
    _complain(f"Bug in cfl-jobs: {kind} at {frame.name}, line {frame.lineno}.")
    _complain("Run it again with CFL_JOBS_DEBUG=1 and report what it prints.")


def _complain(text: str) -> None:
    """Write to stderr, as far as there is one."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
