"""Shows that a training survives the failure of a machine: `python tools/machines.py`.

The server, two workers' machines and an S3 server are simulated by clones and processes on this host, on loopback, in
FOLDER, and train SAN's variants at toy size. Once a worker has sent two checkpoints of a training, all its processes
are killed at once, as in a power cut. The other worker continues from the checkpoint. At the end the pipeline's
dvc.lock, and thereby every output, is compared with that of an undisturbed `dvc repro`. It takes about five minutes on
two cores, and needs moto (group dev).
"""

import argparse
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from flows import dvc_lock, overriding  # noqa: E402
from sanreid import faults  # noqa: E402

QUICK = {  # a machine counts as dead after three missed heartbeats
    "PREFECT_WORKER_HEARTBEAT_SECONDS": "4",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_FOREMAN_LOOP_SECONDS": "1",
}
TOY = [
    "synthesize.pit.people=8",
    "pair_pit.validation_people=2",
    "synthesize.cuhk03.people=[6,2,2,1,1]",
    "synthesize.cuhk03.test_people=5",
    "synthesize.cuhk03.splits=2",
    "synthesize.cuhk03.split_people=3",
    "synthesize.cuhk03.heights=[70,100]",
    "extract_cuhk03.validation_people=2",
    "san.width=8",
    "san.fc=16",
    "san.height=64",
    "san.width_px=32",
    "san.texture=64",
    "san.decoder_channels=[16,16,8,8,4]",
    "train_san_pg.epochs=2",
    "train_san_pg.pictures.people=2",
    "train_san_pg.optimiser.warm_up.epochs=1",
    "train_san.epochs=60",
    "train_san.people=3",
    "train_san.images=2",
    "train_san.pictures.every=0",
    "train_san.pictures.people=2",
    "experiment.variants=[baseline,san]",
    "experiment.seeds=[0]",
    "evaluate_san.lists.queries=2",
    "evaluate_san.lists.top=5",
]


class Machine:
    """A clone and what runs in it; what that says goes to a file beside it."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self.root, self.environment = root, dict(environment)
        self.log = root.with_name(f"{root.name}.log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Run a Python module in it."""
        with self.log.open("a") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *words], cwd=self.root, env=self.environment, stdout=file, stderr=file
            )
        return self.process

    def sent(self) -> int:
        """How many checkpoints the run that trains here has on the remote, counted on all machines; 0: none trains."""
        return max([0, *(int(file.read_text() or 0) for file in (self.root / ".checkpoints").glob("*.number"))])

    def power_off(self) -> None:
        """Stop everything at once, and nobody gets to say a word."""
        assert self.process is not None
        found: list[int] = []
        while new := [pid for pid in below(self.process.pid) if pid not in found]:
            for pid in new:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)  # so that none starts another or takes leave
            found += new
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)


def below(top: int) -> list[int]:
    """A process and all below it, from /proc."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
    found = {top}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)


@contextmanager
def bucket() -> Iterator[str]:
    """An S3 server on loopback with an empty bucket named `bucket`; its address."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line a request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}/bucket", method="PUT")).close()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def site(origin: Path, folder: Path, s3: str, extra: Mapping[str, str]) -> Iterator[list[Machine]]:
    """The server's machine and two workers', clones of `origin` in `folder` that run; all end with the block.

    `extra` is added to their environment.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ours = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PREFECT_HOME")}
    ours |= {**QUICK, "PREFECT_API_URL": f"http://127.0.0.1:{port}/api", "CUDA_VISIBLE_DEVICES": "", **extra}
    machines = []
    try:
        for name in ("server", "first", "second"):
            git(folder, "clone", "--quiet", str(origin), name)
            attach(folder / name, f"s3://bucket/{folder.name}", s3)
            machines.append(Machine(folder / name, {**ours, "GPU_LEASES": str(folder / f"leases-{name}")}))
        server = machines[0].start("flows.serve", "--port", str(port), "--pools")
        wait(lambda: "Prefect is at" in machines[0].log.read_text() or server.poll() is not None, 180)
        for machine in machines[1:]:
            machine.start("flows.serve", "--worker")
        for machine in machines[1:]:  # one a pool
            wait(lambda log=machine.log: log.read_text().count("started!") >= 2, 180)
        yield machines
    finally:
        for machine in reversed(machines):
            machine.stop()


def git(folder: Path, *words: str) -> None:
    """Run git in `folder`. Raises RuntimeError with what git says."""
    who = ["-c", "user.name=show", "-c", "user.email=show@localhost"]
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{folder}: git {' '.join(words)}: {done.stderr.strip()}")


def attach(root: Path, url: str, s3: str) -> None:
    """Make the bucket's folder the clone's DVC remote."""
    (root / ".dvc/config.local").write_text(
        f"[core]\n    remote = store\n['remote \"store\"']\n    url = {url}\n    endpointurl = {s3}\n"
        "    access_key_id = key\n    secret_access_key = secret\n    region = us-east-1\n"
    )


def wait(condition: Callable[[], object], seconds: float) -> None:
    """Wait until the condition holds. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s in vain")
        time.sleep(0.1)


