"""What a cuhk-03.mat may not do: take its bytes from elsewhere, or more memory than it has bytes."""

import resource
import zlib

import h5py
import numpy as np
import pytest

from sanreid.data import cuhk03, cuhk03_classic, mat73
from tests.data.cuhk03_file import PEOPLE, pixels, write_mat
from tests.data.test_cuhk03 import write_protocol

PICTURE = (3, 6, 13)  # of pair 1, slot 1


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    write_mat(folder / "cuhk-03.mat")
    write_protocol(folder / cuhk03.PROTOCOL.format(boxes="labeled"))
    (tmp_path / "secret").write_bytes(bytes(range(256)) * 40)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.zeros(PICTURE, np.uint8)
        file.create_dataset("labeled", (1, 5), dtype=h5py.ref_dtype)
    return folder


def every_reader(raw):
    """All that reads a cuhk-03.mat, to its end."""
    return (
        lambda: list(cuhk03.read(raw, "labeled")[1]),
        lambda: list(cuhk03_classic.read(raw, "labeled", 1)[1]),
        lambda: list(cuhk03.read(raw, "labeled", "validation", 2)[1]),
    )


def refused(raw, words, readers=slice(None)):
    for read in every_reader(raw)[readers]:
        with pytest.raises(ValueError, match=rf"cuhk-03\.mat.*{words}") as caught:
            read()
        assert "\n" not in str(caught.value)


@pytest.fixture
def edit(raw):
    def opened():
        return h5py.File(raw / "cuhk-03.mat", "a")

    return opened


def put(file, data):
    """`data` in the place of the first picture."""
    file["#refs#/labeled1"][0, 0] = data.ref


@pytest.mark.parametrize("name", ["labeled", "detected", "testsets", "#refs#", "more"])
def test_links_into_other_files_are_refused_at_the_root(raw, edit, name):
    with edit() as file:
        if name in file:
            del file[name]
        file[name] = h5py.ExternalLink("../other.h5", "/labeled")
    refused(raw, rf"'{name}' is a link into another file \(\.\./other\.h5\), which is not followed")


def test_soft_links_are_followed_but_not_out_of_the_file(raw, edit):
    with edit() as file:
        file.move("labeled", "#refs#/moved")
        file["labeled"] = h5py.SoftLink("/#refs#/moved")
    for read in every_reader(raw):
        assert len(read()) > 0
    with edit() as file:
        del file["labeled"]
        file["#refs#/out"] = h5py.ExternalLink("../other.h5", "/")
        file["labeled"] = h5py.SoftLink("#refs#/out/labeled")
    refused(raw, r"'labeled' is a link into another file")
    with edit() as file:
        del file["labeled"]
        file["labeled"] = h5py.SoftLink("/labeled")
    refused(raw, r"'labeled' leads in circles")
    with edit() as file:
        del file["labeled"]
        file["labeled"] = h5py.SoftLink("/nowhere")
    refused(raw, r"has no 'labeled'")


def test_bytes_of_other_files_are_refused_in_a_picture(raw, edit):
    with edit() as file:
        put(file, file.create_dataset("stolen", PICTURE, np.uint8, external=[("../secret", 0, 10_000)]))
    refused(raw, r"1_001_1_01\.png takes its bytes from another file \(external storage\), which is not followed")


def test_virtual_pictures_are_refused(raw, edit):
    with edit() as file:
        layout = h5py.VirtualLayout(PICTURE, np.uint8)
        layout[:] = h5py.VirtualSource("../other.h5", "x", PICTURE)
        put(file, file.create_virtual_dataset("stolen", layout))
    refused(raw, r"1_001_1_01\.png takes its bytes from another file \(a virtual data set\), which is not followed")


@pytest.mark.parametrize("name", ["labeled", "#refs#/labeled1", "#refs#/testset0", "testsets"])
def test_bytes_of_other_files_are_refused_in_tables(raw, edit, name):
    with edit() as file:
        kind = float if name == "#refs#/testset0" else h5py.ref_dtype
        shape = file[name].shape
        data = file.create_dataset("stolen", shape, kind, external=[("../secret", 0, 10_000)])
        if name == "#refs#/labeled1":
            file["labeled"][0, 0] = data.ref
        elif name == "#refs#/testset0":
            file["testsets"][0, 0] = data.ref
        else:
            del file[name]
            file.move("stolen", name)
    refused(raw, "external storage", slice(1, 2) if "testset" in name else slice(None))


@pytest.mark.parametrize(
    ("shape", "kind", "more", "words"),
    [
        ((3, 100_000, 100_000), np.uint8, {}, r"1_001_1_01\.png is uint8 \(3, 100000, 100000\), not uint8 \(3, W, H\)"),
        ((3, 20_000, 20_000), np.uint8, {}, r"says that it is 3 x 20000 x 20000, more than the 300000000"),
        ((3, 5_000, 5_000), np.uint8, {}, r"says that it is 3 x 5000 x 5000, and has 0 bytes"),
        ((3, 5_000, 5_000), np.uint8, {"chunks": (3, 50, 50)}, r"says that it is 3 x 5000 x 5000, and has 0 bytes"),
        ((3, 5_000, 5_000), np.uint8, {"compression": "gzip"}, r"says that it is 3 x 5000 x 5000, and has no bytes"),
        ((3, 4, 5), np.float64, {}, r"is float64 \(3, 4, 5\), not uint8"),
        ((3, 4, 5), h5py.string_dtype(), {}, r"is object \(3, 4, 5\), not uint8"),
        ((4, 4, 5), np.uint8, {}, r"is uint8 \(4, 4, 5\), not uint8"),
        ((3, 4, 5, 6), np.uint8, {}, r"is uint8 \(3, 4, 5, 6\), not uint8"),
        ((3, 0, 5), np.uint8, {}, r"is uint8 \(3, 0, 5\), not uint8"),
    ],
)
def test_pictures_of_any_other_kind_are_named(raw, edit, shape, kind, more, words):
    with edit() as file:
        put(file, file.create_dataset("odd", shape, kind, **more))
    refused(raw, words)


