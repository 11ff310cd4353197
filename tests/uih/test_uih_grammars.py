"""The grammars of United Imaging's texts obey the laws of all grammars, and know the lines that are known."""

from collections.abc import Mapping
from typing import Final

import pytest

from csaclean.engine import Engine
from csaclean.handler import PrivateElement, parse_selector
from csaclean.policy.policies import load_policy
from csaclean.registry import Registered, Registry
from csaclean.standard import StandardElements
from csaclean.testing import Sample, check_handler
from csaclean_handlers.uih import UihHandler
from csaclean_handlers.uih.grammars import GRAMMARS, layout_coefficients, layout_sar_model
from phantom_uih import DAY, coefficients, noise

COEFFICIENTS: Final = "(0065,Image Private Header,36)"
SAR_MODEL: Final = "(0065,Image Private Header,17)"
PROTOCOL: Final = "(0065,Image Private Header,07)"
CLOCK: Final = "(0065,Image Private Header,51)/(0008,0032)"

SAMPLES: Final[Mapping[str, Sample]] = {
    "coefficients": Sample(COEFFICIENTS, coefficients()),
    "coefficients-other": Sample(
        COEFFICIENTS, coefficients("by DOE^JANE", "A( 3,  1)  0.5  q", "a/b") + b" \0"
    ),
    "coefficients-none": Sample(COEFFICIENTS, bytes(64), "foreign"),
    "coefficients-noise": Sample(COEFFICIENTS, noise(64), "foreign"),
    "sar": Sample(SAR_MODEL, b"Normal : HEAD : 0.125 ", vr="LO"),
    "sar-short": Sample(SAR_MODEL, b"First Level:WHBST", vr="LO"),
    "sar-unlisted": Sample(SAR_MODEL, b"Jane : Doe : 1", vr="LO"),
    "sar-other": Sample(SAR_MODEL, b"0.5 by DOE^JANE", vr="LO"),
    "sar-empty": Sample(SAR_MODEL, b"", vr="LO"),
    "protocol": Sample(PROTOCOL, noise(512), vr="OB"),
    "clock": Sample(CLOCK, b"081510.125000 ", vr="TM"),
}
REGISTRY: Final = Registry(
    [
        Registered("standard", StandardElements(), "csaclean", "test"),
        Registered("uih", UihHandler(), "csaclean", "test"),
    ]
)


def cleaned(selector: str, value: bytes, policy: str = "converter-safe", vr: str | None = None) -> bytes:
    claimed = REGISTRY.by_selector[selector]
    element = PrivateElement(
        claimed.claim, parse_selector(selector), vr or claimed.claim.vr, value, "<", (), lambda _: None
    )
    result = Engine(load_policy(policy), REGISTRY).clean_element(claimed, element)
    assert result is not None, "foreign content"
    return result.new


@pytest.mark.parametrize("name", SAMPLES)
def test_the_laws_hold(name: str) -> None:
    sample = SAMPLES[name]
    mine = {sample.selector} if sample.expect == "laid out" else set()
    check_handler(UihHandler(), [sample], unsampled=GRAMMARS.keys() - mine)


class TestCoefficients:
    def test_known_lines_stay_under_every_policy(self) -> None:
        value = coefficients()
        assert cleaned(COEFFICIENTS, value) == cleaned(COEFFICIENTS, value, "strict") == value

    def test_every_number_of_a_known_line_is_a_field(self) -> None:
        value = b"0//A( 3,  1)   -0.5   x"
        found = [
            (span.path, value[span.start : span.stop]) for span in layout_coefficients(value) if span.path
        ]
        assert found == [("number", n) for n in (b"0", b"3", b"1", b"-0.5")]

    @pytest.mark.parametrize(
        "line", ["by DOE^JANE", "C( 3,  1)  0.5  x", "Rq = 1m", "CUBE", "JaneRange*X*1*Y*1*Z*1"]
    )
    def test_any_other_line_is_redacted(self, line: str) -> None:
        before, after = coefficients(line), cleaned(COEFFICIENTS, coefficients(line))
        assert after == before.replace(line.encode(), b"X" * len(line))

    def test_a_text_without_the_flag_is_foreign(self) -> None:
        assert layout_coefficients(b"CUBIC//0.5").is_foreign


class TestSarModel:
    def test_terms_stay_and_strict_zeroes_the_power(self) -> None:
        value = b"Normal : HEAD : 0.125"
        assert cleaned(SAR_MODEL, value) == value
        assert cleaned(SAR_MODEL, value, "strict") == b"Normal : HEAD : 0.000"

    def test_words_that_are_not_listed_go(self) -> None:
        assert cleaned(SAR_MODEL, b"Jane : Doe : 1") == b"XXXX : XXX : 1"

    def test_a_text_of_another_shape_is_one_field(self) -> None:
        assert [span.path for span in layout_sar_model(b"50 kg, DOE^JANE ") if span.path] == ["other"]
        assert cleaned(SAR_MODEL, b"50 kg, DOE^JANE ") == b"X" * 15 + b" "


class TestClock:
    @pytest.mark.parametrize("value", [b"081510.125000", b"0815", b"23", b"235960"])
    @pytest.mark.parametrize("policy", ["dead-space", "converter-safe", "strict"])
    def test_no_policy_changes_a_time_of_day(self, value: bytes, policy: str) -> None:
        assert cleaned(CLOCK, value, policy, "TM") == value

    @pytest.mark.parametrize("value", [b"DOE^JANE", b"24", DAY.encode(), b"0815-1610", b"08:15:10"])
    def test_what_is_no_time_of_day_is_spoken_of_by_no_rule(self, value: bytes) -> None:
        assert cleaned(CLOCK, value, "strict", "TM") != value
