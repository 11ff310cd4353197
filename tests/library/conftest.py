"""Files for the tests of the library."""

from collections.abc import Callable

import pytest

from phantom_creators import small_headers
from phantom_file import Phantom, file_bytes
from phantom_writer import EXPLICIT_LITTLE, Encoding
from phantoms import base_image, plain_image


@pytest.fixture
def small_file() -> Callable[..., bytes]:
    """Return what makes a small file with canaries in the dead bytes of both CSA headers."""

    def build(instance: int = 1, encoding: Encoding = EXPLICIT_LITTLE) -> bytes:
        image, series = small_headers()
        dataset = base_image(image=image, series=series, instance=instance, side=4)
        return file_bytes(Phantom(dataset, encoding))

    return build


@pytest.fixture
def plain_file() -> bytes:
    """Return a file without private elements: there is nothing to clean."""
    return file_bytes(Phantom(plain_image(side=4)))
