"""What runs in the jail: it knows the rule, and of each step the gradient alone."""

import base64
import json
import sys

import numpy as np

rule, state = {}, {}
exec(compile(open("rule.py").read(), "rule.py", "exec"), rule)  # noqa: SIM115
print("ready", flush=True)
for line in sys.stdin:
    if not line.strip():
        break
    asked = json.loads(line)
    state = {} if asked["fresh"] else state
    gradient = np.frombuffer(base64.b64decode(asked["gradient"])).copy()
    step = np.asarray(rule["update"](gradient, state, asked["share"]), dtype=np.float64)
    print(base64.b64encode(step.tobytes()).decode(), flush=True)
