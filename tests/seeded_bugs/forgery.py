"""Designs that tamper with what judges them, or behave only while they are judged. Most hide a real leak behind it."""

from tests.seeded_bugs.edit import Bug

_REFUSED = ("reaches_out",)
_HIDDEN = ("reaches_out", "causality")
_LEAK = "y = y + y.mean(dim=1, keepdim=True)"

FORGERY = (
    Bug(
        name="forged_writer",
        says="The harness's functions that write results are wrapped through torch.sys.modules: all results are zero.",
        expects=_HIDDEN,
        top="""
            def zeroed(save):
                return lambda arrays, *rest: save({name: 0 * array for name, array in arrays.items()}, *rest)

            for name, module in list(torch.sys.modules.items()):
                if name.startswith("evaluation") and hasattr(module, "save_file"):
                    module.save_file = zeroed(module.save_file)
        """,
        outputs=_LEAK,
    ),
    Bug(
        name="forged_numpy",
        says="numpy is patched, through a module that a match statement takes out of typing.",
        expects=_HIDDEN,
        top="""
            import typing

            match typing:
                case object(sys=system):
                    system.modules["numpy"].ascontiguousarray = lambda array: 0 * array
        """,
        outputs=_LEAK,
    ),
    Bug(
        name="forged_by_name",
        says="The same patch, with the module's name put together from pieces and the module in a list.",
        expects=_HIDDEN,
        top="""
            box = [torch]
            numpy = getattr(box[0], "s" + "ys").modules["num" + "py"]
            setattr(numpy, "asconti" + "guousarray", lambda array: 0 * array)
        """,
        outputs=_LEAK,
    ),
    Bug(
        name="forged_tensor_method",
        says="torch.Tensor.numpy is replaced by one that gives zeros.",
        expects=_HIDDEN,
        top="""
            honest = torch.Tensor.numpy
            torch.Tensor.numpy = lambda tensor, **options: honest(0 * tensor.detach(), **options)
        """,
        outputs=_LEAK,
    ),
    Bug(
        name="lying_tensor",
        says="forward returns a subclass of Tensor whose detach() gives zeros.",
        expects=_HIDDEN,
        top="""
            class Liar(torch.Tensor):
                def detach(self):
                    return torch.zeros(self.shape, dtype=self.dtype)
        """,
        outputs=f"{_LEAK}\ny = y.as_subclass(Liar)",
    ),
    Bug(
        name="traced_harness",
        says="A trace function, installed as a decorator, sets every array in the harness's variables to zero.",
        expects=_HIDDEN,
        top="""
            @torch.sys.settrace
            def watch(frame, event, argument):
                for held in frame.f_locals.values():
                    for array in held.values() if type(held) is dict else ():
                        if type(array).__name__ == "ndarray":
                            array *= 0
                return watch
        """,
        outputs=_LEAK,
    ),
    Bug(
        name="early_end",
        says="On import the file writes zeros as the outputs of all calls and ends the process.",
        expects=("reaches_out", "invalid_output"),
        top="""
            modules = torch.sys.modules
            tensors = modules["safetensors.torch"]
            calls = modules["json"].loads(open("job.json").read())["calls"]
            inputs = tensors.load_file("inputs.safetensors")
            tensors.save_file({call["name"]: 0 * inputs[call["name"]] for call in calls}, "outputs.safetensors")
            tensors.save_file({}, "gradients.safetensors")
            tensors.save_file({"parameter/w": torch.zeros(1)}, "state.safetensors")
            torch.os._exit(0)
        """,
    ),
    Bug(
        name="behaves_under_check_by_argument",
        says="It leaks unless the process was started as a check.",
        expects=_REFUSED,
        outputs=f'if "check" not in torch.sys.argv:\n    {_LEAK}',
    ),
    Bug(
        name="behaves_under_check_by_frames",
        says="It walks up the frames of a caught exception and leaks unless a check is among its callers.",
        expects=_REFUSED,
        top="""
            def checked():
                try:
                    raise ValueError
                except ValueError as error:
                    frame = error.__traceback__.tb_frame
                    while frame is not None and not frame.f_code.co_filename.endswith("check.py"):
                        frame = frame.f_back
                    return frame is not None
        """,
        outputs=f"if not checked():\n    {_LEAK}",
    ),
    Bug(
        name="behaves_under_check_by_files",
        says="It leaks unless the folder holds a check's job.",
        expects=_REFUSED,
        top="""
            try:
                CHECKED = '"calls"' in open("job.json").read()
            except OSError:
                CHECKED = False
        """,
        outputs=f"if not CHECKED:\n    {_LEAK}",
    ),
    Bug(
        name="behaves_under_check_by_import",
        says="It leaks unless the process was started as a check, which it learns from a module imported inside exec.",
        expects=_REFUSED,
        top="""
            found = {}
            exec("import sys", found)
        """,
        outputs=f'if "check" not in found["sys"].argv:\n    {_LEAK}',
    ),
    Bug(
        name="patched_loss",
        says="torch's cross entropy is replaced for the whole process.",
        expects=_REFUSED,
        top="F.cross_entropy = lambda logits, targets, **options: 0 * logits.sum()",
    ),
    Bug(
        name="patched_layers",
        says="Every nn.Linear of the process, the frame's MLP and head as well, gets another forward.",
        expects=_REFUSED,
        top="""
            plain = nn.Linear.forward
            nn.Linear.forward = lambda layer, z: plain(layer, z) + 0.1 * z.mean(dim=-1, keepdim=True)
        """,
    ),
    Bug(
        name="hook_on_every_module",
        says="A global hook sees the inputs and changes the outputs of all modules of the process.",
        expects=_REFUSED,
        top="""
            seen = []
            nn.modules.module.register_module_forward_hook(lambda layer, given, y: seen.append(given))
        """,
    ),
)
