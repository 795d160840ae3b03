"""What can go wrong with the memory. Every message is one sentence for a person, with the remedy."""


class ArchiveError(Exception):
    """Base of every fault that archdb reports."""


class HomeUnusable(ArchiveError):
    """The data folder cannot be created, written to, or is full."""


class StoreUnavailable(ArchiveError):
    """The store does not answer. A transport fault: the same call may succeed later."""


class StoreMisconfigured(ArchiveError):
    """The store's address or the embedded server cannot be used at all: trying again does not help."""


class Malformed(ArchiveError):
    """A document does not fit the schema of its collection: a fault of the program that wrote it."""


class StoreOutdated(ArchiveError):
    """The store holds records of another schema version."""


class NotFound(ArchiveError):
    """No record has this name."""


class Conflict(ArchiveError):
    """The record says otherwise: another scale, another corpus, an ambiguous name."""


class CassetteUnusable(ArchiveError):
    """A cassette cannot be read or written, or is not one that this archloop can replay."""


class BackupUnusable(ArchiveError):
    """A backup cannot be read or written, or is not whole."""


class DossierUnusable(ArchiveError):
    """A dossier cannot be read or written, or there is nothing to make one of."""


class LeaseLost(ArchiveError):
    """Another worker has taken this experiment over; what this one was about to write is refused."""


class BudgetSpent(ArchiveError):
    """A campaign's budget has no room for what comes next."""

    def __init__(self, message: str, campaign: str = "", wanted: dict[str, int] | None = None) -> None:
        super().__init__(message)
        self.campaign, self.wanted = campaign, wanted or {}


class Halted(ArchiveError):
    """A campaign is paused or stopped by a person: what is recorded stays, and it goes on once it is resumed."""

    def __init__(self, message: str, campaign: str, *, stopped: bool, switch: str, number: int) -> None:
        super().__init__(message)
        self.campaign, self.stopped = campaign, stopped
        self.switch, self.number = switch, number  # which switch says so, and after how many turns


class NotApproved(ArchiveError):
    """People were asked, and refused; or have yet to decide."""
