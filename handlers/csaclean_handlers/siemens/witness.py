"""The second opinion on CSA headers: nibabel's reader.

The one module of the handlers that may import nibabel. The reader is independent of csaclean's and lossy: what follows
a NUL is invisible to it. So it says whether what people see is unchanged, and nothing about dead bytes.
"""

import sys
import threading
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, ClassVar

from csaclean.codecs.swap16 import Swap16
from csaclean.errors import CannotRead, CsacleanError
from csaclean.handler import Claim
from csaclean_handlers.siemens.csa import is_csa2
from csaclean_handlers.siemens.csa_layout import UNKNOWN, tag_names

__all__ = ["NibabelWitness"]

_Reader = Callable[[bytes], dict[str, Any]]


def _import_reader() -> _Reader:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nibabel.nicom import csareader  # noqa: PLC0415  # 30 MB and a tenth of a second: only where it is used

    return csareader.read  # type: ignore[no-any-return]


@cache
def _reader() -> _Reader:
    """Return nibabel's ``csareader.read``.

    nibabel imports pydicom wherever it is installed, which the CSA reader has no use for and which doubles the memory
    of the process. In a process that has imported neither, nibabel is loaded without it and then forgotten, so that a
    later import gets all of nibabel.
    """
    if "nibabel" in sys.modules or "pydicom" in sys.modules or threading.active_count() > 1:
        return _import_reader()
    sys.modules["pydicom"] = None  # type: ignore[assignment]  # documented: makes the import fail
    try:
        return _import_reader()
    finally:
        del sys.modules["pydicom"]
        for name in [name for name in sys.modules if name.partition(".")[0] == "nibabel"]:
            del sys.modules[name]


class NibabelWitness:
    """nibabel's CSA reader as a witness."""

    name: ClassVar[str] = "nibabel"
    selectors: ClassVar[frozenset[str]] = frozenset(
        ("(0029,SIEMENS CSA HEADER,10)", "(0029,SIEMENS CSA HEADER,20)")
    )

    def read(self, claim: Claim, value: bytes, /) -> Mapping[str, object]:
        """Return the decoded items of each tag, with VR and counts, by tag name; unknown names together under ``?``.

        Raises
        ------
        CannotRead
            If nibabel refuses the header (more than 1000 tags, an empty or zeroed element), or it is CSA1, which nibabel
            misreads (nipy/nibabel#1548).
        """
        del claim
        try:
            blob = Swap16().decode(value, len(value)) if value.startswith(b"VS01") else value
            if not is_csa2(blob):
                raise CannotRead("nibabel's length rule of CSA1 is off by one tag")
            tags = _reader()(blob)["tags"]
        except CsacleanError as error:
            raise CannotRead(error.reason) from None
        except Exception as error:  # noqa: BLE001  # struct.error, AssertionError, UnboundLocalError, ...: "no opinion"
            raise CannotRead(f"nibabel raised {type(error).__name__}") from None
        found: dict[str, object] = {}
        for name, tag in tags.items():
            if isinstance(name, bytes):  # 64 bytes without a NUL
                name = name.decode("latin-1")  # noqa: PLW2901  # nibabel's way to say so
            path = name if name.encode("latin-1", "replace") in tag_names() else UNKNOWN
            found[path] = f"{found.get(path, '')}{tag!r}"
        return found
