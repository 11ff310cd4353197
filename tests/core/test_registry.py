"""The registry: who claims what, and what a handler may answer."""

from collections.abc import Callable

import pytest

from csaclean.codecs.swap16 import Swap16
from csaclean.errors import HandlerError, LimitExceeded, MalformedValue
from csaclean.handler import Claim, PrivateElement, Rule, RuleSet, parse_selector
from csaclean.model import Builder, Kind, Layout, View
from csaclean.registry import Claimed, Registered, Registry

SELECTOR = "(0029,PHANTOM VENDOR,10)"
CONTENT = "SYNTHETIC CONTENT"


class Toy:
    """A handler that does what a test tells it."""

    def __init__(
        self,
        *claims: Claim,
        rules: tuple[Rule, ...] = (),
        layout: Callable[[PrivateElement], Layout] = lambda _: Layout.foreign("toy"),
    ) -> None:
        self.name = "toy"
        self.claims = claims
        self.rules = RuleSet(rules)
        self._layout = layout

    def layout(self, element: PrivateElement, /) -> Layout:
        return self._layout(element)


def claim(selector: str = SELECTOR, *signatures: bytes) -> Claim:
    return Claim(parse_selector(selector), signatures, orphan=bool(signatures))


def registered(handler: Toy, name: str = "toy", distribution: str = "toys") -> Registered:
    return Registered(name, handler, distribution, "1.0")  # type: ignore[arg-type]  # attributes of the object


def registry(*handlers: Toy) -> Registry:
    return Registry(registered(handler, f"toy{number}") for number, handler in enumerate(handlers))


def element(value: bytes = b"12345678", vr: str | None = "OB") -> PrivateElement:
    return PrivateElement(claim(), parse_selector(SELECTOR), vr, value, "<", (), lambda _: None)


def only(handler: Toy) -> Claimed:
    (claimed,) = registry(handler).claims
    return claimed


class TestCollisions:
    def test_one_name_of_two_distributions_names_both(self) -> None:
        with pytest.raises(HandlerError, match="toy is taken by both ours and theirs"):
            Registry([registered(Toy(), "toy", "ours"), registered(Toy(), "toy", "theirs")])

    def test_one_claim_of_two_handlers_names_both(self) -> None:
        with pytest.raises(HandlerError, match="claimed by both toy0 of toys and toy1 of toys") as caught:
            registry(Toy(claim()), Toy(claim()))
        assert caught.value.selector == SELECTOR

    def test_one_element_under_two_spellings_of_its_creator_is_refused(self) -> None:
        with pytest.raises(HandlerError, match="spells the creator in two ways") as caught:
            registry(Toy(claim(), claim(SELECTOR.replace("PHANTOM", "Phantom"))))
        assert caught.value.selector == SELECTOR.replace("PHANTOM", "Phantom")

    def test_several_claims_of_two_handlers_are_one_error(self) -> None:
        both = (claim("(0029,V,10)"), claim("(0029,V,20)"), claim("(0029,V,30)"))
        with pytest.raises(HandlerError, match=r"claimed by both .*, and 2 more") as caught:
            registry(Toy(*both), Toy(*both))
        assert caught.value.selector == "(0029,V,10)"

    @pytest.mark.parametrize(
        "spelling",
        [
            "(0029,Phantom Vendor,10)",
            "(0029,phantom vendor,10)",
            "(0029,PHANTOM VENDOR ,10)",
            "(0029, PHANTOM VENDOR,10)",
        ],
    )
    def test_another_spelling_of_the_creator_is_the_same_claim(self, spelling: str) -> None:
        with pytest.raises(HandlerError, match="claimed by both"):
            registry(Toy(claim()), Toy(claim(spelling)))

    def test_a_rule_on_a_whole_element_is_a_claim_too(self) -> None:
        whole = Rule((SELECTOR,), "device", "x", vr="LO")
        with pytest.raises(HandlerError, match="claimed by both"):
            registry(Toy(claim()), Toy(rules=(whole,)))

    def test_a_handler_may_have_rules_for_its_own_claims(self) -> None:
        whole = Rule((SELECTOR,), "device", "x", vr="LO")
        assert [claimed.by_vr for claimed in registry(Toy(claim(), rules=(whole,))).claims] == [False]

    def test_the_same_element_below_different_sequences_is_not_the_same_claim(self) -> None:
        first = Toy(claim("(0029,PHANTOM VENDOR,30)/(0008,0018)"))
        second = Toy(claim("(0029,PHANTOM VENDOR,40)/(0008,0018)"))
        assert len(registry(first, second).claims) == 2


