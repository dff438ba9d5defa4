"""The weights of the reference numbers, from their formula, and the comparison with a case.

Element i of the parameter called `name` is offset + scale * u, u = mix(mix(i) ^ crc32(name)) /
2^31 - 1, mix being the finaliser of MurmurHash3 on unsigned 32-bit numbers. Offset and scale
depend on how the name ends.
"""

import json
import math
import zlib
from pathlib import Path

import numpy as np

OFFICIAL = json.loads((Path(__file__).parent / "official.json").read_text(encoding="utf-8"))
DECODER = "decoder.bert.encoder.layer.0."
"""What the published code calls the auto-encoder's one layer."""
LOSS_TOLERANCE, NORM_TOLERANCE = 1e-5, 2e-5


def mix(numbers):
    """The finaliser of MurmurHash3, element by element of a uint32 array."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        numbers = (numbers ^ (numbers >> np.uint32(shift))) * np.uint32(factor)
    return numbers ^ (numbers >> np.uint32(16))


def weights(name, shape):
    """The values of the parameter called `name`, float32."""
    rules = OFFICIAL["parameters"]["rules"]
    rule = next(rule for rule in rules if name.endswith(rule["name_ends_with"]))
    index = np.arange(math.prod(shape), dtype=np.uint32)
    hashed = mix(mix(index) ^ np.uint32(zlib.crc32(name.encode("ascii"))))
    values = rule["offset"] + rule["scale"] * (hashed / 2**31 - 1)
    return values.astype(np.float32).reshape(shape)


def measured(loss, parameters):
    """{what: value} of a loss and the gradients that its backward pass left in `parameters`."""
    squares = {
        name: parameter.grad.double().square().sum().item()
        for name, parameter in parameters.items()
        if parameter.grad is not None
    }
    norms = {f"gradient_norms {name}": math.sqrt(square) for name, square in squares.items()}
    return {
        "loss": loss.item(),
        "gradient_norm_all": math.sqrt(sum(squares.values())),
        **norms,
    }


def reference(case):
    """{what: value} of a case: as `measured`, and its terms as ``mlm 2-32``."""
    found = {}
    for key, value in OFFICIAL["cases"][case].items():
        if isinstance(value, dict) and key != "settings":
            found |= {f"{key} {name}": number for name, number in value.items()}
        elif key != "settings":
            found[key] = value
    return found


def differences(ours, case):
    """{what: relative difference} of everything that a case states."""
    stated = reference(case)
    assert stated.keys() <= ours.keys(), sorted(stated.keys() - ours.keys())
    return {what: abs(ours[what] / value - 1) for what, value in stated.items()}


def beyond_tolerance(found):
    """What of `differences` is further off than rounding explains."""
    return {
        what: difference
        for what, difference in found.items()
        if not difference <= (LOSS_TOLERANCE if what == "loss" else NORM_TOLERANCE)
    }


def digit(number):
    """A difference to one digit, as wrong variants are stated; 0 within the tolerance."""
    return 0.0 if number <= LOSS_TOLERANCE else float(f"{number:.0e}")


def worst(found):
    """The largest difference (of the loss, of a gradient norm), each to one digit."""
    norms = [number for what, number in found.items() if what.startswith("gradient_norms")]
    return digit(found["loss"]), digit(max(norms))


def check_gradients(parameters, case):
    """Assert that of the parameters that cases state, only those of this one have a gradient."""
    listed = {key for other in OFFICIAL["cases"] for key in reference(other) if " " in key}
    stated = reference(case)
    for name, parameter in parameters.items():
        key = f"gradient_norms {name}"
        if key in listed and key not in stated:
            assert parameter.grad is None or not parameter.grad.any(), name
