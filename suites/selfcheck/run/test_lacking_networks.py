"""Networks that lack a kind of path: what they do not carry is no policy's fault, and costs no
other cell.
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice, zip_longest

from netpol_conformance.clusters.embedded.lacks import Lack, Way
from netpol_conformance.judge.cell import NOT_CARRIED
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.run.events import CellResult
from netpol_conformance.run.timeouts import Timeouts
from netpol_conformance.scenario.types import Expectation, Scenario

from ..corpus import CORPUS
from .lacking import LACKS, Carried, Seen, run, uncarried

SAMPLE = 2
AT_ONCE = 3
AS_EVER = (Outcome.PASS, Outcome.UNSPECIFIED)
NO_ANSWER = (Outcome.INCONCLUSIVE, Outcome.UNSPECIFIED)


def sample(lack: Lack) -> list[Scenario]:
    """A few scenarios that need what is lacking: of each pack in turn the shortest."""
    packs: defaultdict[str, list[Scenario]] = defaultdict(list)
    for scenario in sorted(CORPUS, key=lambda item: (len(item.steps), len(item.sources))):
        # A case is one of many alike, and what is asked all the time takes its time.
        if not scenario.case and not scenario.asking and needs(scenario, lack):
            packs[scenario.pack].append(scenario)
    in_turn = chain.from_iterable(zip_longest(*packs.values()))
    return list(islice(filter(None, in_turn), SAMPLE))


def needs(scenario: Scenario, lack: Lack) -> bool:
    """Whether its author says of a cell that is never carried that it must connect."""
    lost = uncarried(scenario, lack)
    return any(
        word is Expectation.CONNECTED
        and lost.get((index, str(cell.source), str(cell.destination))) is Carried.NEVER
        for index, step in enumerate(scenario.steps, 1)
        for cell, word in step.expected
    )


def faults(lack: Lack) -> list[str]:
    """What is not as it should be on a network that lacks this."""
    scenarios = sample(lack)
    finished = run(scenarios, lack)
    late = {*finished.cut_short, *(seen.scenario for seen in finished.cells if is_late(seen))}
    wrong = [
        str(seen)
        for seen in finished.cells
        if not is_right(seen, lack) and seen.scenario not in late
    ]
    # One at a time, and with patience: the machine may have been busy.
    for scenario in scenarios:
        if scenario.path in late:
            again = run([scenario], lack, Timeouts(), jobs=1)
            wrong += [f"{path} was cut short: {why}" for path, why in again.cut_short.items()]
            wrong += [str(seen) for seen in again.cells if not is_right(seen, lack)]
    return [f"{lack}: {fault}" for fault in wrong]


def is_late(seen: Seen) -> bool:
    """Whether a cell has no answer that the network could have given."""
    return seen.carried is Carried.ALWAYS and seen.cell.outcome is Outcome.INCONCLUSIVE


def is_right(seen: Seen, lack: Lack) -> bool:
    cell = seen.cell
    if cell.outcome is Outcome.FAIL:
        return False
    if seen.carried is Carried.AT_TIMES:
        return True
    if seen.carried is Carried.ALWAYS:
        return cell.outcome in AS_EVER
    if isinstance(cell, CellResult) and cell.expected is Expectation.CONNECTED:
        # Of a name that is not resolved nothing is known, not even who would carry the rest.
        told = lack.way is Way.DNS or NOT_CARRIED in cell.reason
        return cell.outcome is Outcome.INCONCLUSIVE and told
    return cell.outcome in NO_ANSWER


def test_every_lack_is_needed_by_some_scenario() -> None:
    """Else nothing would be seen of it here."""
    assert [str(lack) for lack in LACKS if not sample(lack)] == []


def test_what_is_not_carried_is_inconclusive_and_costs_no_other_cell() -> None:
    """One test for all, for they wait together."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        wrong = list(chain.from_iterable(pool.map(faults, LACKS)))
    assert not wrong, "\n".join(wrong)
