"""Names given as text, double underscores and frames."""

NAMES: dict[str, str] = {
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
}
