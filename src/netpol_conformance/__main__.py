"""``python -m netpol_conformance`` is the command ``netpol-conformance``."""

from netpol_conformance.cli.main import main

main()
