"""Damaged CSA headers: an error, foreign, or another layout that covers every byte; never anything else."""

import random
import struct
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from csaclean.errors import CsacleanError, MalformedValue
from csaclean.model import Kind, Layout
from csaclean_handlers.siemens import csa
from csaclean_handlers.siemens.csa import CsaHeader, CsaTag, Variant
from csaclean_handlers.siemens.csa_layout import layout_csa
from phantom_csa import (
    PATIENT_RECORD,
    PATIENT_WEIGHT,
    image_header,
    phoenix_protocol,
    second_magic_zeroed,
    series_header,
    swapped,
    with_canaries,
)
from tests.siemens.layout_laws import laid_out_or_refused
from tests.siemens.samples import cleaned, inner_layout, kind_of_bytes, nibabel_files, real_blobs

SEED = 20010203
MUTATIONS = 20_000


def _small(variant: Variant) -> bytes:
    """Return a header of three tags, one of them without items."""
    count = 1 if variant is Variant.CSA1 else None  # with one item in the first tag
    tags = (
        CsaTag.build("EchoLinePosition", "IS", [b"4       "], n_items=count),
        CsaTag.build("PixelFile", "UN"),
        CsaTag.build("ICE_Dims", "LO", [b"X_1_1_1"]),
    )
    return csa.encode(CsaHeader.build(tags, variant=variant))


def _layout(blob: bytes) -> Layout | None:
    """Return the layout of a value, checked to cover it; None if it is malformed or foreign."""
    layout = laid_out_or_refused(layout_csa, blob)
    return None if layout is None or layout.is_foreign else layout


class TestTruncation:
    @pytest.mark.parametrize(
        "blob", [real_blobs(nibabel_files()[0])[0], csa.encode(series_header())], ids=["real", "phantom"]
    )
    def test_a_cut_at_any_word_of_a_csa2_header_is_an_error(self, blob: bytes) -> None:
        for size in range(4, len(blob) - csa.CSA2_TRAILER_SIZE, 4):
            with pytest.raises(MalformedValue):
                layout_csa(blob[:size])

    def test_a_cut_inside_a_long_protocol_is_an_error(self) -> None:
        blob = csa.encode(series_header(protocol=phoenix_protocol() * 30))
        assert len(blob) > 50_000
        for size in range(4, len(blob) - csa.CSA2_TRAILER_SIZE, 4):
            with pytest.raises(MalformedValue):
                layout_csa(blob[:size])

    def test_a_cut_at_any_byte_of_a_small_csa2_header_is_an_error(self) -> None:
        blob = _small(Variant.CSA2)
        for size in set(range(4, len(blob))) - {len(blob) - csa.CSA2_TRAILER_SIZE}:
            with pytest.raises(MalformedValue):
                layout_csa(blob[:size])

    def test_a_csa2_header_without_its_trailer_is_read(self) -> None:
        blob = _small(Variant.CSA2)
        layout = layout_csa(blob[: -csa.CSA2_TRAILER_SIZE])
        assert "trailer-size" in layout.notes
        assert layout.stops[:-1] == layout_csa(blob).stops[: len(layout) - 1]

    def test_a_cut_inside_the_signature_is_foreign(self) -> None:
        assert all(layout_csa(b"SV10"[:size]).is_foreign for size in range(1, 4))

    def test_a_cut_at_any_byte_of_a_swapped_header_is_an_error(self) -> None:
        blob = swapped(_small(Variant.CSA2))
        for size in set(range(4, len(blob))) - {len(blob) - csa.CSA2_TRAILER_SIZE}:
            with pytest.raises(MalformedValue):
                layout_csa(blob[:size])

    @pytest.mark.parametrize("variant", [Variant.CSA1, Variant.CSA1_SPM])
    @pytest.mark.parametrize("make", [lambda v: csa.encode(image_header(v)), _small], ids=["image", "small"])
    def test_a_cut_csa1_header_is_an_error_foreign_or_noted_for_its_trailer(
        self, make: Callable[[Variant], bytes], variant: Variant
    ) -> None:
        blob = make(variant)
        for size in range(len(blob)):
            layout = _layout(blob[:size])
            if layout is not None and size:
                assert "trailer-size" in layout.notes or csa.scan(blob[:size]).variant is not variant


