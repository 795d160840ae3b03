"""Modules that a design must not reach, through other modules or as values."""

MODULES: dict[str, str] = {
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
}
