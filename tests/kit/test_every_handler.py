"""Every handler that ships obeys the laws that need no samples; those with a grammar are held to the others beside it."""

import pytest

from csaclean.registry import Registered, installed
from csaclean.selector import format_selector
from csaclean.testing import check_handler

SHIPPED = (
    "agfa", "archives", "bruker", "canon", "elscint", "geiis", "ge", "hitachi", "mitra", "philips", "sectra", "siemens",
    "standard", "uih",
)  # fmt: skip


def test_these_are_installed() -> None:
    ours = {entry.name for entry in installed().registered if entry.distribution == "csaclean"}
    assert ours == set(SHIPPED)


@pytest.mark.parametrize("entry", installed().registered, ids=lambda entry: entry.name)
def test_it_obeys_the_laws_that_need_no_samples(entry: Registered) -> None:
    claims = [format_selector(claim.selector) for claim in entry.handler.claims]
    check_handler(entry.handler, (), unsampled=claims)
