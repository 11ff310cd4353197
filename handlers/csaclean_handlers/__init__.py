"""The vendor handlers that ship with csaclean, one package each."""
