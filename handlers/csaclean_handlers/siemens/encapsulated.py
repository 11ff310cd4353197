"""DICOM data sets inside values.

The CSA tags MRDiffusion, MR_ASL and MRVelocityEncoding hold one as base64 text. An element of private pixels may hold one as
it stands, with the start of a file before it (PS3.10 section 7.1) or without.
"""

from csaclean.codecs.base64 import Base64
from csaclean.codecs.plain import Plain
from csaclean.errors import LimitExceeded, MalformedValue
from csaclean.grammars.data_set import begins_data_set
from csaclean.handler import DEFAULT_CAP
from csaclean.model import Builder, DataSetGrammar, Field, Layout, View

__all__ = ["layout_data_set", "layout_encapsulated"]

_CODEC = Base64()
_PLAIN = Plain()
_DATA_SET = DataSetGrammar(otherwise=Field("other", "text"))
_BYTES = DataSetGrammar(otherwise=Field("", "opaque"))
_PREAMBLE_SIZE = 128
_PREFIX = b"DICM"


def layout_encapsulated(text: bytes) -> Layout:
    """Return the layout of a text that is a data set in base64: a view, which the engine walks.

    Parameters
    ----------
    text
        The live text; spaces at its end are padding.

    Returns
    -------
    Layout
        One view with the path ``base64``. Where the text isn't canonical base64, or stands for something else, a data set that
        can't be walked too, one field, ``other``.
    """
    builder = Builder()
    core = text.rstrip(b" ")
    try:
        inner = _CODEC.decode(core, DEFAULT_CAP)
    except (MalformedValue, LimitExceeded):
        inner = b""
    if begins_data_set(inner):
        builder.view(len(core), View(_CODEC.name, _CODEC, inner, _DATA_SET))
    else:
        builder.value(len(core), "other", "text")
    builder.structure(len(text))
    return builder.done(len(text))


def layout_data_set(value: bytes) -> Layout | None:
    """Return the layout of a value that is a data set in explicit VR little endian, or a file of one; None if it is none.

    Parameters
    ----------
    value
        The value of an element of bytes.

    Returns
    -------
    Layout or None
        One view with the path ``plain``, which is one opaque field where the data set can't be walked; of a file also the
        field ``preamble``.
    """
    builder = Builder()
    if value.startswith(_PREFIX, _PREAMBLE_SIZE):
        builder.value(_PREAMBLE_SIZE, "preamble", "opaque")
        builder.structure(_PREAMBLE_SIZE + len(_PREFIX))
    elif not begins_data_set(value):
        return None
    row = value[builder.position :]
    builder.view(len(value), View(_PLAIN.name, _PLAIN, row, _BYTES))
    return builder.done(len(value))
