"""What models answer in these tests."""

import json
from typing import Any

DECAY = "decay = F.logsigmoid(self.decay(x)) / TEMPERATURE"
BROKEN = "decay = F.logsigmoid(self.decay(x.roll(-1, 1))) / TEMPERATURE"  # looks one step ahead
MENDED = "decay = F.logsigmoid(self.decay(x * x.sigmoid())) / TEMPERATURE"

IDEA: dict[str, Any] = {
    "name": "Squashed Decay!",
    "motivation": "Recall is weak, since decays saturate.",
    "mechanism": "$S_t = \\mathrm{Diag}(a_t) S_{t-1} + k_t v_t^T$ with $a_t$ from $x \\sigma(x)$.",
    "changes": "Only the input of the decay's projection.",
    "components": [{"slot": "Decay", "choice": "per channel, squashed"}],
    "used": ["t-gla", "/etc/passwd"],
    "predictions": [
        {"objective": "recall_loss", "change": 0.3, "confidence": 0.7},
        {"objective": "world_peace", "change": 9.0, "confidence": 1.0},
    ],
}
READING: dict[str, Any] = {
    "text": "It did nothing clear.",
    "lessons": [
        {
            "text": "Squashing the decay's input moves nothing.",
            "evidence": ["t-c001", "t-gla"],
            "components": ["decay=per_channel_squashed", "harness=changed"],
            "effect": -70.0,
            "objective": "fitness",
        },
        {"text": "Everything is solved.", "evidence": [], "components": [], "effect": 9.0, "objective": ""},
        {"text": "As known.", "evidence": ["t-c999"], "components": [], "effect": 9.0, "objective": ""},
    ],
    "ablations": ["output gate"],
}


def idea(**changed: Any) -> str:
    return json.dumps(IDEA | changed)


def edit(search: str, replace: str, note: str = "one line") -> str:
    return json.dumps({"note": note, "edits": [{"search": search, "replace": replace}], "source": ""})


def whole(source: str) -> str:
    return json.dumps({"note": "all of it", "edits": [], "source": source})


def reading(**changed: Any) -> str:
    return json.dumps(READING | changed)