class TestLookUp:
    def test_a_claim_is_found_by_group_folded_creator_and_byte(self) -> None:
        handlers = registry(Toy(claim()))
        assert len(handlers.find(0x0029, "phantom vendor", 0x10)) == 1
        for group, creator, byte in (
            (0x0029, "phantom vendor", 0x11),
            (0x0029, "another", 0x10),
            (0x0029, None, 0x10),
            (0x0019, "phantom vendor", 0x10),
        ):
            assert handlers.find(group, creator, byte) == ()

    def test_creators_are_known_folded(self) -> None:
        handlers = registry(Toy(claim("(0029, Phantom Vendor ,10)")))
        assert handlers.knows("phantom vendor")
        assert not handlers.knows("Phantom Vendor")
        assert not handlers.knows("another")

    def test_an_orphan_is_found_by_signature_and_its_byte_decides(self) -> None:
        handlers = registry(Toy(claim("(0029,V,10)", b"SIGN"), claim("(0029,V,20)", b"SIGN")))
        for byte, expected in ((0x10, "(0029,V,10)"), (0x20, "(0029,V,20)"), (0x77, "(0029,V,10)")):
            hit = handlers.orphan(b"SIGNED", byte)
            assert hit is not None
            assert hit.selector == expected
        assert handlers.orphan(b"OTHER!", 0x10) is None

    def test_a_claim_that_takes_no_orphans_is_not_found_by_signature(self) -> None:
        handlers = registry(Toy(Claim(parse_selector(SELECTOR), (b"SIGN",), orphan=False)))
        assert handlers.orphan(b"SIGNED", 0x10) is None
        assert handlers.longest_signature == 0

    def test_the_longest_signature_is_that_of_all_handlers(self) -> None:
        handlers = registry(Toy(claim("(0029,V,10)", b"AB")), Toy(claim("(0031,V,10)", b"ABCDEF", b"A")))
        assert handlers.longest_signature == 6


