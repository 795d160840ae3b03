"""Builtins that run or build code, and changes of what all share."""

SHARED: dict[str, str] = {
    # Builtins
    "open": "reached = open('/dev/null').name",
    "exec": "exec('reached = 1')",
    "eval": "reached = eval('1 + 1')",
    "import by name": "reached = __import__('os')",
    "globals": "reached = globals()",
    "vars of a module": "reached = vars(torch)['os']",
    "builtin behind a binding that never runs": """
if False:
    open = None  #!
reached = open('/dev/null').name
""",
    "builtin in other letters": "reached = ｏｐｅｎ('/dev/null').name",
    "builtin as a value": """
f = [eval][0]  #!
reached = f('1')
""",
    "memoryview": "reached = memoryview(b'x')",
    # Changing what all share
    "patched function": """
def f(*a, **k): return 7
torch.nn.functional.softmax = f  #!
reached = F.softmax is f
""",
    "patched by setattr": """
def f(*a, **k): return 7
setattr(F, 'softmax', f)  #!
reached = F.softmax() == 7
""",
    "patched class": """
nn.Linear.forward = lambda self, x: 7  #!
reached = nn.Linear(1, 1)(0) == 7
""",
    "patched class in a loop": """
for c in (nn.Linear,):
    c.forward = lambda self, x: 7  #!
reached = nn.Linear(1, 1)(0) == 7
""",
    "patched tensor class": """
def p(c): c.item = lambda self: 7
p(torch.Tensor)  #!
reached = torch.ones(1).item() == 7
""",
    "patched through type": """
type(torch.ones(1)).item = lambda self: 7  #!
reached = torch.ones(1).item() == 7
""",
    "patched through mro": """
nn.Linear.mro()[1].marker = 7  #!
reached = nn.ReLU().marker == 7
""",
    "deleted function": """
del torch.nn.functional.softmax  #!
reached = not hasattr(F, 'softmax')
""",
    "changed table": """
F.tf32_notes['x'] = 7  #!
reached = F.tf32_notes['x'] == 7
""",
    "global hook": """
from torch.nn.modules.module import register_module_forward_hook as hook  #!
hits = []
hook(lambda *a: hits.append(1))
nn.ReLU()(torch.ones(1))
reached = hits
""",
    "default type": """
torch.set_default_dtype(torch.float64)  #!
reached = torch.ones(1).dtype is torch.float64
""",
    "seed": """
torch.manual_seed(7)  #!
reached = torch.initial_seed() == 7
""",
    "backend setting": """
torch.backends.cudnn.benchmark = True  #!
reached = torch.backends.cudnn.benchmark
""",
}
