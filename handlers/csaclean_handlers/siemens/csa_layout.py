"""CSA header bytes to layout: structure, value, dead or opaque, to the byte.

What is dead, and how much of it real scanners leave filled: name tails (99.9 % of real headers hold residue there), the
fourth byte of the VR, what follows the NUL of a value, the padding of items, the trailer and what follows it.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from tomllib import loads
from types import MappingProxyType
from typing import Final

from csaclean.codecs.swap16 import Swap16
from csaclean.errors import MalformedValue
from csaclean.handler import DEFAULT_CAP
from csaclean.model import Builder, Layout, View
from csaclean.policy.fills import NUMBER
from csaclean_handlers.siemens import csa
from csaclean_handlers.siemens.autoalign import layout_autoalign
from csaclean_handlers.siemens.converters import read_tags
from csaclean_handlers.siemens.encapsulated import layout_encapsulated
from csaclean_handlers.siemens.phoenixzip import layout_phoenix_zip, layout_sr_message
from csaclean_handlers.siemens.protocol import layout_protocol
from csaclean_handlers.siemens.texts import (
    CHANNELS,
    layout_data_role,
    layout_external_info,
    layout_patient_record,
)

__all__ = ["layout_csa", "tag_names"]

_INTEGERS = frozenset((b"IS", b"SL", b"SS", b"UL", b"US"))
_DECIMALS = frozenset((b"DS", b"FD", b"FL"))
_NUMERIC = _INTEGERS | _DECIMALS
_SYNGO_DTS = {vr.encode("ascii"): number for vr, number in csa.SYNGO_DT.items()}
_MARKS = frozenset((csa.WORD_FILLED, csa.WORD_EMPTY))
_ITEM_MARKS = _MARKS | {0}
_SECOND_MAGIC = (b"\4\3\2\1", b"\0\0\0\0")
UNKNOWN = "?"
"""Path of the values of a tag that is not in the vocabulary: its name may be anything."""

_TEXT: Final = read_tags() | {b"UsedPatientWeight"}
"""Tags that are read as text under VR UN too: bytes behind their NUL are dead. Any other UN may be binary."""

_PROTOCOLS = frozenset((b"MrPhoenixProtocol", b"MrProtocol", b"MrEvaProtocol"))
_WHOLE: Final[Mapping[bytes, Callable[[bytes], Layout]]] = MappingProxyType(
    {b"PhoenixZIP": layout_phoenix_zip, b"SrMsgBuffer": layout_sr_message}
)
"""Tags whose grammar accounts for the whole value, its NUL and what follows included."""

_GRAMMARS: Final[Mapping[bytes, Callable[[bytes], Layout]]] = MappingProxyType(
    {
        b"AutoAlignData": layout_autoalign,
        b"ExamDataRole": layout_data_role,
        b"FmriExternalInfo": layout_external_info,
        b"MRDiffusion": layout_encapsulated,
        b"MRVelocityEncoding": layout_encapsulated,
        b"MR_ASL": layout_encapsulated,
        b"PatReinPattern": layout_patient_record,
    }
)
"""Tags whose text has a grammar of its own: its fields stand below the tag's name."""


@cache
def tag_names() -> frozenset[bytes]:
    """Return the names of CSA tags that are known to be Siemens' own: safe to print, and no place to hide text in."""
    table = loads(files("csaclean_handlers.siemens").joinpath("vocabulary.toml").read_text("utf-8"))
    return frozenset(name.encode("ascii") for name in table["tag_names"])


def _form(name: bytes, vr: bytes, value: bytes) -> str:
    if vr in _NUMERIC:
        if NUMBER.fullmatch(value):
            return "integer" if vr in _INTEGERS else "number"
        return "loose-number" if _is_number(value) else "text"
    if name == b"UsedChannelString" and CHANNELS.fullmatch(value):
        return "code"
    return "uid" if vr == b"UI" else "text"


def _is_number(value: bytes) -> bool:
    """Tell whether a reader that is written in Python takes a value for a number: ``float`` and ``int`` read more than DS allows.

    nibabel's ``csareader.py`` converts the values of numeric VRs so: white space around, ``1_000`` and ``nan`` are numbers.
    """
    try:
        float(value.decode("latin-1"))
    except ValueError:
        return False
    return True


def _is_binary(blob: bytes, start: int, nul: int, stop: int) -> bool:
    """Tell whether a value is no text: something stands behind its first NUL, or it is NULs, as blanking leaves it."""
    return blob.count(0, nul, stop) != stop - nul or nul == start < stop - 1