def _fields_of_structure(blob: bytes) -> dict[int, str]:
    """Return for each byte of a record or item header which part of it that is."""
    found = csa.scan(blob)
    names = dict.fromkeys(range(found.tags[0].start), "head")
    parts = (
        (0, 64, "name"),
        (64, 68, "vm"),
        (68, 71, "vr"),
        (72, 76, "type"),
        (76, 80, "items"),
        (80, 84, "mark"),
    )
    for tag in found.tags:
        for low, high, part in parts:
            names.update((tag.start + offset, part) for offset in range(low, high))
        for item in tag.items:
            state = "filled" if item.stop > item.start else "empty"
            for offset in range(16):
                names[item.start - 16 + offset] = f"word {offset // 4} of {state} item"
            names.update((offset, "nul") for offset in range(item.start, item.stop))
    return names


@cache
def _unnoticed(variant: Variant) -> dict[str, list[tuple[int, int]]]:
    """Return, by part, each (offset, new byte) of a structure byte that leaves a small header's layout as it was."""
    blob = _small(variant)
    before = layout_csa(blob)
    parts = _fields_of_structure(blob)
    expected = (before.stops, before.kinds, before.fields, before.notes)
    found: dict[str, list[tuple[int, int]]] = {}
    damaged = bytearray(blob)
    for offset, kind in enumerate(kind_of_bytes(before)):
        if kind is not Kind.STRUCTURE:
            continue
        for byte in range(256):
            if byte == blob[offset]:
                continue
            damaged[offset] = byte
            after = _layout(bytes(damaged))
            if after is not None and (after.stops, after.kinds, after.fields, after.notes) == expected:
                found.setdefault(parts[offset], []).append((offset, byte))
        damaged[offset] = blob[offset]
    return found


class TestEveryOtherValueOfAStructureByteIsNoticed:
    """But for numbers and codes that stay inside what scanners write.

    VM may be any number from 0 to 10,000; VR, type number and check words may be exchanged for others in use. In a
    CSA2 header of three tags that is 961 of 77,265 changed bytes, 882 of them in VM.
    """

    IN_USE = frozenset({"vm", "vr", "type", "mark", "word 2 of filled item", "word 2 of empty item"})

    @pytest.mark.parametrize("variant", [Variant.CSA2, Variant.CSA1])
    def test_but_for_vm_and_for_codes_that_are_in_use(self, variant: Variant) -> None:
        blob = _small(variant)
        found = _unnoticed(variant)
        assert set(found) <= self.IN_USE
        for offset, byte in found.get("vm", ()):
            record = bytearray(blob)
            record[offset] = byte
            start = next(
                tag.start for tag in csa.scan(blob).tags if tag.start + 64 <= offset < tag.start + 68
            )
            assert 0 <= struct.unpack_from("<i", record, start + 64)[0] <= csa.MAX_ITEMS
        for offset, byte in found.get("mark", ()):
            assert byte in (77, 205), offset
        for part in ("word 2 of filled item", "word 2 of empty item"):
            assert {byte for _, byte in found.get(part, ())} <= {0, 77, 205}

    def test_by_spms_rule_the_item_count_of_a_tag_that_ends_early_may_be_another(self) -> None:
        found = _unnoticed(Variant.CSA1_SPM)
        unread = {f"word {word} of {state} item" for word in (1, 3) for state in ("filled", "empty")}
        assert set(found) - unread <= self.IN_USE | {"items", "word 0 of filled item", "word 0 of empty item"}

    @pytest.mark.parametrize("word", [1, 3])
    @pytest.mark.parametrize("state", ["filled", "empty"])
    def test_by_spms_rule_a_length_word_that_it_does_not_read_must_repeat_the_first(
        self, word: int, state: str
    ) -> None:
        # Else eight bytes of every item could hold anything, pass as structure, and be vouched for.
        assert f"word {word} of {state} item" not in _unnoticed(Variant.CSA1_SPM)


def _bases() -> list[bytes]:
    small = [_small(variant) for variant in Variant]
    record = CsaHeader.build(
        (
            CsaTag.build("UsedPatientWeight", "IS", [PATIENT_WEIGHT]),
            CsaTag.build("PatReinPattern", "ST", [PATIENT_RECORD]),
            CsaTag.build(
                "MrPhoenixProtocol",
                "UN",
                [b"### ASCCONV BEGIN ###\nlScanTimeSec = 18\n### ASCCONV END ###\n"],
            ),
        )
    )
    filled = [with_canaries(record)[0], second_magic_zeroed(small[0]), swapped(small[0])]
    whole = [with_canaries(image_header(variant))[0] for variant in Variant]
    return small * 4 + filled * 4 + whole


