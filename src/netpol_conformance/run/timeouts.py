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
    labels: float = 0.0
    """The same after pods, namespaces or their labels have changed, where that is longer than
    ``enforce``; also for later steps, until it is over.
    """
    brief: float = 5.0
    """The same where waits before were in vain (``patience``), never longer than without."""
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
        """These with ``settings`` (``NAME=SECONDS``); ValueError names the known time-outs.

        ``enforce`` holds for changes of labels too, unless ``labels`` is among them.
        """
        known = [item.name for item in fields(self)]
        given: dict[str, float] = {}
        for setting in settings:
            name, _, value = setting.partition("=")
            if name not in known:
                raise ValueError(f'unknown time-out "{name}"; known are {", ".join(known)}')
            try:
                seconds = float(value)
            except ValueError:
                raise ValueError(f'"{setting}": write it as {name}=SECONDS') from None
            if not 0 < seconds < float("inf"):
                raise ValueError(f'"{setting}": seconds must be more than 0')
            given[name] = seconds
        if "enforce" in given:  # for all changes, unless another is given for those of labels
            given = {"labels": 0.0, **given}
        return replace(self, **given)

    def at_least(self, *, enforce: float = 0.0, labels: float = 0.0) -> Timeouts:
        """These, with no shorter waits for what an implementation says to take that long."""
        return replace(self, enforce=max(enforce, self.enforce), labels=max(labels, self.labels))

    @property
    def longest(self) -> float:
        """The longest that any change may take to be in force."""
        return max(self.enforce, self.labels)


DEFAULT_TIMEOUTS = Timeouts()
"""For clusters on which a change is in force when the call that makes it returns: what comes later
is a busy machine's doing.
"""
UNPROMISED = Timeouts(enforce=30.0, labels=60.0)
"""For all others. When a change is in force is not promised (S50); by its defaults Cilium takes
5 to 35 s for a pod's new labels.
"""


def timeouts_for(*, synchronous: bool) -> Timeouts:
    """The usual time-outs for a driver's clusters, which are ``synchronous`` or not."""
    return DEFAULT_TIMEOUTS if synchronous else UNPROMISED
