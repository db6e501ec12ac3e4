"""Work folders: what a training keeps for the next job when it is killed.

    python -m neuron_specialization.workflow.work_folders RESULTS

removes those that nobody trains in: of jobs that will not be run again, with other settings say.
"""

import logging
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import LeaseCompromise, SoftFileLease, Timeout

logger = logging.getLogger(__name__)
logging.getLogger("filelock").setLevel(logging.WARNING)  # it tells of every breath
SILENCE = 180.0  # seconds without a sign of life after which the owner of a folder counts as gone
POLL = 2.0  # seconds between two looks at a folder that another job holds


@contextmanager
def lock_work_folder(work: Path, output: Path) -> Iterator[bool]:
    """Hold a work folder alone, so that two jobs never train in it at once.

    A job waits while another holds the folder, until that one ends, dies (on this host) or gives
    no sign of life any more (on another). A job whose folder was taken over ends at once.

    Args:
        work: the work folder; it need not exist. The lock is a file beside it.
        output: what is made of it.

    Yields:
        Whether there is something to do: not, where the other job finished meanwhile. Then the
        work folder is gone and the output is there.
    """
    work.parent.mkdir(parents=True, exist_ok=True)
    for other in work.parent.glob("work-*/"):
        if other != work:
            logger.info("%s is of a job with other settings or inputs, and is left alone", other)
    path = work.with_name(f"{work.name}.lock")
    lock = SoftFileLease(path, lease_duration=SILENCE, on_compromise=leave)
    waited = False
    try:
        lock.acquire(timeout=POLL)
    except Timeout:
        waited = True
        logger.warning("%s is held by another job, %s: waiting for it", work, describe(lock))
        lock.acquire(poll_interval=POLL)
    try:
        yield not (waited and output.exists() and not work.exists())
    finally:
        lock.release()


def remove_abandoned_work(results: Path) -> None:
    """Remove the work folders below a folder that nobody holds, and print what became of them."""
    for work in sorted(path for path in results.rglob("work-*") if path.is_dir()):
        size = sum(path.stat().st_size for path in work.rglob("*") if path.is_file())
        lock = SoftFileLease(work.with_name(f"{work.name}.lock"), lease_duration=SILENCE)
        try:
            with lock.acquire(timeout=0.5):
                shutil.rmtree(work)
        except Timeout:
            print(f"{work}: kept, {describe(lock)} trains in it")
        else:
            print(f"{work}: removed, {size / 1e6:,.1f} MB")


def describe(lock: SoftFileLease) -> str:
    """Who holds a lock, for people."""
    owner = lock.owner
    return f"process {owner.pid} of {owner.hostname}" if owner else "which has just ended"


def leave(compromise: LeaseCompromise) -> None:
    """End this job at once: another one works in its folder now."""
    logger.error(
        "error: %s is not this job's any more (%s): its node or its file system stood still for "
        "so long that another job took over",
        compromise.lock_file,
        compromise.reason,
    )
    os._exit(os.EX_TEMPFAIL)


if __name__ == "__main__":
    remove_abandoned_work(Path(sys.argv[1]))
