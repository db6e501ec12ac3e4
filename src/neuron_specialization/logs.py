"""Logs of workflow jobs."""

import errno
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from neuron_specialization.errors import InputError, Stopped

FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def log_to(path: str) -> Iterator[None]:
    """Send all output of this process to a file, that of compiled libraries too."""
    sys.stdout.flush()
    sys.stderr.flush()
    with open(path, "w", encoding="utf-8") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with job_errors():
        yield


@contextmanager
def job_errors() -> Iterator[None]:
    """End the process with a message alone where what went wrong is none of the program's doing.

    That is bad input, a disk that cannot be written, and a training that was told to stop.
    Anything else is a bug and keeps its traceback.
    """
    try:
        yield
    except InputError as error:
        sys.exit(f"error: {error}")
    except Stopped as stopped:
        print(f"stopped: {stopped}; the same command goes on from there", file=sys.stderr)
        sys.exit(os.EX_TEMPFAIL)
    except OSError as error:
        message = explain(error)
        if message is None:
            raise
        sys.exit(f"error: {message}, then run the same command again")


@contextmanager
def cli_errors() -> Iterator[None]:
    """Run a command that a person has typed: what it cannot read or write ends it with a message.

    It ends quietly where nobody reads its output any more, as behind `| head`.
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
        if error.errno is None:  # of a library, and none of a file
            raise
        sys.exit(f"error: {error}")


def flush_output() -> None:
    """Write what was printed; where that cannot be done, it is dropped, or exit would try again."""
    try:
        print(end="", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def explain(error: OSError) -> str | None:
    """What to do about a full disk, or a file that is not to be used; None for other errors."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full: {error}; make room"
    if error.errno in FORBIDDEN:
        return f"no permission: {error}; make the file readable, or make the folder writable"
    return None
