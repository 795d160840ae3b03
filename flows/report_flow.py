"""The reports of campaigns, written anew: what a daily schedule runs."""

from prefect import flow, get_run_logger

from archdb import get_campaign, list_campaigns, open_store


@flow(name="report")
def report(campaign: str = "") -> list[str]:
    """Write the report of a campaign, finished or not, or the reports of all of them.

    Args:
        campaign: the campaign's name; empty for all that there are.

    Returns:
        The paths of the reports.
    """
    from flows.report import write_report  # draws with matplotlib, which takes a second to import

    store = open_store()
    chosen = [get_campaign(store, campaign)] if campaign else list_campaigns(store)
    paths = []
    for one in chosen:
        paths.append(str(write_report(store, one)))
        get_run_logger().info("The report of %s: %s", one.id, paths[-1])
    return paths