def _structure_offsets(blob: bytes) -> list[int]:
    """Return where words of records and items begin, in a header or in the header that is swapped."""
    inner = swapped(blob) if blob.startswith(b"VS01") else blob
    found = csa.scan(inner)
    offsets = list(range(0, found.tags[0].start, 4))
    for tag in found.tags:
        offsets += [tag.start + place for place in (0, 60, 64, 68, 72, 76, 80)]
        for item in tag.items:
            offsets += [item.start - 16, item.start - 12, item.start - 8, item.start - 4]
    return offsets


def _mutated(pick: random.Random, blob: bytes, offsets: list[int], other: bytes) -> bytes:
    """Return a header with one fault, or two or three."""
    damaged = bytearray(blob)
    for _ in range(pick.choice((1, 1, 1, 2, 3))):
        place = min(pick.choice(offsets), len(damaged) - 4)
        if place < 0:
            break
        match pick.randrange(10):
            case 0:
                damaged[place + pick.randrange(4)] ^= 1 << pick.randrange(8)
            case 1:
                words = (
                    0,
                    1,
                    4,
                    6,
                    77,
                    205,
                    10_000,
                    10_001,
                    0x7FFFFFFF,
                    -1,
                    -4,
                    -0x80000000,
                    pick.randrange(len(damaged)),
                )
                damaged[place : place + 4] = struct.pack("<i", pick.choice(words))
            case 2:
                (word,) = struct.unpack_from("<i", damaged, place)
                damaged[place : place + 4] = struct.pack(
                    "<I", word + pick.choice((-6, -4, -1, 1, 4, 6)) & 0xFFFFFFFF
                )
            case 3:
                word = pick.randrange(1, 64)
                damaged[place : place + 16] = struct.pack("<4i", word, word, pick.choice((77, 205)), word)
            case 4:
                start = pick.randrange(len(other))
                size = pick.randrange(1, 200)
                damaged[place : place + size] = other[start : start + size]
            case 5:
                start = pick.randrange(len(other))
                damaged[place:place] = other[start : start + pick.choice((4, 16, 84, 100))]
            case 6:
                del damaged[place : place + pick.choice((1, 4, 16, 84))]
            case 7:
                del damaged[pick.randrange(len(damaged)) :]
            case 8:
                damaged[pick.randrange(len(damaged))] = pick.randrange(256)
            case _:
                size = pick.randrange(1, 100)
                damaged[place : place + size] = bytes(len(damaged[place : place + size]))
        if not damaged:
            break
    return bytes(damaged)


def _mutations(count: int, seed: int) -> Iterator[bytes]:
    pick = random.Random(seed)  # noqa: S311  # the same faults in every run
    bases = _bases()
    offsets = [_structure_offsets(blob) for blob in bases]
    for _ in range(count):
        number = pick.randrange(len(bases))
        yield _mutated(pick, bases[number], offsets[number], pick.choice(bases))


class TestMutations:
    def test_give_an_error_foreign_or_a_layout_that_covers_and_nothing_else(self) -> None:
        outcomes = [_layout(blob) is None for blob in _mutations(MUTATIONS, SEED)]
        # Faults that are all refused, or none of them, would test nothing.
        assert MUTATIONS // 10 < sum(outcomes) < MUTATIONS * 9 // 10

    def test_are_written_back_as_they_were_where_they_can_be_read(self) -> None:
        read = 0
        for blob in _mutations(MUTATIONS // 4, SEED + 1):
            try:
                header = csa.decode(blob)
            except MalformedValue:
                continue
            assert csa.encode(header) == blob
            read += 1
        assert read > MUTATIONS // 40

    def test_are_cleaned_of_dead_bytes_and_proved_or_refused_as_malformed(self) -> None:
        for blob in _mutations(MUTATIONS // 8, SEED + 2):
            if _layout(blob) is None:
                continue
            try:
                new = cleaned(blob, "dead-space", proof="self").new
            except CsacleanError as error:
                pytest.fail(f"{type(error).__name__}: {error}")
            layout = layout_csa(new)
            if new.startswith(b"VS01"):
                layout = inner_layout(layout)
            row = swapped(new) if new.startswith(b"VS01") else new
            kinds = kind_of_bytes(layout)
            assert not any(byte for byte, kind in zip(row, kinds, strict=True) if kind is Kind.DEAD)
