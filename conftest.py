"""What every pytest run in this repository shares: how hypothesis looks for counterexamples."""

from __future__ import annotations

import os

from hypothesis import settings

# On a CI server the same examples each time, so that a failure there fails here; elsewhere new
# ones. Never a deadline: what a slow machine does is no finding.
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")
