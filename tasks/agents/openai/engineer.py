"""The Engineer on a model: a file from a proposal, and its repair; edits that do not fit are asked for once more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.agents.declared import knock_outs
from tasks.agents.desk import Desk
from tasks.agents.grammar.engineer import GrammarEngineer
from tasks.agents.openai.brief import brief
from tasks.agents.openai.edits import Misfit, NoDraft, edited, unfenced
from tasks.agents.openai.prompting import prompt
from tasks.agents.openai.quoting import cut, one_line
from tasks.agents.openai.sections import Item, fill, sources
from tasks.agents.openai.shapes import Code
from tasks.agents.protocols import Complaint, Draft, Peer, Proposal
from tasks.novelty.fingerprint import same
from tasks.peers import population

ASKS = 2  # questions for one version: the second one says why the edits of the first do not fit
PROPOSAL, MESSAGE, SOURCE, EARLIER = 16_000, 6000, 40_000, 2000  # budgets, in tokens
NOTE = 300  # signs


@dataclass(frozen=True)
class ModelEngineer:
    """Writes and repairs; version ``n`` of a design is asked for in the calls ``2n`` and ``2n + 1``."""

    desk: Desk

    def components(self, given: Peer) -> dict[str, str]:
        """In the grammar's words, so that designs of models and published ones are counted together."""
        return GrammarEngineer().components(given)

    def write(self, proposal: Proposal, parents: Sequence[Peer]) -> Draft:
        filled = {"sources": sources(parents), **self._common(proposal, parents)}
        base = parents[0].source if parents else ""
        return self._draft("engineer.md", 0, base, proposal, filled)

    def repair(self, proposal: Proposal, complaint: Complaint, parents: Sequence[Peer]) -> Draft | None:
        told = [Item(f"- {one.kind}: {one_line(one.message, 400)}") for one in complaint.earlier]
        filled = {
            "kind": complaint.kind,
            "message": cut(complaint.message, MESSAGE),
            "remedy": cut(complaint.remedy, MESSAGE),
            "source": cut(complaint.source, SOURCE),
            "earlier": fill(told, EARLIER).text if told else "",
            **self._common(proposal, parents),
        }
        try:
            draft = self._draft("repair.md", complaint.attempt + 1, complaint.source, proposal, filled)
        except NoDraft:
            return None  # what the checks said of the last version says more than that
        versions = (complaint.source, *(one.source for one in complaint.earlier))
        return None if any(same(draft.source, one) for one in versions) else draft

    def knock_outs(self, design: Peer) -> Mapping[str, Draft]:
        return knock_outs(design)

    def _common(self, proposal: Proposal, parents: Sequence[Peer]) -> dict[str, Any]:
        desk, told = self.desk, cut(proposal.motivation, PROPOSAL)
        shown = brief(desk.campaign, parents, population(desk.store, desk.campaign.id))
        return {"name": proposal.name, "proposal": told, "wrong": "", **shown}

    def _draft(self, template: str, version: int, base: str, proposal: Proposal, filled: dict[str, Any]) -> Draft:
        wrong = ""
        for again in range(ASKS):
            asked = prompt(template, **(filled | {"wrong": wrong}))
            code = self.desk.ask("engineer", ASKS * version + again, asked, Code)
            try:
                source = unfenced(code.source) if code.source.strip() else edited(base, code.edits)
            except Misfit as fault:
                wrong = str(fault)
            else:
                return Draft(source=source, note=one_line(code.note, NOTE), components=proposal.components)
        raise NoDraft(f"The Engineer's edits could not be applied: {one_line(wrong, NOTE)}")
