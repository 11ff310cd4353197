"""CSA headers written and read a second time, from the description of the format alone.

Nothing here imports the code under test. Sources of the description: malaterre/GDCM ``gdcmCSAHeader.cxx`` and
``csa.c``, spm/spm ``spm_dicom_header.m``.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = [
    "Dead",
    "PlainItem",
    "PlainTag",
    "dead_bytes",
    "dead_ranges",
    "read_items",
    "write_csa1_gdcm",
    "write_csa1_spm",
    "write_csa2",
]

TEXT_UNDER_UN = frozenset(
    (
        b"AcquisitionMatrixText",
        b"AutoAlignData",
        b"B_matrix",
        b"B_value",
        b"BandwidthPerPixelPhaseEncode",
        b"Columns",
        b"DataPointColumns",
        b"DiffusionGradientDirection",
        b"EchoColumnPosition",
        b"ExamDataRole",
        b"FlipAngle",
        b"FmriExternalInfo",
        b"ICE_Dims",
        b"ImaCoilString",
        b"ImaRelTablePosition",
        b"ImageHistory",
        b"ImageOrientationPatient",
        b"ImagePositionPatient",
        b"ImagedNucleus",
        b"ImagingFrequency",
        b"InversionTime",
        b"MRDiffusion",
        b"MRVelocityEncoding",
        b"MR_ASL",
        b"MosaicRefAcqTimes",
        b"MrEvaProtocol",
        b"MrPhoenixProtocol",
        b"MrProtocol",
        b"MrProtocolVersion",
        b"NumberOfFrames",
        b"NumberOfImagesInMosaic",
        b"PatReinPattern",
        b"PhaseEncodingDirectionPositive",
        b"PhoenixZIP",
        b"PixelSpacing",
        b"ProtocolSliceNumber",
        b"RBMoCoRot",
        b"RBMoCoTrans",
        b"RealDwellTime",
        b"ReceivingCoil",
        b"RepetitionTime",
        b"Rows",
        b"SequenceName",
        b"SliceMeasurementDuration",
        b"SliceNormalVector",
        b"SliceThickness",
        b"SrMsgBuffer",
        b"TimeAfterStart",
        b"TransmittingCoil",
        b"UsedPatientWeight",
        b"VoiPhaseFoV",
        b"VoiPosition",
        b"VoiReadoutFoV",
        b"VoiThickness",
    )
)
"""Tags whose values are text although their VR is UN: what follows their NUL is dead.

Those that a converter reads (each reads text, whatever the VR), protocols, and what Siemens writes as text.
"""


class PlainTag(NamedTuple):
    """What a tag record says, and its items."""

    name: bytes
    tail: bytes
    """Fills the name field behind the NUL; 63 bytes less the name."""
    vm: int
    vr: bytes
    """Two letters."""
    vr_tail: bytes
    type_number: int
    values: tuple[bytes, ...]
    """One for each item, empty for items without value."""
    junk: bytes = bytes(4)
    """The first bytes of it are the padding of every item."""


class PlainItem(NamedTuple):
    """One item of a CSA2 header as read."""

    tag: bytes
    vr: bytes
    number: int
    record: int
    """Where its four words begin."""
    start: int
    stop: int
    end: int
    """Where its padding ends."""


class Dead(NamedTuple):
    """A run of bytes that no reader uses."""

    kind: str
    start: int
    stop: int


def _record(tag: PlainTag) -> bytes:
    field = tag.name + b"\0" + tag.tail if len(tag.name) < 64 else tag.name
    count = len(tag.values)
    mark = 77 if count else 205
    record = field + struct.pack("<i", tag.vm) + tag.vr + b"\0" + tag.vr_tail
    return record + struct.pack("<iii", tag.type_number, count, mark)


def _aligned(tags: Sequence[PlainTag]) -> bytes:
    """Write tags by the rule that CSA2 and GDCM's CSA1 share: all words are the length, values end on a multiple of 4."""
    out = b""
    for tag in tags:
        out += _record(tag)
        for value in tag.values:
            length = len(value)
            out += struct.pack("<iiii", length, length, 77 if length else 205, length)
            out += value + tag.junk[: (4 - length) % 4]
    return out


