"""What every flow does first: know its campaign, and make sure that what cycles share is there."""

from prefect.settings import PREFECT_API_URL

from archdb import Campaign, NotFound, get_campaign, open_campaign, open_store, recover, settle_abandoned
from archdb.cognition import index_cognition
from flows.gpu_pool import require_shared_servers
from flows.imported_parents import refuse_imported
from flows.settings import campaign_record
from flows.slots import offer_slots

SLOTS = 2  # designs evaluated at a time where nobody said how many


def join(name: str, slots: int = SLOTS) -> Campaign:
    """The campaign of this name, created with the defaults if it does not exist, ready for cycles.

    Args:
        name: of the campaign.
        slots: the size of the global limit ``gpu-slot`` if the server lacks it.

    Raises:
        Conflict: the campaign was imported, and nothing runs in it.
        StoreMisconfigured: a GPU work pool is named beside servers of this machine alone.
    """
    store = open_store()
    try:
        campaign = get_campaign(store, name)
    except NotFound:
        campaign = open_campaign(store, campaign_record(name, 0, "nano", "grammar", 0, "evaluation"))
    refuse_imported(campaign)
    require_shared_servers(PREFECT_API_URL.value())
    recover(store, name)  # what a killed worker had reserved
    settle_abandoned(store)
    offer_slots(slots)
    index_cognition(store)
    return campaign
