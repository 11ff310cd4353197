"""The conformance suite for anyone's handler: `check_handler` says where a handler breaks the laws that all obey.

It needs a handler, values made up for its tests, and nothing else: no file, no pytest. The laws stand in
`csaclean.testing.laws`, each a function that says in its first line what must hold.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from csaclean.errors import CsacleanError
from csaclean.handler import Handler
from csaclean.registry import handler_fault
from csaclean.selector import format_selector, parse_selector
from csaclean.testing.bench import Bench, Breach, Laid, Sample, what_failed
from csaclean.testing.laws import OF_HANDLER, OF_SAMPLE
from csaclean.testing.values import changed_values

__all__ = ["Breach", "BrokenLaws", "Sample", "changed_values", "check_handler"]

_LISTED = 5
"""Breaches of one law by one sample that are listed; a handler that breaks one often breaks it everywhere."""


class BrokenLaws(AssertionError):
    """A handler breaks a law, or several.

    Parameters
    ----------
    name
        The handler's name.
    breaches
        Where, and which.
    """

    def __init__(self, name: str, breaches: tuple[Breach, ...], /) -> None:
        super().__init__(name, breaches)
        self.name = name
        self.breaches = breaches

    @property
    def laws(self) -> frozenset[str]:
        """Names of the laws that are broken."""
        return frozenset(breach.law for breach in self.breaches)

    def __str__(self) -> str:
        """Return a line for each breach, without any byte of a value."""
        return "\n  ".join(
            (f"the handler {self.name} breaks {len(self.laws)} law(s):", *map(str, self.breaches))
        )


def check_handler(
    handler: Handler,
    samples: Iterable[Sample],
    *,
    unsampled: Iterable[str] = (),
    cuts: int = 1000,
    places: int = 1000,
    changes: int = 200,
    seed: int = 0,
) -> None:
    """Check that a handler obeys the laws: see `csaclean.testing.laws`.

    Nothing is left to chance: the same handler and samples give the same result.

    Parameters
    ----------
    handler
        The handler: an object, as its entry point's class makes it.
    samples
        Values of elements that it claims, with what it ought to say of each. Short ones are tried at every byte, so several
        short ones check more than a long one.
    unsampled
        Selectors of claims with a grammar that have no sample.
    cuts
        How many truncations of a sample are tried; all, of one of at most four times as many bytes.
    places
        How many bytes of structure of a row are changed.
    changes
        How many changed values of a sample are tried.
    seed
        Of these: `csaclean.testing.changed_values` gives them again, with the seed that the message names.

    Raises
    ------
    BrokenLaws
        If it doesn't. The message names laws, selectors, samples and offsets, and holds no byte of a value.
    """
    found = tuple(_breaches(handler, tuple(samples), frozenset(unsampled), (cuts, places, changes, seed)))
    if found:
        raise BrokenLaws(str(getattr(handler, "name", "without a name")), found)


def _breaches(
    handler: Handler,
    samples: tuple[Sample, ...],
    unsampled: frozenset[str],
    numbers: tuple[int, int, int, int],
) -> Iterator[Breach]:
    fault = handler_fault(handler)
    if fault:
        yield Breach("protocol", fault)
        return
    cuts, places, count, seed = numbers
    try:
        bench = Bench(handler, samples, cuts=cuts, places=places, changes=count, seed=seed)
    except CsacleanError as error:
        yield Breach("protocol", what_failed(error), error.selector)
        return
    laid: dict[int, Laid] = {}
    for number, sample in enumerate(samples):
        one = _as_expected(bench, number, sample)
        if isinstance(one, Breach):
            yield one
        elif one is not None:
            laid[number] = one
    for law in OF_HANDLER:
        yield from law(bench, laid, unsampled)
    for one in laid.values():
        for laws in OF_SAMPLE:
            for check in laws:
                broken = list(islice(check(bench, one), _LISTED))
                yield from broken
                if broken:
                    break


def _as_expected(bench: Bench, number: int, sample: Sample) -> Breach | Laid | None:
    """Return a sample with its layout; None if it was to have none, and has none."""

    def breach(reason: str, law: str = "samples") -> Breach:
        return Breach(law, reason, sample.selector, number)

    try:
        claimed = bench.claims.get(format_selector(parse_selector(sample.selector)))
    except CsacleanError:
        return breach("this is no selector")
    if claimed is None:
        return breach("the handler does not claim this element")
    if len(sample.value) > claimed.claim.cap:
        return breach(f"longer than the {claimed.claim.cap} bytes that are loaded for this claim")
    answer = bench.ask(sample)
    if answer.fault:
        return breach(answer.fault, "covers")
    is_now = "laid out" if answer.found is not None else "malformed" if answer.layout is None else "foreign"
    if is_now != sample.expect:
        return breach(f"expected to be {sample.expect}, and {is_now}")
    if answer.found is None or answer.own is None:
        return None
    return Laid(number, sample, answer.found, answer.own)
