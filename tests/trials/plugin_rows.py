"""Packages whose entry points cannot be used: the command names the plugin and its package."""

from tests.plugins.page import declare
from tests.trials.running import CONFIG, ROOT, Place, Row, _base

READ = f"config {CONFIG}"
ENVIRONMENT = {"PYTHONPATH": f"{ROOT / 'src'}:packages", "STARBENCH_WITHOUT_PLUGINS": ""}
BAD = r"error: plugin '{}' of package 'bad-plugin': bad:X "
AGAIN = r": mend or uninstall the package, or set STARBENCH_WITHOUT_PLUGINS=1 .*"
OBJECTIVE = """from typing import ClassVar, Literal
from starbench import Objective
class X(Objective):
    summary: ClassVar[str] = "an objective"
    objective: Literal["mine"]
    def terms(self, step):
        return []
"""


def package(source: str, kind: str, *names: str, package: str = "bad-plugin", module: str = "bad"):
    """Write a config and an installed package with one module, whose `X` has entries."""

    def make(place: Place) -> None:
        _base(place)
        entries = dict.fromkeys(names, f"{module}:X")
        declare(place.folder / "packages", package, {f"starbench.{kind}": entries})
        place.write(f"packages/{module}.py", source)

    return make


def both(*makers):
    return lambda place: [make(place) for make in makers]


def bad(name: str, message: str, source: str, kind: str = "objectives", entry: str = "mine", command: str = READ) -> Row:  # fmt: skip
    line = BAD.format(entry) + message
    return Row(name, command, line, package(source, kind, entry), environment=ENVIRONMENT)


# fmt: off
PLUGINS = [
    bad("plugin: raises at import", rf"cannot be imported \(ZeroDivisionError: division by zero\){AGAIN}", "X = 1 / 0\n"),
    bad("plugin: raises at import, planned", rf"cannot be imported \(ZeroDivisionError: division by zero\){AGAIN}", "X = 1 / 0\n", command=f"plan {CONFIG}"),
    bad("plugin: ends the process at import", rf"cannot be imported \(SystemExit: gone\){AGAIN}", "import sys\nsys.exit('gone')\n"),
    bad("plugin: no module", rf"cannot be imported \(ModuleNotFoundError: No module named 'nowhere'\){AGAIN}", "import nowhere\n"),
    bad("plugin: no such object", rf"cannot be imported \(AttributeError: .*'X'\){AGAIN}", "Y = 1\n"),
    bad("plugin: of another class", r"is not a class derived from starbench\.Objective", "class X:\n    pass\n"),
    bad("plugin: a source among the objectives", r"is not a class derived from starbench\.Objective", "from starbench import Source as X\n"),
    bad("plugin: an object of another class", r"is not an instance of starbench\.Track", "X = 'track'\n", "tracks"),
    bad("plugin: an objective without its method", r"does not define terms", OBJECTIVE[:OBJECTIVE.index("    def")]),
    bad("plugin: an objective without a name", r'has no name: declare `objective: Literal\["mine"\]`, as its entry point says', OBJECTIVE.replace('    objective: Literal["mine"]\n', "")),
    bad("plugin: an objective without a summary", r"has no `summary`: give it a text", OBJECTIVE.replace(' = "an objective"', "")),
    bad("plugin: another name than its entry's", r"""has the name 'mine': declare `objective: Literal\["other"\]`, .*""", OBJECTIVE, entry="other"),
    bad("plugin: another name than its object's", r"has the name 'a', its entry point 'b'", "from starbench import PretrainingObjective\nX = PretrainingObjective('a', '', True, True)\n", "pretraining_objectives", "b"),
    bad("plugin: a name that no path can have", r"has a name that does not match .*", OBJECTIVE, entry="Mine"),
    bad("plugin: a measure without a function", r"names no `function` that computes it", "from starbench import Measure\nX = Measure('Mine@5')\n", "measures", "Mine@5"),
    Row("plugin: a name of Starbench's own", READ, r"error: plugin 'srl' of package 'bad-plugin': the name is taken in starbench\.objectives by package 'starbench': .*", package(OBJECTIVE, "objectives", "srl"), environment=ENVIRONMENT),
    Row("plugin: a family of Starbench's own", READ, r"error: plugin 'bert' of package 'bad-plugin': the name is taken in starbench\.encoders by package 'starbench': .*", package("X = 1\n", "encoders", "bert"), environment=ENVIRONMENT),
    Row("plugin: a name of two packages", READ, r"error: plugin 'mine' of package 'other-plugin': the name is taken in starbench\.objectives by package 'bad-plugin': .*", both(package(OBJECTIVE, "objectives", "mine"), package(OBJECTIVE, "objectives", "mine", package="other-plugin", module="other")), environment=ENVIRONMENT),
]
