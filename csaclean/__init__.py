"""Take identifying bytes out of vendor private DICOM elements, and prove that what converters read is unchanged."""

__version__ = "0.1.0"