def write_csa2(
    tags: Sequence[PlainTag], trailer: bytes = bytes(4), magic: bytes = b"\x04\x03\x02\x01"
) -> bytes:
    """Return a CSA2 header."""
    return b"SV10" + magic + struct.pack("<II", len(tags), 77) + _aligned(tags) + trailer


def write_csa1_gdcm(tags: Sequence[PlainTag], trailer: bytes = bytes(112)) -> bytes:
    """Return a CSA1 header by GDCM's rule: length as in CSA2."""
    return struct.pack("<II", len(tags), 77) + _aligned(tags) + trailer


def write_csa1_spm(tags: Sequence[PlainTag], trailer: bytes = bytes(112)) -> bytes:
    """Return a CSA1 header by SPM's rule.

    The first word is the length and the item count of the first tag; one to four bytes pad; where the difference is
    negative, the tag ends.
    """
    shift = len(tags[0].values)
    out = struct.pack("<II", len(tags), 77)
    for tag in tags:
        out += _record(tag)
        for value in tag.values:
            if not value:
                out += struct.pack("<iiii", 0, 0, 205, 0)
                if shift:
                    break
                out += tag.junk[:4]
                continue
            word = len(value) + shift
            out += struct.pack("<iiii", word, word, 77, word)
            out += value + tag.junk[: 4 - len(value) % 4]
    return out + trailer


def _walk(blob: bytes) -> Iterator[tuple[int, bytes, bytes, list[PlainItem]]]:
    """Yield start, name, VR and items of each tag of a CSA2 header; last, with an empty name, where the tags end."""
    (count,) = struct.unpack("<I", blob[8:12])
    here = 16
    for _ in range(count):
        start, name, vr = here, blob[here : here + 64].split(b"\0")[0], blob[here + 68 : here + 70]
        (n_items,) = struct.unpack("<i", blob[here + 76 : here + 80])
        here += 84
        items = []
        for number in range(n_items):
            (length,) = struct.unpack("<i", blob[here + 4 : here + 8])
            stop = here + 16 + length
            end = stop + (4 - length) % 4
            items.append(PlainItem(name, vr, number, here, here + 16, stop, end))
            here = end
        yield start, name, vr, items
    yield here, b"", b"", []


def read_items(blob: bytes) -> list[PlainItem]:
    """Return the items of a CSA2 header, empty ones included."""
    return [item for _, _, _, items in _walk(blob) for item in items]


def dead_ranges(blob: bytes) -> list[Dead]:
    """Return the dead bytes of a CSA2 header, in order; what stands behind the trailer of four bytes included."""
    found = []
    for start, name, vr, items in _walk(blob):
        if not vr:
            found += [Dead("trailer", start, start + 4), Dead("after-trailer", start + 4, len(blob))]
            break
        found += [
            Dead("name-tail", start + len(name) + 1, start + 64),
            Dead("vr-tail", start + 71, start + 72),
        ]
        for item in items:
            text, nul, rest = blob[item.start : item.stop].partition(b"\0")
            blank = not text and rest  # a binary value that was nulled as a whole is binary still
            binary = vr == b"UN" and name not in TEXT_UNDER_UN and (rest.strip(b"\0") or blank)
            if nul and not binary:
                found.append(Dead("value-tail", item.start + len(text) + 1, item.stop))
            found.append(Dead("padding", item.stop, item.end))
    return [dead for dead in found if dead.start < dead.stop]


def dead_bytes(blob: bytes) -> frozenset[int]:
    """Return the offsets of all dead bytes of a CSA2 header."""
    return frozenset(offset for dead in dead_ranges(blob) for offset in range(dead.start, dead.stop))
