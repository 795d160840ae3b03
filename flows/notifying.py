"""Who is told of a breakthrough and of a campaign that has stalled: two automations of the Prefect server."""

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from prefect.events.actions import CallWebhook, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound
from pydantic import SecretStr

from archdb import NotFound
from flows.announcing import BREAKTHROUGH, CAMPAIGNS, CYCLE, DESIGNS, RESTING, WORKING

BLOCK = "archloop-notify"  # what a plain address is kept under, encrypted by the server
ON_BREAKTHROUGH, ON_STALL = "archloop: breakthrough", "archloop: stalled campaign"
# expressions of the server's templates
FOUND = "event.payload.text"
STALLED = (
    "'No cycle of campaign ' ~ event.payload.campaign ~ ' has finished for {hours:g} hours, and it did not end: "
    "`archloop status` shows where it is, and `archloop run` goes on with one that failed or was killed.'"
)
# what a webhook gets: chat services show the text
PAYLOAD = '{"text": {{ (TEXT) | tojson }}, "campaign": {{ event.payload.campaign | tojson }}}'


class Block(NamedTuple):
    """Where notifications go: a block of the server."""

    kind: str  # its type's slug
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def keep_address(url: str) -> Block:
    """Keep a webhook's address on the server; an earlier one is replaced."""
    Webhook(url=SecretStr(url), headers={"Content-Type": "application/json"}).save(BLOCK, overwrite=True)
    return Block("webhook", BLOCK)


def notify(block: Block, hours: float) -> None:
    """Have the server tell a block of breakthroughs, and of campaigns at work of which no cycle finishes for so long.

    Raises:
        NotFound: the server has no such block.
    """
    with get_client(sync_client=True) as client:
        try:
            found = client.read_block_document_by_name(block.name, block.kind)
        except ObjectNotFound:
            raise NotFound(
                f"The Prefect server has no block {block}: make it in the UI under Blocks, or give --webhook URL."
            ) from None
        for wanted in _automations(block.kind, found.id, hours):
            before = client.read_automations_by_name(wanted.name)
            client.create_automation(wanted)
            for old in before:
                client.delete_automation(old.id)


def silence() -> int:
    """Take the automations away. Returns how many there were."""
    with get_client(sync_client=True) as client:
        known = [one for name in (ON_BREAKTHROUGH, ON_STALL) for one in client.read_automations_by_name(name)]
        for one in known:
            client.delete_automation(one.id)
    return len(known)


def _automations(kind: str, block: object, hours: float) -> Iterator[AutomationCore]:
    def action(subject: str, text: str) -> CallWebhook | SendNotification:
        if kind == "webhook":
            return CallWebhook(block_document_id=block, payload=PAYLOAD.replace("TEXT", text))
        return SendNotification(block_document_id=block, subject=subject, body=f"{{{{ {text} }}}}")

    yield AutomationCore(
        name=ON_BREAKTHROUGH,
        description="A design was verified on fresh seeds to be better than the best baseline that has a rank.",
        trigger=EventTrigger(
            expect={BREAKTHROUGH},
            match={"prefect.resource.id": f"{DESIGNS}*"},
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[action("archloop: a breakthrough", FOUND)],
    )
    yield AutomationCore(
        name=ON_STALL,
        description=f"A campaign is at work, and for {hours:g} hours none of its cycles has finished.",
        trigger=EventTrigger(
            after={WORKING, CYCLE},
            expect={WORKING, CYCLE, RESTING},
            match={"prefect.resource.id": f"{CAMPAIGNS}*"},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(hours=hours),
        ),
        actions=[action("archloop: a campaign has stalled", STALLED.format(hours=hours))],
    )
