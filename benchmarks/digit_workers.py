"""Cells of the digits' grids on one device, several at once: processes that take cells from a queue until time is up.

Decisions: a cell is what stage sweep_mnist trains, by its own code; the digits are read once and shared through a file.
A process takes many cells, since starting one (torch, the device) costs as long as a small cell. A cell that fails is
told and the next one begins; one that has not ended in time is told by its last whole epoch. Of the large pictures only
a few cells run at once: each would otherwise slow the others down so that none ends.
"""

import os
import queue
import shutil
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import multiprocessing

from sanreid import runtime
from sanreid.data.digits import Digits
from sanreid.training import digit_classifier, loop
from sanreid.training.cuda_graph import CudaGraphStep

DIGITS = "digits.pt"
Record = dict[str, Any]


class Task(NamedTuple):
    """A cell of a model: for how many epochs, by which plan."""

    model: str
    cell: str
    epochs: int
    plan: digit_classifier.Plan
    replay: bool


class Settings(NamedTuple):
    """Where the digits and the cells lie, and the threads of each process."""

    work: Path
    threads: int
    device: str

    def cell(self, task: Task) -> Path:
        """The cell's own folder."""
        return self.work / task.model / task.cell


def train(task: Task, s: Settings, everything: Digits) -> Record:
    """Train a cell as stage sweep_mnist does; what it measured."""
    from stages import sweep_mnist

    folder = s.cell(task)
    os.environ |= {"SANREID_CHECKPOINTS": str(folder / "checkpoint"), "SANREID_RUNS": ""}
    p = sweep_mnist.Params(model=task.model, epochs=task.epochs)
    begun = time.monotonic()

    def hasten(step: digit_classifier.Step) -> loop.Step:
        return CudaGraphStep(step) if task.replay else step

    sweep_mnist.train(lambda: everything, s.work, task.cell, folder / "out", p, task.plan, hasten)
    wall = time.monotonic() - begun
    metrics, took = (runtime.read_json(folder / "out" / f"{name}.json") for name in ("metrics", "training"))
    kept = {key: metrics[key] for key in ("accuracy", "diverged", "tested", "trained")}
    trained = took["seconds"]
    speed = metrics["trained"] * took["epochs"] / trained if trained else None
    return kept | {"epochs": took["epochs"], "seconds": wall, "images_a_second": speed}


def serve(s: Settings, sources: list[Any], results: Any) -> None:
    """A worker: cells from the first queue until it is empty, then from the next."""
    torch.set_flush_denormal(True)  # before any tensor work, as a digits' training has it
    torch.set_num_threads(s.threads)
    if s.device == "cpu":
        runtime.device = lambda: torch.device("cpu")
    everything = Digits(*torch.load(s.work / DIGITS, weights_only=True))
    for source in sources:
        while True:
            try:
                task = source.get(timeout=0.5)
            except queue.Empty:
                break
            results.put((task.model, task.cell, None))
            try:
                found = train(task, s, everything)
            except Exception as error:
                found = {"failed": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()[-2000:]}
            results.put((task.model, task.cell, found))


def run(s: Settings, phases: list[tuple[list[Task], int]], end: float) -> Iterator[tuple[str, str, Record]]:
    """Train the phases' cells, so many of each at once, until all are done or `end` (monotonic).

    Yields model, cell and what was measured; of a cell that was under way at the end what its whole epochs say.
    """
    context = multiprocessing.get_context("spawn")
    results, sources = context.Queue(), []
    for tasks, _ in phases:
        sources.append(context.Queue())
        for task in tasks:
            sources[-1].put(task)
    most = max(at_once for tasks, at_once in phases if tasks)
    mine = [
        [source for source, (tasks, at_once) in zip(sources, phases, strict=True) if number < at_once]
        for number in range(most)
    ]
    workers = [context.Process(target=serve, args=(s, source, results), daemon=True) for source in mine]
    for worker in workers:
        worker.start()
    waiting = {(task.model, task.cell): task for tasks, _ in phases for task in tasks}
    begun: set[tuple[str, str]] = set()
    try:
        while waiting and time.monotonic() < end:
            try:
                model, cell, found = results.get(timeout=max(0.05, min(1.0, end - time.monotonic())))
            except queue.Empty:
                if not any(worker.is_alive() for worker in workers):
                    break
                continue
            if found is None:
                begun.add((model, cell))
                continue
            del waiting[model, cell]
            yield model, cell, found
            shutil.rmtree(s.work / model / cell, ignore_errors=True)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join(timeout=5)
    codes = sorted({worker.exitcode for worker in workers} - {0, None, -15}, key=str)
    for key, task in waiting.items():
        if key in begun:
            yield *key, {"unfinished": partial(s.cell(task)), **({"exit_codes": codes} if codes else {})}


def partial(folder: Path) -> Record:
    """What the whole epochs of a cell that was stopped say: how many, and the accuracy after the last."""
    for file in (folder / "checkpoint").rglob("history.csv"):
        history = pd.read_csv(file)
        told = history.dropna(subset=[digit_classifier.TESTED]) if len(history) else history
        if len(told):
            return {"epochs": int(told["epoch"].iloc[-1]), "accuracy": float(told[digit_classifier.TESTED].iloc[-1])}
    return {"epochs": 0, "accuracy": None}
