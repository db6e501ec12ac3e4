"""Logs of workflow jobs, and messages for expected errors."""

import errno
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from neuron_specialization.errors import InputError, Stopped

FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


_consoles: list[TextIO] = []
"""The error output that `log_to` has redirected, if it has."""


def warn(message: str) -> None:
    """Print a warning into the log, and on the console of the run."""
    for output in (sys.stderr, *_consoles):
        print(f"warning: {message}", file=output, flush=True)


@contextmanager
def log_to(path: str) -> Iterator[None]:
    """Redirect all output of this process to a file, including output of compiled libraries."""
    sys.stdout.flush()
    sys.stderr.flush()
    _consoles.append(os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8"))
    with open(path, "w", encoding="utf-8") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with job_errors():
        yield


@contextmanager
def job_errors() -> Iterator[None]:
    """End the process with a message, without a traceback, for errors that are not bugs.

    These are bad input, a disk that cannot be written, and a run that was asked to stop.
    Any other error is a bug and keeps its traceback.
    """
    try:
        yield
    except InputError as error:
        sys.exit(f"error: {error}")
    except Stopped as stopped:
        print(f"stopped: {stopped}; run the same command again to resume", file=sys.stderr)
        sys.exit(os.EX_TEMPFAIL)
    except OSError as error:
        message = explain(error)
        if message is None:
            raise
        sys.exit(f"error: {message}, then run the same command again")


@contextmanager
def cli_errors() -> Iterator[None]:
    """Run an interactive command; exit with a message if it cannot read or write a file.

    It ends quietly if its output is no longer read, as with `| head`.
    """
    try:
        with job_errors():
            try:
                yield
            finally:
                flush_output()
    except BrokenPipeError:
        return
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    except OSError as error:
        if error.errno is None:  # raised by a library, not by a file operation
            raise
        sys.exit(f"error: {error}")


def flush_output() -> None:
    """Flush standard output; after an error discard it, or the flush at exit would fail too."""
    if sys.stdout is None:  # closed by the caller
        return
    try:
        print(end="", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def explain(error: OSError) -> str | None:
    """Return advice on a full disk or a lack of permission; None for other errors."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full: {error}; free some space"
    if error.errno in FORBIDDEN:
        return f"no permission: {error}; make the file readable, or make the folder writable"
    return None
