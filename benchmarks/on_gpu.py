"""All that is measured on a GPU, in one process, from what matters most to what matters least.

    python -m benchmarks on_gpu [--seconds 300]

Each is a benchmark of its own, with the options below, and its results are kept. One that fails is
reported, and the others go on; none begins after so many seconds.
"""

import argparse
import gc
import importlib
import sys
import time
import traceback

import torch

COMMANDS = """
subnetwork_ffn --precision bf16
subnetwork_ffn --precision bf16 --tokens 30720
subnetwork_ffn --precision bf16 --tokens 61440
subnetwork_ffn --precision fp32
training_step --shape mT-big --precision bf16
training_step --shape mT-small --precision bf16
training_step --shape mT-big --precision fp32 --rounds 3
training_step --shape mT-small --precision fp32
settings larger_batches --shape mT-small --precision bf16 --factors 1 2 4 --rounds 10
settings attention --shape mT-big --precision bf16 --rounds 20
settings optimiser --shape mT-big --precision bf16 --rounds 2
settings chunked_loss --tokens 7680 --chunk 1024 --precision bf16 --rounds 20
weight_masks --shape mT-small mT-big
settings all --shape mT-small --precision bf16 --rounds 20
settings all --shape mT-big --precision bf16 --rounds 2
"""


def run(line: str) -> bool:
    """Run a benchmark as its command line does; whether it ended well."""
    name, *options = line.split()
    sys.argv = [name, *options, "--device", "cuda", "--keep"]
    print(f"\n== {line}", flush=True)
    start = time.perf_counter()
    try:
        importlib.import_module(f"benchmarks.{name}").main()
    except Exception:
        traceback.print_exc()
        return False
    finally:
        gc.collect()
        torch.cuda.empty_cache()
        print(f"== {time.perf_counter() - start:.0f} s", flush=True)
    return True


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=3600, help="(%(default)s)")
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    lines = COMMANDS.strip().splitlines()
    left_out = [line for line in lines if time.monotonic() > end or not run(line)]
    if left_out:
        sys.exit("not measured:\n" + "\n".join(left_out))


if __name__ == "__main__":
    main()
