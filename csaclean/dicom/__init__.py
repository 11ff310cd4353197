"""DICOM structure over raw bytes: transfer syntaxes, the walk over data elements, Private Creators.

Nothing here interprets a value or knows a vendor, and nothing imports pydicom, numpy or nibabel.
"""