def run(machines: Sequence[Machine], targets: Sequence[str], patience: float = 600) -> str:
    """Run the pipeline from the server's machine, and let the first worker's die; what the pipeline said.

    Raises RuntimeError where the pipeline fails or is done before that.
    """
    server, first = machines[:2]
    log = server.root.with_name("pipeline.log")
    with log.open("w") as file:
        words = [sys.executable, "-m", "flows.run", "--workers", "--pull", *targets]
        pipeline = subprocess.Popen(words, cwd=server.root, env=server.environment, stdout=file, stderr=file)
    try:
        wait(lambda: pipeline.poll() is not None or first.sent() > 1, patience)
        if pipeline.poll() is not None:
            raise RuntimeError(f"the pipeline ended before the first machine had trained:\n{log.read_text()}")
        first.power_off()
        if pipeline.wait(patience):
            raise RuntimeError(f"the pipeline failed:\n{log.read_text()}")
    finally:
        if pipeline.poll() is None:
            pipeline.send_signal(signal.SIGINT)
            pipeline.wait(60)
    return log.read_text()


def differences(ours: Path, theirs: Path) -> list[str]:
    """The stages of which two clones' dvc.lock tell other things."""
    mine, other = dvc_lock.read(ours), dvc_lock.read(theirs)
    return sorted(name for name in mine if mine[name] != other.get(name))


def main(arguments: Sequence[str] | None = None) -> int:
    """Show it with the project's own variants."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="a new folder for all of it; default: a temporary one")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that nothing is left running
    with faults.told("machines"):
        try:
            return show(given.folder)
        except (RuntimeError, subprocess.CalledProcessError) as error:
            sys.exit(f"machines: {error}")


def show(place: Path | None) -> int:
    """Show it in a new folder, or a temporary one, which goes where all was well; the exit status."""
    folder = Path(place or tempfile.mkdtemp(prefix="machines-")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ |= {"DVC_NO_ANALYTICS": "1", "DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1"}
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    git(folder, "clone", "--quiet", str(ROOT), "origin")
    overriding.apply(folder / "origin", TOY)
    often = (folder / "origin/prefect.yaml").read_text().replace("interval: 60", "interval: 2")
    (folder / "origin/prefect.yaml").write_text(often)
    git(folder / "origin", "commit", "--quiet", "--all", "--message", "Parameters of a toy")
    sys.stdout.write(f"in {folder}: two machines train; this takes some minutes\n")
    with bucket() as s3, site(folder / "origin", folder, s3, {}) as machines:
        said = run(machines, ["evaluate_san"])
    sys.stdout.write(said)
    sys.stdout.write("the same, undisturbed\n")
    whole = folder / "undisturbed"
    git(folder, "clone", "--quiet", str(folder / "origin"), whole.name)
    environment = os.environ | {"PYTHONPATH": str(whole / "src"), "CUDA_VISIBLE_DEVICES": ""}
    words = [sys.executable, "-m", "dvc", "repro", "--quiet", "evaluate_san"]
    subprocess.run(words, cwd=whole, env=environment, check=True)
    different = differences(folder / "server", whole)
    lost = said.count("its machine was lost")
    sys.stdout.write(f"{lost} training lost its machine; outputs that differ: {', '.join(different) or 'none'}\n")
    if not different and place is None:
        shutil.rmtree(folder)
    return 1 if different or not lost else 0


if __name__ == "__main__":
    sys.exit(main())
