"""What every pytest run in this repository shares: how hypothesis looks for counterexamples, and
that the programs which tests start heed Ctrl-C.
"""

from __future__ import annotations

import os
import signal

from hypothesis import settings

# On a CI server the same examples each time, so that a failure there fails here; elsewhere new
# ones. Never a deadline: what a slow machine does is no finding.
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")

# A shell that starts the tests in the background has them ignore SIGINT, and with them all programs
# that they start; where it is caught, it is theirs to heed again.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
