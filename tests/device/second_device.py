"""A second device on a machine without one: values are real, mixing devices is an error.

Tensors of the device ``second`` hold a tensor of the processor, with which everything is computed;
so branches that depend on values are taken as on a GPU. As there, an operation on tensors of both
devices raises, a scalar of the processor and copies from one device to the other excepted.

PyTorch's own fake tensors have no values, so they stop at masks and sorted lengths; of a GPU they
stop at every index in a build of PyTorch without GPUs.

It takes PyTorch's place for a device of others (PrivateUse1) for the whole process.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only
from torch.utils.backend_registration import (
    _DummyBackendModule,
    _setup_privateuseone_for_python_backend,
)

NAME = "second"
KEPT: list[torch.library.Library] = []
COPIES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)


class Backend(_DummyBackendModule):
    """What torch asks of a device, for autocast too."""

    def get_amp_supported_dtype(self):
        return [torch.bfloat16, torch.float16]


class OnDevice(torch.Tensor):
    """A tensor of the second device."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held):
        # A view of an ordinary tensor is an ordinary one, in inference mode too.
        with torch.inference_mode(False):
            made = torch.Tensor._make_wrapper_subclass(
                cls,
                held.shape,
                strides=held.stride(),
                storage_offset=held.storage_offset(),
                dtype=held.dtype,
                device=torch.device(NAME, 0),
            )
        made.held = held
        return made

    def __repr__(self):
        return f"OnDevice({self.held})"

    def tolist(self):
        """The values; torch itself has none for a subclass."""
        return self.held.tolist()

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), options=None):
        return computed(function, args, options or {})


def computed(function, args, options):
    """Compute on the processor what either device computes; raise where they are mixed."""
    # In inference mode composite operations come as they are, not as what they consist of.
    with SecondDevice():
        parts = function.decompose(*args, **options)
    if parts is not NotImplemented:
        return parts
    tensors = [t for t in tree_flatten((args, options))[0] if isinstance(t, torch.Tensor)]
    here = [t for t in tensors if isinstance(t, OnDevice)]
    there = [t for t in tensors if not isinstance(t, OnDevice) and t.dim()]
    if here and there and function not in COPIES:
        raise RuntimeError(f"{function}: expected all tensors on one device, found {NAME} and cpu")
    wanted = options.get("device")
    on_device = bool(here) if wanted is None else torch.device(wanted).type == NAME
    if function is torch.ops.aten.copy_.default:
        on_device = isinstance(args[0], OnDevice)
    if wanted is not None:
        options = options | {"device": torch.device("cpu")}
    owner = {id(tensor.held): tensor for tensor in here}
    plain_args, plain_options = tree_map_only(OnDevice, lambda t: t.held, (args, options))
    result = function(*plain_args, **plain_options)

    def wrapped(tensor):
        # What an operation in place returns is its argument.
        return owner.get(id(tensor)) if id(tensor) in owner else OnDevice(tensor)

    return tree_map_only(torch.Tensor, wrapped, result) if on_device else result


class SecondDevice(TorchDispatchMode):
    """Within it, ``device="second"`` makes tensors of the device."""

    def __torch_dispatch__(self, function, types, args=(), options=None):
        return computed(function, args, options or {})


def register():
    """Make the device known to torch."""
    _setup_privateuseone_for_python_backend(NAME, backend_module=Backend())
    # Autocast passes everything on as it is: arithmetic is in float32 here.
    library = torch.library.Library("_", "IMPL", "AutocastPrivateUse1")
    library.fallback(torch.library.fallthrough_kernel)
    KEPT.append(library)


def moved(module):
    """Move a module's parameters and buffers, in place; return it."""
    for part in module.modules():
        for name, parameter in list(part._parameters.items()):
            if parameter is not None:
                there = OnDevice(parameter.detach().clone())
                part._parameters[name] = torch.nn.Parameter(there, parameter.requires_grad)
        for name, buffer in list(part._buffers.items()):
            if buffer is not None:
                part._buffers[name] = OnDevice(buffer.clone())
    return module


def there(value):
    """Return tensors of the device, of nested plain ones."""
    return tree_map_only(torch.Tensor, OnDevice, value)
