"""What a parent is worst at, and how that would be described to a library: where looking things up begins."""

from tasks.agents.protocols import Peer, Question

# How a failing experiment would be described to a library, one sentence for each objective of the domain.
COMPLAINTS = {
    "recall_loss": "in-context recall loss rises with the number of keys: the memory mixes up associations",
    "copy_loss": "selective copying fails: tokens to remember are not kept apart from noise over a distance",
    "text_bpb": "language modelling loss on text is high: local patterns and forgetting of old context",
    "mqar_loss": "multi-query associative recall fails: keys asked late are lost, and the state is too small for them",
    "fuzzy_recall_loss": "fuzzy recall fails: keys of several tokens are not joined into one by the layers below",
    "noisy_recall_loss": "noisy recall fails: tokens without meaning are written into the memory and blur it",
    "memorisation_loss": "memorisation of facts in the weights is poor: the layer leaves too little channel mixing",
    "compression_loss": "compression fails: the state of fixed size does not keep items together with their order",
    "parity_loss": "parity fails: transitions have no negative eigenvalues, so the state cannot be flipped",
    "s3_loss": "state tracking of permutations fails: transitions commute, and cannot express products in order",
}


def weakest_objective(parent: Peer | None, question: Question) -> str:
    """The objective on which the parent is furthest behind the best design so far."""
    names = list(question.objective_titles)
    if parent is None or not parent.gains:
        return names[question.cycle % len(names)]
    best = {
        name: max((one.gains[name] for one in question.population if name in one.gains), default=0.0) for name in names
    }
    return max(names, key=lambda name: best[name] - parent.gains.get(name, 0.0))


def complaint(weakness: str, question: Question) -> str:
    """The sentence for an objective; its title where the domain has another one."""
    return COMPLAINTS.get(weakness, question.objective_titles.get(weakness, weakness))
