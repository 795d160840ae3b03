"""Faults of the surroundings, as opposed to failures of a design.

A fault is retried or reported to a person; a failure is a result and is recorded. Nothing here is ever stored as the
reason why a design is bad.
"""


class TransportFault(Exception):
    """Something that archloop talks to did not answer: the store, MLflow, a model endpoint. Trying again may help."""


class CapacityFault(Exception):
    """The machine had no room just now: no process, no memory, no disk. Trying again later may help."""


class NotConfined(Exception):
    """This machine cannot confine untrusted code well enough. Trying again does not help; the text says what does."""


class Stopped(Exception):
    """A person or a cancelled run ended the work. Nothing is recorded; the same command goes on from here."""

    SENTENCE = "Stopped: what is recorded stays, and the same command goes on from here."

    def __init__(self, message: str = SENTENCE) -> None:
        super().__init__(message)


class ModelUnusable(Exception):
    """A model endpoint, or the settings that name it, cannot be used. Trying again does not help; the text says what
    does.
    """
