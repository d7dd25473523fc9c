"""``python -m netpol_conformance`` is the command ``netpol-conformance``."""

from netpol_conformance.cli import main

main()