class TestLayouts:
    def test_a_codec_that_meets_its_cap_is_a_limit_without_its_text(self) -> None:
        def layout(_: PrivateElement) -> Layout:
            raise LimitExceeded(CONTENT)

        with pytest.raises(LimitExceeded) as caught:
            only(Toy(claim(), layout=layout)).layout(element())
        assert CONTENT not in str(caught.value)
        assert caught.value.selector == SELECTOR

    @pytest.mark.parametrize(
        "error",
        [
            RuntimeError(CONTENT),
            ValueError(CONTENT),
            KeyError(CONTENT),
            RecursionError(CONTENT),
            MemoryError(CONTENT),
            UnicodeDecodeError("ascii", CONTENT.encode(), 0, 1, CONTENT),
            AssertionError(CONTENT),
            SystemExit(CONTENT),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_whatever_a_handler_raises_becomes_an_error_without_its_text(self, error: BaseException) -> None:
        def layout(_: PrivateElement) -> Layout:
            raise error

        with pytest.raises(HandlerError) as caught:
            only(Toy(claim(), layout=layout)).layout(element())
        assert type(error).__name__ in caught.value.reason
        assert CONTENT not in str(caught.value)
        assert caught.value.selector == SELECTOR
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__

    def test_a_malformed_value_gets_the_elements_selector(self) -> None:
        def layout(_: PrivateElement) -> Layout:
            raise MalformedValue("broken", "", 5)

        with pytest.raises(MalformedValue) as caught:
            only(Toy(claim(), layout=layout)).layout(element())
        assert (caught.value.reason, caught.value.selector, caught.value.offset) == ("broken", SELECTOR, 5)

    @pytest.mark.parametrize("stops", [[], [4], [7], [9], [4, 4, 8], [6, 4, 8], [0, 8], [-1, 8]])
    def test_a_layout_with_a_hole_is_an_error(self, stops: list[int]) -> None:
        layout = Layout(stops, bytearray(len(stops)), [None] * len(stops))
        with pytest.raises(HandlerError, match="hole"):
            only(Toy(claim(), layout=lambda _: layout)).layout(element())

    @pytest.mark.parametrize(("kinds", "fields"), [(1, 2), (2, 1), (0, 0), (3, 2)])
    def test_a_layout_with_columns_of_different_length_is_an_error(self, kinds: int, fields: int) -> None:
        layout = Layout([4, 8], bytearray(kinds), [None] * fields)
        with pytest.raises(HandlerError):
            only(Toy(claim(), layout=lambda _: layout)).layout(element())

    def test_an_answer_that_is_no_layout_is_an_error(self) -> None:
        with pytest.raises(HandlerError):
            only(Toy(claim(), layout=lambda _: None)).layout(element())  # type: ignore[arg-type, return-value]

    def test_an_empty_value_has_an_empty_layout(self) -> None:
        assert len(only(Toy(claim(), layout=lambda _: Builder().done(0))).layout(element(b""))) == 0

    @pytest.mark.parametrize("stop", [3, 5])
    def test_a_hole_in_what_a_view_shows_is_a_hole(self, stop: int) -> None:
        def layout(element: PrivateElement) -> Layout:
            builder = Builder()
            inner = Layout([stop], bytearray([Kind.OPAQUE]), [None])
            builder.view(8, View("v", Swap16(), element.value[:4], inner))
            return builder.done(8)

        with pytest.raises(HandlerError, match="gave a view with a layout with a hole"):
            only(Toy(claim(), layout=layout)).layout(element())

    def test_a_view_without_a_layout_is_an_error(self) -> None:
        def layout(element: PrivateElement) -> Layout:
            builder = Builder()
            builder.view(8, View("v", Swap16(), element.value, None))  # type: ignore[arg-type]  # a handler may
            return builder.done(8)

        with pytest.raises(HandlerError, match="gave a view with no layout"):
            only(Toy(claim(), layout=layout)).layout(element())

    def test_a_view_with_a_foreign_layout_is_an_error(self) -> None:
        def layout(element: PrivateElement) -> Layout:
            builder = Builder()
            builder.view(8, View("v", Swap16(), element.value, Layout.foreign("other")))
            return builder.done(8)

        with pytest.raises(HandlerError, match="gave a view with a foreign layout"):
            only(Toy(claim(), layout=layout)).layout(element())

    def test_a_whole_layout_is_passed_on(self) -> None:
        builder = Builder()
        builder.opaque(8)
        layout = builder.done(8)
        assert only(Toy(claim(), layout=lambda _: layout)).layout(element()) is layout

    def test_foreign_content_needs_no_spans(self) -> None:
        assert only(Toy(claim())).layout(element()).is_foreign


class TestByVr:
    WHOLE = Rule((SELECTOR,), "device", "x", vr="LO")

    def test_the_vr_of_the_file_goes_before_that_of_the_rule(self) -> None:
        layout = only(Toy(rules=(self.WHOLE,))).layout(element(b"20010203", "DA"))
        assert [span.form for span in layout] == ["date"]

    @pytest.mark.parametrize("vr", [None, "UN"])
    def test_the_vr_of_the_rule_stands_in_where_the_file_does_not_tell(self, vr: str | None) -> None:
        layout = only(Toy(rules=(self.WHOLE,))).layout(element(b"abcdefg ", vr))
        assert [(span.kind, span.form) for span in layout] == [(Kind.VALUE, "text"), (Kind.STRUCTURE, "")]

    def test_the_handlers_code_is_not_asked(self) -> None:
        def layout(_: PrivateElement) -> Layout:
            raise RuntimeError

        assert len(only(Toy(rules=(self.WHOLE,), layout=layout)).layout(element(b"abcdefgh", "LO"))) == 1
