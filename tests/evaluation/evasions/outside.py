"""Files, processes, code that no gate reads, and data that no meter sees."""

ANSWERS = f"answers = '{'to be or not to be ' * 1200}'\nreached = answers"
OUTSIDE: dict[str, str] = {
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