def _value(
    builder: Builder, blob: bytes, tag: csa.ScannedTag, name: bytes, item: csa.ScannedItem, *, fine: bool
) -> None:
    start, stop = item.start, item.stop
    vr = tag.vr[:2]
    nul = blob.find(0, start, stop)
    end = stop if nul < 0 else nul
    # The VR decides first: a reader converts the value of a numeric VR, whatever the tag is named.
    grammar = vr not in _NUMERIC
    if grammar and name in _PROTOCOLS:
        builder.inline(layout_protocol(blob[start:stop], fine=fine), name.decode("ascii"))
        return
    if grammar and name in _WHOLE:
        builder.inline(_WHOLE[name](blob[start:stop]), name.decode("ascii"))
        return
    path = name.decode("ascii") if name in tag_names() else UNKNOWN
    if nul < 0:
        builder.note("value-without-nul")
    elif vr == b"UN" and name not in _TEXT and name not in _GRAMMARS and _is_binary(blob, start, nul, stop):
        builder.note("binary-value")
        builder.value(stop, path, "opaque")
        return
    value = blob[start:end]
    if grammar and name in _GRAMMARS:
        builder.inline(_GRAMMARS[name](value), path)
    else:
        builder.value(end, path, _form(name, vr, value))
    if nul >= 0:
        builder.structure(nul + 1)
        builder.dead(stop)


def _tag(builder: Builder, blob: bytes, tag: csa.ScannedTag, number: int, count: int, *, fine: bool) -> None:
    start = tag.start
    if (
        tag.vr[2]
        or _SYNGO_DTS.get(tag.vr[:2]) != tag.syngo_dt
        or tag.mark not in _MARKS
        or not 0 <= tag.vm <= csa.MAX_ITEMS
    ):
        raise MalformedValue(
            f"CSA tag {number} of {count}: VM, VR, type number or check word is not one in use",
            "",
            start + 64,
        )
    name, nul, _ = tag.name.partition(b"\0")
    if not nul:
        builder.note("name-without-nul")
    if name in tag_names():
        builder.structure(start + len(name))
    else:
        builder.note("unknown-tag-name")
        builder.value(start + len(name), UNKNOWN, "name")
    builder.structure(start + len(name) + len(nul))
    builder.dead(start + 64)
    builder.structure(start + 71)
    builder.dead(start + 72)
    builder.structure(start + 84)
    for index, item in enumerate(tag.items):
        if item.words[2] not in _ITEM_MARKS:
            raise MalformedValue(
                f"CSA tag {number} of {count}: the check word of an item is not one in use",
                "",
                item.start - 8,
            )
        builder.structure(item.start)
        if item.stop > item.start:
            if 0 < tag.vm <= index:
                builder.note("data-beyond-vm")
            _value(builder, blob, tag, name, item, fine=fine)
        builder.dead(item.end)


def layout_csa(blob: bytes, *, fine: bool = False) -> Layout:
    """Return what each byte of a CSA element is.

    Parameters
    ----------
    blob
        The value of an element of creator ``SIEMENS CSA HEADER``, or of an orphan with its signature.
    fine
        Whether every number of a protocol text is a field of its own.

    Returns
    -------
    Layout
        Field paths are the tags' names, for all items of a tag the same, and ``?`` for tags that are not in the
        vocabulary; tags whose text has a grammar of its own
        (``PatReinPattern``, ``AutoAlignData``, …) have one path a field. A value that consists of NULs is dead throughout, bytes swapped in pairs (``VS01``) are a view. Content of another
        type (PET, CT, Interfile, XML) is foreign.

    Raises
    ------
    MalformedValue
        If the signature is there and the walk fails, or a constant is not one that scanners write.
    """
    size = len(blob)
    builder = Builder()
    if blob.startswith(b"VS01"):
        codec = Swap16()
        inner = codec.decode(blob, DEFAULT_CAP)
        builder.view(size, View(codec.name, codec, inner, layout_csa(inner, fine=fine)))
        return builder.done(size)
    if not (csa.is_csa2(blob) or csa.is_csa1(blob)):
        if blob.count(0) == size:
            builder.dead(size)
            return builder.done(size)
        return Layout.foreign("not-a-csa-header")
    found = csa.scan(blob)
    if found.variant is csa.Variant.CSA2:
        if blob[4:8] not in _SECOND_MAGIC:
            raise MalformedValue("the second magic word of a CSA2 header is wrong", "", 4)
        trailer = csa.CSA2_TRAILER_SIZE
        if size == found.trailer:
            builder.note("trailer-size")  # no reader misses it
        elif size - found.trailer < trailer:
            raise MalformedValue(
                f"{size - found.trailer} bytes left for the trailer of {trailer}", "", found.trailer
            )
        if size - found.trailer > trailer:
            builder.note("bytes-after-trailer")
    else:
        builder.note("csa1")
        if size - found.trailer != csa.CSA1_TRAILER_SIZE:
            builder.note("trailer-size")
    builder.structure(found.tags[0].start)
    for number, tag in enumerate(found.tags, 1):
        _tag(builder, blob, tag, number, len(found.tags), fine=fine)
    builder.dead(size)
    return builder.done(size)
