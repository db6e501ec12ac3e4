"""Files that the daemons of a private SLURM read."""

import os
import pwd
import random
import shlex
import shutil
import socket
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
PORTS = range(20000, 32000)  # below the ports that the kernel assigns to outgoing connections
DEVICES = ("null", "zero", "full", "random")  # on every machine

# Without a process tracker, SLURM looks for cgroups. Memory is sampled every second, and a job that
# exceeds its request is killed. A job that no partition can run is refused at submission instead of
# waiting forever. A finished job stays in squeue for MinJobAge seconds. CPUs and memory are not
# checked against the machine (config_overrides).
SETTINGS = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={short}/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={short}/%n
SlurmctldPidFile={short}/slurmctld.pid
SlurmdPidFile={short}/%n.pid
SlurmdLogFile={folder}/logs/%n.jobs.log
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/jobs.txt
ProctrackType=proctrack/linuxproc
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
EnforcePartLimits=ALL
ReturnToService=2
MinJobAge=300
KillWait={kill_wait}
SlurmctldTimeout=10
SlurmdTimeout=10
PropagateResourceLimits=NONE
SlurmdParameters=config_overrides
GresTypes=gpu
PartitionName=cpu Nodes=ALL Default=YES MaxTime=60 DefMemPerCPU=100
PartitionName=gpu Nodes=ALL MaxTime=60 DefMemPerCPU=100
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=8 Boards=1"
    " SocketsPerBoard=1 CoresPerSocket=8 ThreadsPerCore=1 RealMemory=8000"
    " Gres=gpu:4\n"
)
# a node whose GPUs are not character devices is invalid
GPUS = "NodeName={name} Name=gpu AutoDetect=off Flags=nvidia_gpu_env File={devices}\n"


def write_files(folder: Path, short: Path, nodes: Sequence[str], *, kill_wait: int) -> None:
    """Write the files that the daemons read: slurm.conf, gres.conf, munge.key, bin/srun.

    Args:
        folder: folder for these files.
        short: folder for the daemons' sockets.
        nodes: names of the nodes.
        kill_wait: seconds between SIGTERM and SIGKILL.
    """
    port, *ports = _free_ports(1 + len(nodes))
    common = {
        "host": socket.gethostname().split(".")[0],
        "user": pwd.getpwuid(os.getuid()).pw_name,
        "devices": _devices(folder),
    }
    settings = SETTINGS.format(port=port, folder=folder, short=short, kill_wait=kill_wait, **common)
    gres = ""
    for name, port in zip(nodes, ports, strict=True):
        settings += NODE.format(name=name, port=port, **common)
        gres += GPUS.format(name=name, **common)
    conf = folder / "slurm.conf"
    conf.write_text(settings)
    (folder / "gres.conf").write_text(gres)
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o600)
    # Snakemake's jobstep executor removes SLURM_CONF from the environment of its srun
    srun = folder / "bin/srun"
    program = shutil.which("srun", path=PATH)
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={shlex.quote(str(conf))} exec {program} "$@"\n')
    srun.chmod(0o755)


def _devices(folder: Path) -> str:
    """Return copies of /dev/null as GPUs, or existing devices if mknod is not permitted."""
    devices = [folder / f"nvidia{number}" for number in range(4)]
    try:
        for device in devices:
            os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        devices = [Path("/dev", name) for name in DEVICES]
    return ",".join(map(str, devices))


def _free_ports(count: int) -> list[int]:
    free: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        if len(free) == count:
            break
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            free.append(port)
    return free