def test_tables_of_any_other_kind_are_named(raw, edit):
    with edit() as file:
        huge = file.create_dataset("huge", (10, 10**9), h5py.ref_dtype, chunks=(10, 1000))
        file["labeled"][0, 1] = huge.ref
    refused(raw, r"labeled: pair 2 says that it is 10 x 1000000000, more than the 1000000")
    for data, words in (
        (np.zeros((10, 4)), "pair 2 is no table of cells"),
        (np.zeros(4), "pair 2 is no table of cells"),
    ):
        with edit() as file:
            file["labeled"][0, 1] = file.create_dataset(f"odd{data.ndim}", data=data).ref
        refused(raw, words)
    with edit() as file:
        file["labeled"][0, 1] = file.create_dataset("few", (3, 4), h5py.ref_dtype).ref
    refused(raw, r"pair 2 is \(3, 4\), not \(10 slots, people\)")
    with edit() as file:
        file["labeled"][0, 1] = file["#refs#"].ref
    refused(raw, "pair 2 leads to no array")
    with edit() as file:
        del file["labeled"]
        file.create_dataset("labeled", (1, 10**9), h5py.ref_dtype, chunks=(1, 1000))
    refused(raw, r"labeled says that it is 1 x 1000000000")
    with edit() as file:
        del file["labeled"]
        file.create_group("labeled")
    refused(raw, "'labeled' leads to no array")
    with edit() as file:
        del file["labeled"]
        file.create_dataset("labeled", (1, 6), h5py.ref_dtype)
    refused(raw, "labeled has 6 camera pairs")


def test_a_size_that_disagrees_with_the_bytes_is_refused(raw):
    """One bit of a picture's width: 6 becomes 4, or 7."""
    whole = (raw / "cuhk-03.mat").read_bytes()
    sizes = np.array(PICTURE, np.uint64).tobytes()
    assert sizes in whole
    for width in (4, 7):
        wrong = np.array((3, width, 13), np.uint64).tobytes()
        (raw / "cuhk-03.mat").write_bytes(whole.replace(sizes, wrong))
        refused(raw, rf"1_001_1_01\.png says that it is 3 x {width} x 13, and has 234 bytes")


def test_two_cells_with_one_picture_are_refused(raw, edit):
    with edit() as file:
        file["#refs#/labeled1"][0, 0] = file["#refs#/labeled1"][1, 0]
    refused(raw, r"1_001_1_02\.png and 1_001_1_01\.png are the same picture")


def test_packed_pictures_are_read_and_bombs_are_not(raw, edit):
    with edit() as file:
        put(file, file.create_dataset("packed", data=pixels("labeled", 1, 1, 1).T, compression="gzip", shuffle=True))
    np.testing.assert_array_equal(every_reader(raw)[0]()[0][1], pixels("labeled", 1, 1, 1))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    packer = zlib.compressobj(1)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(400)) + packer.flush()
    with edit() as file:
        bad = file.create_dataset("bomb", (3, 500, 500), np.uint8, chunks=(3, 500, 500), compression="gzip")
        bad.id.write_direct_chunk((0, 0, 0), bomb)
        put(file, bad)
    refused(raw, r"1_001_1_01\.png unfolds to more than it says")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB


@pytest.mark.parametrize("more", [{"compression": "gzip"}, {}])
def test_a_missing_chunk_is_refused_and_not_read_as_black(raw, edit, more):
    with edit() as file:
        torn = file.create_dataset("torn", PICTURE, np.uint8, chunks=(3, 2, 13), **more)
        torn[:, :2], torn[:, 4:] = 200, 100
        put(file, torn)
    refused(raw, r"1_001_1_01\.png (cannot be read|says that it is 3 x 6 x 13, and has 156 bytes)")


def test_packing_that_matlab_does_not_know_is_named(raw, edit):
    with edit() as file:
        put(file, file.create_dataset("odd", data=pixels("labeled", 1, 1, 1).T, chunks=PICTURE, scaleoffset=0))
    refused(raw, r"1_001_1_01\.png is packed by HDF5's filters \[6\]")


@pytest.mark.parametrize("numbers", [[[1.5], [2]], [[1], [np.nan]], [[1e300], [1]], [[1, 1], [2, 2]], [[], []]])
def test_test_sets_are_whole_numbers_and_name_each_person_once(raw, edit, numbers):
    with edit() as file:
        file["testsets"][0, 0] = file.create_dataset("odd", data=np.array(numbers, float)).ref
    refused(raw, "testset 1 (is not|names a person twice|is empty)", slice(1, 2))
    with pytest.raises(ValueError, match="testset 1"):
        cuhk03_classic.read(raw, "labeled", 1)


def test_a_file_that_is_not_hdf5_is_refused(raw):
    (raw / "cuhk-03.mat").write_bytes(b"")
    refused(raw, "not a whole HDF5 file")
    assert sum(PEOPLE) == 9
    with pytest.raises(FileNotFoundError, match=r"none\.mat"):
        mat73.opened(raw / "none.mat")
