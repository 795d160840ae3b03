"""What can be wrong with a dataset, each with the kind under which reports know it."""

from evaluation.corpus import CorpusError
from evaluation.reports import Failure, FailureKind


class DataError(CorpusError):
    """A dataset is missing, damaged, too short or of another vocabulary; ``failure`` is the same for a report."""

    def __init__(self, kind: FailureKind, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.failure = Failure(kind=kind, message=message, remedy=remedy)
