"""Logs of workflow jobs."""

import errno
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from neuron_specialization.errors import InputError, Stopped

UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def log_to(path: str) -> Iterator[None]:
    """Send all output of this process to a file, that of compiled libraries too."""
    sys.stdout.flush()
    sys.stderr.flush()
    with open(path, "w", encoding="utf-8") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with ending_with_messages():
        yield


@contextmanager
def ending_with_messages() -> Iterator[None]:
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


def explain(error: OSError) -> str | None:
    """What to do about a disk that is full or must not be written; None for other errors."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full: {error}; make room"
    if error.errno in UNWRITABLE:
        return f"no permission to write: {error}; make the folder writable"
    return None
