"""Every wait of a run, named. Nothing in the suite sleeps; it polls until one of these is over.

All values are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The named time-outs; ``--timeout NAME=SECONDS`` sets one."""

    ready: float = 30.0
    """From a manifest, or the last progress since, to its pods serving and its Services' paths
    programmed; ten times that in all.
    """
    network: float = 10.0
    """From pods being ready to the last kind of path seen to carry anything, before any policy."""
    enforce: float = 5.0
    """From a change to the whole matrix as expected; after it, what is wrong is judged."""
    poll: float = 0.2
    """One probe of a quick round: silence for this long counts as blocked, for now."""
    probe: float = 1.0
    """One documented probe, ``busybox wget --timeout=1``."""
    confirm: float = 4.0
    """A second round for an expected connection that did not come: longer than any busy machine
    needs.
    """
    hold: float = 1.4
    """One probe that must stay blocked: outlasts the SYN that Linux sends again after 1 s."""

    def with_settings(self, settings: list[str]) -> Timeouts:
        """These with ``settings`` (``NAME=SECONDS``); ValueError names the known time-outs."""
        changed = self
        for setting in settings:
            name, _, value = setting.partition("=")
            known = [item.name for item in fields(self)]
            if name not in known:
                raise ValueError(f'unknown time-out "{name}"; known are {", ".join(known)}')
            try:
                seconds = float(value)
            except ValueError:
                raise ValueError(f'"{setting}": write it as {name}=SECONDS') from None
            if not 0 < seconds < float("inf"):
                raise ValueError(f'"{setting}": seconds must be more than 0')
            changed = replace(changed, **{name: seconds})
        return changed


DEFAULT_TIMEOUTS = Timeouts()
