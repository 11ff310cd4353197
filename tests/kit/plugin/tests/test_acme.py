"""The handler obeys csaclean's laws, and finds what identifies."""

from csaclean.testing import Sample, check_handler
from csaclean_acme import AcmeHandler
from phantom import parameter_block

BLOCK = "(0019,ACME MR 01,10)"


def test_it_obeys_the_laws() -> None:
    check_handler(
        AcmeHandler(),
        [
            Sample(BLOCK, parameter_block(b"TE", b"Weight")),
            Sample(BLOCK, parameter_block()),
            Sample(BLOCK, parameter_block(b"Unheard", b"TR")),
            Sample(BLOCK, b"something else", "foreign"),
            Sample(BLOCK, parameter_block(b"TE")[:20], "malformed"),
            Sample("(0019,ACME MR 01,11)", b"20010203", vr="DA"),
        ],
    )


def test_names_are_told_only_if_a_list_knows_them() -> None:
    import csaclean  # the library, with the handlers that are installed

    dirty = parameter_block(b"Unheard", b"TR")
    clean = csaclean.clean_value(dirty, creator="ACME MR 01", group=0x19, element=0x10)
    assert b"DOE^JANE" not in clean
    assert b"ENAJ^EOD" not in clean  # the history, backwards
    assert b"jdoe" not in clean
    assert b"RICHARD" not in clean
    assert len(clean) == len(dirty)
