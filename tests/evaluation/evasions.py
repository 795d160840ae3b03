"""Files that reach out of a design. Each sets ``reached`` to something true if it got there, when nothing stops it.

Nothing here does harm: most reach a module or a builtin and stop. They are executed, in a process of their own, only to
show that what the gate refuses are real attempts. ``#!`` marks the line that the gate must name, where it is not the
first after the imports.
"""

HEAD = "import torch\nimport typing\nfrom torch import nn\nimport torch.nn.functional as F\n"  # lines 1 to 4
ANSWERS = f"answers = '{'to be or not to be ' * 1200}'\nreached = answers"

_BODIES: dict[str, str] = {
    # Modules through other modules
    "module of a module": "reached = torch.os.getpid()",
    "modules of typing": "reached = typing.sys.modules['os']",
    "imported by functional": "reached = F.warnings.sys",
    "deep chain": "reached = torch.nn.modules.module.functools.partial",
    "function-level import": """
def f():
    from torch import os  #!
    return os.getpid()
reached = f()
""",
    "plain import": """
import os  #!
reached = os.getpid()
""",
    "submodule import": """
from torch.utils import cpp_extension  #!
reached = cpp_extension.os
""",
    "import under another name": """
import torch.multiprocessing as maths  #!
reached = maths.Process
""",
    "kernels' own imports": """
import kernels.backends
reached = kernels.backends.importlib  #!
""",
    "einops' own imports": """
import einops.parsing  #!
reached = einops.parsing.warnings
""",
    "everything from": """
from torch.multiprocessing import *  #!
reached = Process
""",
    "relative import": """
reached = 1
from . import os  #!
""",
    # Modules as values
    "alias of an alias": """
t = torch
u = t
reached = u.os.getpid()  #!
""",
    "in a list": "reached = [torch][0].os",
    "in a dictionary": "reached = {'t': torch}['t'].os",
    "unpacked": """
t, one = torch, 1  #!
reached = t.os
""",
    "chained assignment": """
t = u = torch  #!
reached = t.os
""",
    "annotated assignment": """
t: object = torch  #!
reached = t.os
""",
    "argument": """
def f(m):
    return m.os
reached = f(torch)  #!
""",
    "keyword argument": """
def f(m=None):
    return m.os
reached = f(m=torch)  #!
""",
    "starred argument": """
def f(m):
    return m.os
reached = f(*[torch])  #!
""",
    "default value": """
def f(m=torch):  #!
    return m.os
reached = f()
""",
    "returned": """
def f():
    return torch  #!
reached = f().os
""",
    "returned by a lambda": "reached = (lambda: torch)().os",
    "yielded": """
def f():
    yield torch  #!
reached = next(f()).os
""",
    "walrus": "reached = (t := torch).os",
    "conditional": "reached = (torch if nn else None).os",
    "either": "reached = (None or torch).os",
    "loop variable": """
for t in (torch,):  #!
    reached = t.os
""",
    "comprehension that shadows the name": "reached = [torch.os for torch in (torch,)][0]",
    "with statement": """
class Give:
    def __init__(self, m): self.m = m
    def __enter__(self): return self.m
    def __exit__(self, *a): pass
with Give(torch) as t:  #!
    reached = t.os
""",
    "match capture": """
match torch:  #!
    case t:
        reached = t.os
""",
    "class attribute": """
class A:
    t = torch  #!
reached = A.t.os
""",
    "import in a class": """
class A:
    import torch as t  #!
reached = A.t.os
""",
    "attribute of self": """
class A:
    def __init__(self): self.t = torch  #!
reached = A().t.os
""",
    "through nonlocal": """
def f():
    def g():
        nonlocal x
        x = torch  #!
    x = 1
    g()
    return x.os
reached = f()
""",
    "through global": """
def f():
    global t
    t = torch  #!
t = 1
f()
reached = t.os
""",
    "global in a class": """
def f():
    x = torch
    class A:
        global x
        def m(self): return x.os  #!
    return A().m()
reached = f()
""",
    "class body that shadows late": """
class A:
    y = torch.os  #!
    torch = 1
reached = A.y
""",
    "name mangling": """
import torch as _A__t
class A:
    def m(self): return __t.os  #!
reached = A().m()
""",
    "decorator that returns a module": """
def give(f): return torch  #!
@give
def f(): pass
reached = f.os
""",
    "decorator that is a module's function": """
@torch.functools.cache  #!
def f(): pass
reached = f.cache_info
""",
    "f-string": "reached = f'{torch.os.getpid()}'",
    "error that carries the module": """
try:
    torch.nothing  #!
except AttributeError as e:
    reached = e.obj.os
""",
    # Names given as text
    "getattr with a written name": "reached = getattr(torch, 'os')",
    "getattr with a computed name": "reached = getattr(torch, 'o' + 's')",
    "getattr under another name": """
g = getattr  #!
reached = g(torch, 'os')
""",
    "getattr passed on": "reached = list(map(getattr, [torch], ['os']))[0]",
    "getattr of a dunder in parts": "reached = getattr((lambda: 0), f\"__glob{'als__'}\")",
    "getattr of a refused name in parts": "reached = getattr(torch.ones(1), f\"num{'py'}\")()",
    "format": "reached = '{0.__globals__}'.format((lambda: 0))",
    "format as a function": "reached = str.format('{0.__globals__}', (lambda: 0))",
    "format of a variable": """
text = '{0.__globals__}'
reached = text.format((lambda: 0))  #!
""",
    "format in a format": "reached = '{:{0.__class__.__len__}}'.format('')if 0 else '{0.__class__}'.format(1)",
    "format in parts": "reached = getattr('{0.__globals__}', f\"format{''}\")(lambda: 0)",
    "format_map in parts": "reached = getattr('{x.__globals__}', f\"{'format'}_map\")({'x': lambda: 0})",
    "format by getattr": "reached = getattr('{0.__globals__}', 'format')(lambda: 0)",
    "format by a match pattern": """
match '{0.__globals__}':
    case str(format=f):  #!
        reached = f(lambda: 0)
""",
    "format of a kind of text": """
class S(str):
    def read(self, x): return super().format(x)  #!
reached = S('{0.__globals__}').read(lambda: 0)
""",
    "format_map": "reached = '{f.__globals__}'.format_map({'f': (lambda: 0)})",
    "type hints that are evaluated": """
class A:
    x: '__import__("os").getpid' = 0
reached = typing.get_type_hints(A)['x']  #!
""",
    # Double underscores and frames
    "globals of a function": "reached = (lambda: 0).__globals__['__builtins__']",
    "subclasses of object": "reached = ().__class__.__base__.__subclasses__()",
    "dunder in a match pattern": """
match (lambda: 0):
    case object(__globals__=g):  #!
        reached = g['__builtins__']
""",
    "dunder by match arguments": """
class A(torch.nn.Linear):
    __match_args__ = ('__class__',)  #!
match A(1, 1):
    case A(c):
        reached = c is A
""",
    "frame of a generator": "reached = (0 for _ in ()).gi_frame.f_builtins['open']",
    "frame of a traceback": """
try:
    1 / 0
except ZeroDivisionError as e:
    reached = e.__traceback__.tb_frame  #!
""",
    "frame through a with statement": """
class A:
    def __enter__(self): pass
    def __exit__(self, k, e, tb):
        global reached
        reached = tb.tb_frame.f_globals  #!
        return True
with A():
    1 / 0
""",
    "name of the builtins": "reached = __builtins__",
    "loader of the file": "reached = __loader__.get_data(__file__)",
    "metaclass": """
class M(type):  #!
    pass
class A(metaclass=M):
    pass
reached = isinstance(A, M)
""",
    "class made by type": "reached = type('A', (nn.Module,), {'__torch_function__': None})",
    "dunder that a function also has": """
def make(__getattr__=0):
    class A:
        __getattr__ = lambda self, name: torch.nn  #!
    return A()
reached = make().anything
""",
    "dunder captured by a match": """
def give(self, name): return 7
class A:
    match give:
        case __getattr__:  #!
            pass
reached = A().anything == 7
""",
    "dunder as a class": """
def make(__get__=0):
    class A:
        class __call__:  #!
            def __init__(self, *a): pass
    return A()
reached = make()()
""",
    "class out of a type": "reached = typing.get_args(typing.List[torch.Tensor])[0] is torch.Tensor",
    "getattr hook": """
class A:
    def __getattr__(self, name): return torch.nn  #!
reached = A().anything
""",
    "tensor subclass": """
class T(torch.Tensor):  #!
    pass
reached = torch.ones(1).as_subclass(T) is not None
""",
    "torch_function on a class": """
class A:
    @classmethod
    def __torch_function__(cls, f, types, args=(), kwargs=None): return 7  #!
reached = torch.add(A(), 1) == 7
""",
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
    # Files, processes, code, and data that no meter sees
    "writes a file": """
torch.save({}, '/dev/null')  #!
reached = 1
""",
    "unpickles": "reached = torch.load",
    "maps a file": "reached = torch.from_file('/bin/sh', size=4, dtype=torch.uint8).numel()",
    "storage from a file": "reached = torch.UntypedStorage.from_file('/bin/sh', False, 4)",
    "operator library": "reached = torch.ops.load_library",
    "new operator": "reached = torch.library.custom_op",
    "TorchScript": """
@torch.jit.script  #!
def f(x):
    # type: (Tensor) -> Tensor
    return x
reached = f
""",
    "compiler settings": """
import torch._dynamo.config as c  #!
reached = c
""",
    "compiler backend": "reached = torch.compile(lambda x: x, backend=lambda graph, inputs: graph.forward)",
    "saved tensors to anywhere": "reached = torch.autograd.graph.saved_tensors_hooks",
    "work in numpy": "reached = torch.ones(1).numpy().sum()",
    "address of the data": "reached = torch.ones(1).data_ptr()",
    "graph around the layer": """
x = torch.ones(1, requires_grad=True) * 2
reached = x.grad_fn.next_functions  #!
""",
    "optimiser of its own": """
p = nn.Parameter(torch.ones(1))
reached = p.register_post_accumulate_grad_hook(print)  #!
""",
    "answers written into the file": ANSWERS,
}


def _marked(source: str) -> int:
    marked = [number for number, line in enumerate(source.splitlines(), start=1) if line.endswith("#!")]
    return marked[0] if marked else HEAD.count("\n") + 1


EVASIONS: dict[str, tuple[int, str]] = {
    name: (_marked(source), source)
    for name, source in ((name, f"{HEAD}{body.strip()}\n") for name, body in _BODIES.items())
} | {
    "code hidden by the file's encoding": (1, "# -*- coding: utf-7 -*-\n# +AAo-import os+AAo-reached = os.getpid()\n"),
}
"""Name -> (line that the gate must name, source)."""

NOT_EXECUTED = ("relative import",)  # it fails without a package around it, which a design never has
