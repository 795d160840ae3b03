"""Where a campaign's report lies: known without what draws it, which takes a second to import."""

from pathlib import Path
from urllib.parse import quote

from archdb import home


def report_folder(campaign_id: str) -> Path:
    """Where a campaign's report lies. Signs that would lead out of the folder of reports are encoded."""
    name = quote(campaign_id, safe=" ")
    return home() / "reports" / (name.replace(".", "%2E") if name.strip(".") == "" else name)
