"""Logs of workflow jobs."""

import errno
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from neuron_specialization.errors import InputError


@contextmanager
def log_to(path: str) -> Iterator[None]:
    """Send all output of this process to a file, that of compiled libraries too.

    Bad input and a full disk end the process with a message alone; anything else is a bug and
    keeps its traceback.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with open(path, "w", encoding="utf-8") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        yield
    except InputError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.exit(f"error: the disk is full: {error}; make room, then run the same command again")
