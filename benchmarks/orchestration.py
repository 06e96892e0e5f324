"""What Prefect costs when there is nothing to do: an all-cached run of a graph, beside `dvc repro` of the same.

With an ephemeral server, its start included (bar: 20 s, and 0.1 s a stage beyond 14), and against a running one (bar:
6 s). The graph is generated: chains of one-line stages, every second with metrics. `--here` takes this clone's own
graph instead, which must be up to date.

    python benchmarks/orchestration.py                # 40 stages
    python benchmarks/orchestration.py --here         # the project's
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import measuring

CODE = Path(__file__).resolve().parent.parent
CHAIN = 4  # stages that read from one another


def graph(stages: int) -> str:
    """A dvc.yaml of that many stages."""
    lines = ["stages:"]
    for k in range(stages):
        dep = "source.txt" if k % CHAIN == 0 else f"out/{k - 1}"
        wrote = f"metrics: [out/{k}.json]" if k % 2 else "deps: []"
        lines += [
            f"  stage{k}:",
            f"    desc: The stage with number {k}",
            f"""    cmd: mkdir -p out && cp {dep} out/{k} && echo '{{"x":{k}}}' > out/{k}.json""",
            f"    deps: [{dep}]",
            f"    outs: [out/{k}]",
            *([f"    {wrote}"] if k % 2 else []),
            "    meta: {gpus: 0, minutes: 1}",
        ]
    return "\n".join(lines) + "\n"


def make(folder: Path, stages: int) -> Path:
    """A git and DVC repository of the graph, everything up to date."""
    (folder / "dvc.yaml").write_text(graph(stages))
    (folder / "source.txt").write_text("data\n")
    for words in (["git", "init", "-q"], dvc("init", "-q"), dvc("repro", "-q")):
        subprocess.run(words, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder


def dvc(*words: str) -> list[str]:
    """A command of DVC's."""
    return [sys.executable, "-m", "dvc", *words]


def seconds(words: list[str], root: Path, environment: dict[str, str]) -> float:
    """How long a command takes that must find everything up to date."""
    start = time.perf_counter()
    done = subprocess.run(words, cwd=root, env=environment, capture_output=True, text=True)
    spent = time.perf_counter() - start
    if done.returncode or "Running stage" in done.stdout + done.stderr:
        sys.exit(f"not all cached:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return spent


def wait_for(url: str) -> None:
    """Wait for the server to answer."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    sys.exit(f"{url}: no answer")


def measure(root: Path, home: Path, count: int, repeats: int, what: str) -> None:
    """Measure, print, record."""
    environment = os.environ | {"PREFECT_HOME": str(home), "PYTHONPATH": str(CODE), "DVC_NO_ANALYTICS": "1"}
    environment.pop("PREFECT_API_URL", None)
    flow = [sys.executable, "-m", "flows.run"]
    first = seconds(flow, root, environment)  # makes the database
    alone = [seconds(flow, root, environment) for _ in range(repeats)]
    plain = [seconds(dvc("repro", "-q"), root, environment) for _ in range(repeats)]
    port = "4299"
    serve = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", port]
    environment |= {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    server = subprocess.Popen(serve, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    environment["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
    try:
        wait_for(f"{environment['PREFECT_API_URL']}/health")
        seconds(flow, root, environment)
        running = [seconds(flow, root, environment) for _ in range(repeats)]
    finally:
        server.terminate()
        server.wait()
    bar = 20 + 0.1 * max(0, count - 14)
    print(
        f"{count} stages, all cached: ephemeral server {min(alone):.1f} s (bar {bar:.1f}; the very first {first:.1f}), "
    )
    print(f"running server {min(running):.1f} s (bar 6), dvc repro {min(plain):.1f} s")
    for name, ours, limit in (("ephemeral", alone, f"{bar:.1f} s"), ("running", running, "6 s")):
        measuring.record(
            f"all-cached flow, {name} server",
            scale=f"{count} stages, {what}",
            ours_s=min(ours),
            reference="dvc repro",
            reference_s=min(plain),
            times_the_reference=measuring.ratio(ours, plain),
            bar=limit,
        )


def main() -> None:
    """Measure the graph that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--here", action="store_true", help="this clone's graph")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "prefect"
        home.mkdir()
        if given.here:
            root = Path.cwd()
            count = len(subprocess.run(dvc("stage", "list"), capture_output=True, text=True).stdout.splitlines())
            measure(root, home, count, given.repeats, "the project's")
        else:
            (Path(folder) / "clone").mkdir()
            root = make(Path(folder) / "clone", given.stages)
            measure(root, home, given.stages, given.repeats, "generated")


if __name__ == "__main__":
    main()
