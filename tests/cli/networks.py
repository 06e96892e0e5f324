"""Tiny model folders and pictures to try the command and the API on."""

import sys
from pathlib import Path

import torch

from sanreid.cli import main
from sanreid.models import reid, strong
from sanreid.models.san import SAN
from sanreid.params import validate
from sanreid.training import checkpoint
from tests.stages import toy_san as toy
from tests.stages.toy_systems import NETWORK


def write_strong(folder: Path, seed: int = 0) -> Path:
    """A strong network that learnt nothing."""
    torch.manual_seed(seed)
    arch = validate({**NETWORK, "initialise": "scratch"}, reid.Architecture, "network")
    folder.mkdir(parents=True)
    settings = {"system": "strong", "people": 4, "recipe": {"network": arch.model_dump()}}
    checkpoint.save_model(folder, strong.Strong(arch, 4), settings, None)
    return folder


def write_san(folder: Path) -> Path:
    """A SAN that learnt nothing, with its decoder."""
    torch.manual_seed(1)
    folder.mkdir(parents=True)
    settings = {"variant": "san", "people": 3, "architecture": toy.architecture()}
    checkpoint.save_model(folder, SAN(toy.architecture(), people=3), settings, None)
    return folder


def run(monkeypatch, capfd, *arguments: object) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of the command, run in this process."""
    monkeypatch.setattr(sys, "argv", ["sanreid", *map(str, arguments)])
    try:
        main.main()
        code = 0
    except SystemExit as stopped:
        code = stopped.code or 0
        if isinstance(code, str):
            print(code, file=sys.stderr)
            code = 1
    out, err = capfd.readouterr()
    return code, out, err
