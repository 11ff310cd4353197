"""A parameter block of nobody, and a file that holds it: made up, so it may be committed."""

import struct
import sys

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage

OPERATOR = b"DOE^JANE"
HISTORY = (
    struct.pack("<HH2sH", 0x0008, 0x0012, b"DA", 8) + b"20010203"
    + struct.pack("<HH2sH", 0x0008, 0x1070, b"PN", 8) + OPERATOR
)  # fmt: skip


def parameter_block(*names: bytes, history: bytes = HISTORY) -> bytes:
    """Return a parameter block; behind each text stands what the memory held before."""
    parameters = b"".join(struct.pack("<16sd", (name + b"\0ROE^RICHARD----")[:16], 72.5) for name in names)
    header = struct.pack("<8sHH32s", b"ACMEPRM", 2, len(names), OPERATOR + b"\0/home/jdoe/protocols")
    return header + parameters + struct.pack("<I", len(history)) + history[::-1]


def write_file(path: str) -> None:
    """Write a small DICOM file with ACME's private elements."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = UID("2.25.1")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, "2.25.1"
    block = dataset.private_block(0x0019, "ACME MR 01", create=True)
    block.add_new(0x10, "OB", parameter_block(b"TE", b"Weight"))
    block.add_new(0x11, "DA", "20010203")
    block.add_new(0x12, "LO", "knee of Jane")
    block.add_new(0x13, "CS", "HEAD")
    dataset.save_as(path, enforce_file_format=True)


if __name__ == "__main__":
    write_file(sys.argv[1])
