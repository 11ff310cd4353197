"""Take identifying bytes out of vendor private DICOM elements, and prove that what converters read is unchanged.

The names below are the library; they are loaded when they are first used, so ``import csaclean`` costs nothing.

Examples
--------
>>> import csaclean
>>> sorted(csaclean.policies())
['converter-safe', 'dead-space', 'strict']
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from csaclean.adapters.pydicom import clean_dataset
    from csaclean.batch import Run, clean_tree
    from csaclean.clean import clean_file
    from csaclean.errors import CsacleanError
    from csaclean.policy.policies import policy_names as policies
    from csaclean.proving import ProveReport, prove
    from csaclean.report.model import Report, Summary
    from csaclean.value import clean_value

__all__ = [
    "CsacleanError",
    "ProveReport",
    "Report",
    "Run",
    "Summary",
    "__version__",
    "clean_dataset",
    "clean_file",
    "clean_tree",
    "clean_value",
    "policies",
    "prove",
]

__version__ = "0.1.0"

_HOMES = {
    "CsacleanError": "csaclean.errors:CsacleanError",
    "ProveReport": "csaclean.proving:ProveReport",
    "Report": "csaclean.report.model:Report",
    "Run": "csaclean.batch:Run",
    "Summary": "csaclean.report.model:Summary",
    "clean_dataset": "csaclean.adapters.pydicom:clean_dataset",
    "clean_file": "csaclean.clean:clean_file",
    "clean_tree": "csaclean.batch:clean_tree",
    "clean_value": "csaclean.value:clean_value",
    "policies": "csaclean.policy.policies:policy_names",
    "prove": "csaclean.proving:prove",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = home.partition(":")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return __all__
