"""Checks whether a picture file is complete and undamaged, by decoding all of it.

Decisions: most decoders fill missing parts of a JPEG with grey and only print a warning without the file's name. So
JPEGs are decoded by simplejpeg, which turns libjpeg's warnings into errors, at 1/8 of their size: every bit is still
read. Small deviations that some cameras write are accepted: a few extra bytes before the end, anything after it, an
unusual version or scan header. Of a PNG all checksums are compared and the rows counted. A changed bit that still
decodes is not noticed, because JPEG has no checksum.
"""

import io
import math
import struct

import cv2
import numpy as np
import simplejpeg
from PIL import Image
from zlib_ng import zlib_ng

from sanreid.data import image_headers
from sanreid.data.image_headers import Header, broken

HOLE = bytes(32)  # a lost block of a file or of a download is zeros
EXTRA = 16  # bytes before the end marker that some cameras leave there
SEQUENTIAL = (0xC0, 0xC1)  # JPEG's frames with all of a block in one scan
PIECE = 1 << 20  # bytes inflated at a time: memory stays as it is, whatever a PNG declares
_PASSES = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]  # Adam7
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by PNG's colour type


def verify(data: bytes) -> Header:
    """Decode the file `data` of a picture, and return its header.

    Raises ValueError saying what is wrong (without the file's name): what `image_headers.read` refuses, a file that is
    cut off, holes, wrong checksums, a format or coding that cannot be read.
    """
    header = image_headers.read(data)
    if not image_headers.ends(data, header):
        raise broken("cut off")
    if header.kind == "JPEG":
        _jpeg(data, header)
    elif header.kind == "PNG":
        _png(data, header)
        _opencv(data)
    else:
        _other(data)
        _opencv(data)
    return header


def _jpeg(data: bytes, header: Header) -> None:
    # zeros may be a flat area where the shortest code ends a block; else they would be its 63 coefficients
    zeros = (
        header.frame in SEQUENTIAL and data.find(HOLE, header.body, data.find(image_headers.JPEG_END, header.body)) >= 0
    )
    if zeros and any(_shortest(data[: header.body])):
        raise broken("a hole of zeros")
    for repaired in (False, True):
        try:
            simplejpeg.decode_jpeg(
                _plain(data, header) if repaired else data,
                "CMYK" if header.channels == 4 else "GRAY",
                fastdct=True,
                fastupsample=True,
                min_height=1,
                min_width=1,
                min_factor=8,
                strict=True,
            )
            break
        except ValueError as error:
            told = str(error)
        count = told.removeprefix("Corrupt JPEG data: ").removesuffix(" extraneous bytes before marker 0xd9")
        if count.isdigit() and int(count) <= EXTRA:
            break
        if repaired or "Corrupt" in told or "Premature" in told:
            raise broken("cut off" if "Premature" in told else told)
    if header.frame not in (0xC0, 0xC1, 0xC2) or header.channels not in (1, 3, 4):
        _opencv(data)  # a coding that not every decoder knows


def _shortest(head: bytes) -> list[int]:
    """The value that a code of zeros stands for in each AC Huffman table of a JPEG's header; 0 ends a block."""
    result = []
    for marker, at, end in image_headers.segments(head):
        while marker == 0xC4 and at + 17 < end:
            if head[at] >> 4:
                result.append(head[at + 17])
            at += 17 + sum(head[at + 1 : at + 17])
    return result


def _plain(data: bytes, header: Header) -> bytes:
    """The JPEG with a header as the standard has it, where cameras are known to write another and nothing is lost."""
    head = bytearray(data[: header.body])
    for marker, at, end in image_headers.segments(data[: header.body]):
        if marker == 0xE0 and head[at : at + 5] == b"JFIF\0":
            head[at + 5] = 1  # the version
        elif marker == 0xEE and head[at : at + 5] == b"Adobe" and end - at >= 12 and head[at + 11] > 2:
            head[at + 11] = 2 if header.channels == 4 else 1  # the colour transform
        elif marker == 0xDA and header.frame in SEQUENTIAL:
            head[end - 3 : end] = b"\0\x3f\0"  # all coefficients, in one scan
    return bytes(head) + data[header.body :]


def _png(data: bytes, header: Header) -> None:
    depth, colour, packing, filters, laced = struct.unpack(">BBBBB", data[24:29])
    if colour not in _CHANNELS or depth not in (1, 2, 4, 8, 16) or packing or filters or laced > 1:
        raise broken("a PNG of an unknown coding")
    parts, at, name = [], 8, b""
    while name != b"IEND":
        if at + 12 > len(data):
            raise broken("cut off")
        length, name = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        if at + 12 + length > len(data):
            raise broken("cut off")
        body = memoryview(data)[at + 4 : at + 8 + length]
        if zlib_ng.crc32(body) != int.from_bytes(data[at + 8 + length : at + 12 + length]):
            raise broken(f"a wrong checksum at byte {at}")
        if name == b"IDAT":
            parts.append(body[4:])
        at += 12 + length
    bits = depth * _CHANNELS[colour]
    passes = _PASSES if laced else [(0, 0, 1, 1)]
    wanted = 0
    for top, left, down, right in passes:
        rows, columns = -(-(header.height - top) // down), -(-(header.width - left) // right)
        if rows > 0 and columns > 0:
            wanted += rows * (1 + (columns * bits + 7) // 8)
    _inflate(parts, wanted)


def _inflate(parts: list[memoryview], wanted: int) -> None:
    """ValueError where the stream in `parts` is damaged, has no end or is not of `wanted` bytes."""
    stream, count = zlib_ng.decompressobj(), 0
    try:
        for part in [*parts, b""]:
            rest: bytes | memoryview = part
            while not stream.eof and count <= wanted:
                more = len(stream.decompress(rest, PIECE))
                rest, count = stream.unconsumed_tail, count + more
                if not more and not rest:
                    break
    except zlib_ng.error as error:  # pyrefly: ignore[not-a-type]
        raise broken(str(error)) from None
    if count > wanted:
        raise broken("more rows than its header says")
    if not stream.eof or count < wanted:
        raise broken("its last rows are missing")


def verify_array(data: bytes) -> None:
    """ValueError, saying what is wrong, where the .npy file `data` is no array of numbers as large as it declares."""
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        head = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = head(file)
    except (ValueError, SyntaxError, EOFError) as error:
        raise ValueError(f"not a readable array ({error}); replace it") from None
    declared, there = math.prod(shape) * kind.itemsize, len(data) - file.tell()
    if kind.hasobject or declared != there:
        raise ValueError(f"not a readable array (declares {declared} bytes, holds {there}); replace it")


def _other(data: bytes) -> None:
    try:
        with Image.open(io.BytesIO(data), formats=image_headers.OTHERS) as image:
            image.load()
    except Exception as error:  # Pillow's readers raise whatever they stumble over
        raise broken(str(error)) from None


def _opencv(data: bytes) -> None:
    """By the decoder that every later stage uses."""
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise broken(str(error.err or error)) from None
    if found is None:
        raise broken()
