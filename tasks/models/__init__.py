"""Calls of language models. What the roles use is :func:`ask`; docs/model-calls.md tells what it does."""

from tasks.models.asking import ask, check_models
from tasks.models.outcomes import NoAnswer
from tasks.models.prompt import Prompt

__all__ = ["NoAnswer", "Prompt", "ask", "check_models"]
