"""Work folders, from which the next job resumes a killed run.

    python -m neuron_specialization.workflow.work_folders RESULTS

removes unused ones, for example of jobs with other settings that will not run again.
"""

import logging
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import LeaseCompromise, SoftFileLease, Timeout

from neuron_specialization.files import held_locks

logger = logging.getLogger(__name__)
logging.getLogger("filelock").setLevel(logging.WARNING)  # it logs every heartbeat
SILENCE = 180.0  # seconds without a heartbeat after which the owner of a folder counts as dead
POLL = 2.0  # seconds between checks of a folder that another job holds


@contextmanager
def lock_work_folder(work: Path, output: Path) -> Iterator[bool]:
    """Hold a work folder exclusively, so that two jobs never train in it at once.

    A job waits while another job holds the folder, until that job ends, dies (on this host) or
    stops sending heartbeats (on another host). A job whose folder was taken over exits at once.

    Args:
        work: the work folder; it need not exist. The lock is a file next to it.
        output: the output that is made in it.

    Yields:
        Whether work remains. It does not if the other job finished meanwhile, so that the work
        folder is gone and the output exists.
    """
    work.parent.mkdir(parents=True, exist_ok=True)
    for other in work.parent.glob("work-*/"):
        if other != work:
            logger.info("%s belongs to a job with other settings or inputs; it is kept", other)
    path = work.with_name(f"{work.name}.lock")
    lock = SoftFileLease(path, lease_duration=SILENCE, on_compromise=leave)
    waited = False
    try:
        lock.acquire(timeout=POLL)
    except Timeout:
        waited = True
        logger.warning("%s is held by another job, %s: waiting for it", work, describe(lock))
        lock.acquire(poll_interval=POLL)
    held_locks[path] = path.read_text(encoding="utf-8")
    try:
        yield not (waited and output.exists() and not work.exists())
    finally:
        del held_locks[path]
        lock.release()


def remove_abandoned_work(results: Path) -> None:
    """Remove the work folders below a folder that no job holds, and print each outcome."""
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
    """Return a readable description of the owner of a lock."""
    owner = lock.owner
    return f"process {owner.pid} of {owner.hostname}" if owner else "which has just ended"


def leave(compromise: LeaseCompromise) -> None:
    """Exit at once, to be run again: another job now works in this job's folder."""
    logger.error(
        "error: %s no longer belongs to this job (%s): its node or file system was unresponsive "
        "for so long that another job took over",
        compromise.lock_file,
        compromise.reason,
    )
    os._exit(os.EX_TEMPFAIL)


if __name__ == "__main__":
    remove_abandoned_work(Path(sys.argv[1]))
