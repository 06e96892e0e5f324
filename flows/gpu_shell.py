#!/usr/bin/env python3
"""The shell that DVC runs a stage's command with: it leases the stage's GPUs, then becomes /bin/sh.

Decisions: DVC starts $SHELL only when a command really runs, so a stage that is skipped or restored takes no GPU. The
shell and its children inherit the lock files: the lease ends with the last of them. The line that says where the
command runs is what its time limit counts from: waiting for a GPU is not working.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flows import gpu

WANTED = "STAGE_GPUS"  # the environment variable that says how many
RANKS = "SANREID_RANKS"  # and the one by which a training hears over how many processes it is split, one a GPU
STARTS = "on "  # begins the line that is printed when the command starts


def where(lease: gpu.Lease) -> str:
    """The line that says where a command runs."""
    return STARTS + (f"GPU {', '.join(lease.gpus)}" if lease.gpus else "the CPU")


def main(arguments: list[str]) -> None:
    """Lease, and become `/bin/sh` with these arguments."""
    wanted = int(os.environ.pop(WANTED, "0"))
    try:
        with gpu.lease(wanted) as lease:
            for number in lease.files:
                os.set_inheritable(number, True)
            if lease.gpus:
                os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(lease.gpus)
                os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # nvidia-smi's, and so the lease's
            else:
                os.environ["CUDA_VISIBLE_DEVICES"] = ""  # what leased no GPU must not find one
            os.environ[RANKS] = str(max(1, len(lease.gpus)))
            sys.stdout.write(where(lease) + "\n")
            sys.stdout.flush()
            os.environ["SHELL"] = "/bin/sh"
            os.execv("/bin/sh", ["/bin/sh", *arguments])
    except gpu.LeaseError as error:
        sys.exit(str(error))
    except OSError as error:  # of another user, or no folder
        sys.exit(f"{error}: no lease of a GPU; GPU_LEASES names another folder for them ({gpu.folder()} now)")


if __name__ == "__main__":
    main(sys.argv[1:])
