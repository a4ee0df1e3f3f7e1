"""The error boundary: runs the command line and turns what went wrong into an exit code.

Exit codes: 0 done, 1 an error the user can put right, 2 wrong usage (or "there are changes" where
a command says so), 3 a bug in cfl-jobs, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import traceback


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; nothing is raised."""
    import click

    from cfl_jobs.cli import cli
    from cfl_jobs.errors import CflJobsError, DefinitionError

    try:
        code = cli.main(arguments, prog_name="cfl-jobs", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except CflJobsError as error:
        # Findings begin with their place, as editors and terminals know it.
        has_places = isinstance(error, DefinitionError)
        click.echo(str(error) if has_places else f"Error: {error}", err=True)
        return 1
    except (KeyboardInterrupt, click.exceptions.Abort):
        click.echo("Interrupted.", err=True)
        return 130
    except BrokenPipeError:
        # The reader went away (`| head`); keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception:
        if os.environ.get("CFL_JOBS_DEBUG"):
            traceback.print_exc()
        else:
            frame = traceback.extract_tb(sys.exc_info()[2])[-1]
            kind = type(sys.exc_info()[1]).__name__
            click.echo(f"Bug in cfl-jobs: {kind} at {frame.name}, line {frame.lineno}.", err=True)
            click.echo("Run it again with CFL_JOBS_DEBUG=1 and report what it prints.", err=True)
        return 3


if __name__ == "__main__":
    main()
