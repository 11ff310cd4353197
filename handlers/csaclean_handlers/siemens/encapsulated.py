"""DICOM data sets inside CSA tags: MRDiffusion, MR_ASL and MRVelocityEncoding hold one as base64 text."""

from csaclean.codecs.base64 import Base64
from csaclean.errors import LimitExceeded, MalformedValue
from csaclean.grammars.data_set import begins_data_set
from csaclean.handler import DEFAULT_CAP
from csaclean.model import DATASET, Builder, Layout, View

__all__ = ["layout_encapsulated"]

_CODEC = Base64()


def layout_encapsulated(text: bytes) -> Layout:
    """Return the layout of a text that is a data set in base64: a view, which the engine walks.

    Parameters
    ----------
    text
        The live text; spaces at its end are padding.

    Returns
    -------
    Layout
        One view with the path ``base64``. Where the text isn't canonical base64, or stands for something else, one
        field, ``other``.
    """
    builder = Builder()
    core = text.rstrip(b" ")
    try:
        inner = _CODEC.decode(core, DEFAULT_CAP)
    except (MalformedValue, LimitExceeded):
        inner = b""
    if begins_data_set(inner):
        builder.view(len(core), View(_CODEC.name, _CODEC, inner, DATASET))
        builder.structure(len(text))
    else:
        builder.value(len(text), "other", "text")
    return builder.done(len(text))
