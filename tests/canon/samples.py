"""Where the tests of the Canon handler get their elements, and what the engine makes of them."""

from functools import cache
from typing import Final

from csaclean.engine import Cleaned, Engine
from csaclean.handler import PrivateElement, parse_selector
from csaclean.model import Kind, Layout
from csaclean.nested import resolve
from csaclean.policy.policies import load_policy
from csaclean.registry import Registered, Registry
from csaclean.standard import StandardElements
from csaclean_handlers.canon import CanonHandler

__all__ = ["PROTOCOL", "RECORDS", "REVERSED", "TABLE", "cleaned", "element", "laid_out", "parts", "registry"]

REVERSED: Final = "(0029,TOSHIBA_MEC_MR3,90)"
RECORDS: Final = "(700D,TOSHIBA_MEC_MR3,08)"
PROTOCOL: Final = "(700D,TOSHIBA_MEC_MR3^10,19)"
TABLE: Final = "(0019,TOSHIBA_MEC_MR3^12,76)"


@cache
def registry() -> Registry:
    """Return a registry of this handler and of the standard elements, whatever else is installed."""
    return Registry(
        [
            Registered("standard", StandardElements(), "csaclean", "test"),
            Registered("canon", CanonHandler(), "csaclean", "test"),
        ]
    )


def element(value: bytes, selector: str, vr: str = "OB") -> PrivateElement:
    """Return a claimed element as its handler sees it."""
    claim = registry().by_selector[selector].claim
    return PrivateElement(claim, parse_selector(selector), vr, value, "<", (), lambda _: None)


def laid_out(value: bytes, selector: str, vr: str = "OB") -> Layout:
    """Return the layout of an element, the views in it walked."""
    return resolve(registry().by_selector[selector].layout(element(value, selector, vr)), registry())


def cleaned(value: bytes, selector: str, policy: str = "converter-safe", vr: str = "OB") -> Cleaned:
    """Return what the engine makes of an element; it is an error if the content is foreign."""
    engine = Engine(load_policy(policy), registry())
    result = engine.clean_element(registry().by_selector[selector], element(value, selector, vr))
    assert result is not None, "foreign content"
    return result


def parts(value: bytes, layout: Layout) -> list[tuple[str, str, bytes]]:
    """Return path, form and bytes of every field."""
    return [
        (span.path, span.form, value[span.start : span.stop]) for span in layout if span.kind is Kind.VALUE
    ]
