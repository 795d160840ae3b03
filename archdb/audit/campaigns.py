"""Does a campaign still have the settings that were told when it was opened? In a store and in a dossier alike."""

from collections.abc import Iterator

from archdb.audit.faults import Fault, differs
from archdb.events import Event
from archdb.records import Campaign
from archdb.told import TOLD_LATER, told_campaign

COUNTED = "cycles"  # may grow: events of their own tell of it


def check_settings(campaign: Campaign, opened: Event) -> Iterator[Fault]:
    """The settings against the event that told of the campaign's opening."""
    now = told_campaign(campaign).body
    for setting in [*now, *(one for one in opened.body if one not in now)]:
        if setting == COUNTED or (setting in TOLD_LATER and setting not in opened.body):
            continue
        if now.get(setting) != opened.body.get(setting):
            yield differs(opened, f"the campaign's {setting}", now.get(setting), opened.body.get(setting))
