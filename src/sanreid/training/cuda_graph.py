"""Records a training step as a CUDA graph and replays it, for networks so small that launching kernels is the limit.

Decisions: a step of ResNet-18 on five digits has about three hundred kernels of a few microseconds, and the CPU needs
longer to launch each of them than the GPU to run it; a graph launches all of them at once. They are the step's own
kernels in its order, so a deterministic training gives the same bits (tests/training/test_cuda_graph.py, on a GPU). It
works only if all batches have one size and the learning rate is constant, as for the digits (sgd.py), because the rate
is recorded as a number. The first batches are ordinary steps, in which cuDNN chooses its kernels and the optimizer
creates its state. If a step cannot be recorded, the log says why and the training continues without a graph. On a CPU
nothing is recorded.
"""

import torch
from torch import Tensor

from sanreid import runtime
from sanreid.training import digit_training

WARM = 3  # ordinary steps before the recording


class CudaGraphStep:
    """`step` for `loop.fit`, recorded at batch WARM + 1; everything else is the step's own."""

    def __init__(self, step: digit_training.Step) -> None:
        self.step, self.device = step, step.device
        self.model, self.optimisations = step.model, step.optimisations
        self.terms, self.validation = step.terms, step.validation
        self.seen = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.recording = self.device.type == "cuda"

    def validate(self) -> dict[str, float]:
        """The step's own."""
        return self.step.validate()

    def batches(self, seed: int, epoch: int) -> list[Tensor]:
        """The step's own, on the device at once: a copy for each batch would be one more thing to ask for."""
        found = self.step.batches(seed, epoch)
        if not self.recording or len({len(batch) for batch in found}) != 1:
            return found
        return list(torch.stack(found).to(self.device).unbind())

    def __call__(self, batch: Tensor, generator: object) -> dict[str, Tensor]:
        """Train on one batch; returns the terms."""
        if not self.recording:
            return self.step(batch, generator)
        self.seen += 1
        if self.graph is None:
            if self.seen <= WARM:
                return self._apart(batch, generator)
            self._record(batch, generator)
        if self.graph is None or batch.shape != self.batch.shape:
            return self.step(batch, generator)
        self.batch.copy_(batch, non_blocking=True)
        self.graph.replay()
        return dict(zip(self.terms, self.told.clone().unbind(), strict=True))  # the next replay writes there again

    def _apart(self, batch: Tensor, generator: object) -> dict[str, Tensor]:
        """An ordinary step on a stream of its own, as a recording wants its predecessors."""
        main, side = torch.cuda.current_stream(self.device), torch.cuda.Stream(self.device)
        side.wait_stream(main)
        with torch.cuda.stream(side):
            terms = self.step(batch, generator)
        main.wait_stream(side)
        return terms

    def _record(self, batch: Tensor, generator: object) -> None:
        """Record one step; it is not run by that."""
        self.batch = batch.to(self.device, copy=True)
        graph = torch.cuda.CUDAGraph()
        for optimisation in self.step.optimisations.values():
            optimisation.zero_grad()
        try:
            with torch.cuda.graph(graph):
                terms = self.step(self.batch, generator)
                self.told = torch.stack([terms[name].float() for name in self.terms])
        except RuntimeError as error:
            runtime.log.warning(
                "not recorded as a CUDA graph, so each kernel is asked for: %s", str(error).split("\n")[0]
            )
            self.recording = False
            for optimisation in self.step.optimisations.values():
                optimisation.zero_grad()
            return
        self.graph = graph
