"""DICOM data sets inside CSA tags: MRDiffusion, MR_ASL and MRVelocityEncoding hold one as base64 text."""

from csaclean.codecs.base64 import Base64
from csaclean.errors import LimitExceeded, MalformedValue
from csaclean.grammars.data_set import begins_data_set
from csaclean.handler import DEFAULT_CAP
from csaclean.model import Builder, DataSetGrammar, Layout, View

__all__ = ["layout_encapsulated"]

_CODEC = Base64()
_DATA_SET = DataSetGrammar(otherwise="text")


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
