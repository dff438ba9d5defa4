"""Configs that cannot be read, and values that their keys do not take: file, line and key."""

import os
import re
from collections.abc import Callable

from tests.trials.running import BASE, CONFIG, Place, Row

READ = f"config {CONFIG}"
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


def file(name: str, content: str | bytes, message: str) -> Row:
    """A whole file that is no config; the message comes after the file's name."""
    return Row(
        f"file: {name}",
        READ,
        rf"error: run\.yaml{message}",
        lambda place: place.write("run.yaml", content),
    )


def value(name: str, old: str, new: str, message: str, at: str = "") -> Row:
    """A text of the base config replaced; the message comes after file and line.

    The line is the first that differs, or the one of the text `at` where another key is to blame.
    """

    def make(place: Place) -> None:
        place.edit((old, new))
        if at:
            place.blame(at)

    return Row(f"value: {name}", READ, rf"error: run\.yaml:<line>: {message}", make)


def edits(*changes: tuple[str, str]) -> Callable[[Place], object]:
    return lambda place: place.edit(*changes)


def linked(target: str) -> Callable[[Place], object]:
    return lambda place: (place.folder / "run.yaml").symlink_to(target)


def unreadable(place: Place) -> None:
    place.write("run.yaml", BASE).chmod(0o000)


# fmt: off
FILES = [
    file("empty", "", r": a config is a mapping of keys, got nothing \(null\): .*"),
    file("comments only", "# nothing\n", r": a config is a mapping of keys, got nothing \(null\): .*"),
    file("a list", "- run\n- sizes\n", r": a config is a mapping of keys, got a list: .*"),
    file("a text", "run\n", r": a config is a mapping of keys, got the text 'run': .*"),
    file("a number", "42\n", r": a config is a mapping of keys, got the number 42: .*"),
    file("Latin-1", BASE.replace("A run", "Caf\xe9").encode("latin-1"), r":2: byte 0xe9 is not UTF-8, .*"),
    file("UTF-16", BASE.encode("utf-16"), r": in UTF-16; a config is in UTF-8: save it as that"),
    file("UTF-16 without a mark", BASE.encode("utf-16-le"), r":\d+: the character U\+0000 .*"),
    file("UTF-32", BASE.encode("utf-32"), r": in UTF-32; a config is in UTF-8: save it as that"),
    file("a date", "run: a\ntitle: 2024-01-31\n", r":2: '2024-01-31' is a date in YAML, .* put it in quotes"),
    file("a date that is none", "run: 2024-13-45\n", r":1: '2024-13-45' is a date in YAML, .*"),
    file("a tag of Python", "run: !!python/object/apply:os.system [ls]\n", r":1: the tag .*os\.system is not for configs.*"),
    file("a tag of its own", "run: !own tiny\n", r":1: the tag !own is not for configs.*"),
    file("a binary tag", "run: !!binary aGk=\n", r":1: the tag !!binary is not for configs.*"),
    file("an anchor that holds itself", "run: a\nsizes: &s [*s]\n", r":2: an anchor that holds itself.*"),
    file("a mapping that holds itself", "run: a\nsizes: &s\n  x: *s\n", r":2: an anchor that holds itself.*"),
    file("an alias of nothing", "run: *x\n", r":1: not YAML: .*"),
    file("an alias bomb", BOMB, r":\d: more than 20000 values, aliases written out"),
    file("nested deep", "run: " + "[" * 5000, r":1: nested deeper than 32 levels"),
    file("nested in flow", "{" * 40 + "a", r":1: nested deeper than 32 levels"),
    file("large", "#" * 300_000, r": larger than 256 KiB, which no config is"),
    file("a key given twice", BASE.replace("seeds:", "run: again\nseeds:"), r":3: the key 'run' is given twice, first on line 1"),
    file("an inner key given twice", BASE.replace("    cpus: 1\n", "    cpus: 1\n    cpus: 2\n"), rf":{BASE[: BASE.index('    cpus: 1')].count(chr(10)) + 2}: the key 'cpus' is given twice, first on line \d+"),
    file("NUL", "run: a\0b\n", r":1: the character U\+0000 .*"),
    file("a bell", "run: tiny\ntitle: a\x07b\n", r":2: the character U\+0007 .*"),
    file("a tab before a key", "run: tiny\n\ttitle: x\n", r":2: not YAML: .*tab.*"),
    file("a tab in an indented block", "run: tiny\nreport:\n\tlevel: 0.1\n", r":3: not YAML: .*tab.*"),
    file("an open quote", "run: tiny\ntitle: 'x\n", r":[23]: not YAML: .*"),
    file("an open bracket", "run: tiny\nseeds: [1, 2\nsizes: 3\n", r":3: not YAML: .*"),
    file("two documents", "run: tiny\n---\nrun: b\n", r":2: not YAML: .*single document.*"),
    file("a key that is a number", "run: tiny\n1: 2\n", r":2: the key '1' is not text in YAML: put it in quotes"),
    file("a key that is a boolean", "run: tiny\non: 2\n", r":2: the key 'on' is not text in YAML: put it in quotes"),
    file("a key that is a list", "? [a]\n: 1\n", r":1: a mapping or list as a key: keys are texts"),
    file("a key that is nothing", "run: tiny\n~: 2\n", r":2: the key '~' is not text in YAML: put it in quotes"),
    file("templates", "run: tiny\n__use_yte__: true\n", r":2: __use_yte__: a config is data, .*"),
    file("JSON cut", '{"run": "tiny", "seeds": [', r":1: not YAML: .*"),
    file("a gzip file", b"\x1f\x8b\x08\0" + bytes(40), r":1: byte 0x8b is not UTF-8, .*"),
    file("carriage returns alone", BASE.replace("\n", "\r").replace("steps: 6", "steps: -6", 1), r":5\d: .*steps: .*"),
    file("Windows line ends", BASE.replace("level: 0.05", "level: 5").replace("\n", "\r\n"), rf":{BASE[: BASE.index('level: 0.05')].count(chr(10)) + 1}: report\.level: .*"),
    file("a byte order mark", b"\xef\xbb\xbf" + BASE.replace("run: tiny", "run: Tiny").encode(), r":1: run: 'Tiny' is not a name: .*"),
    file("a line separator in a text", BASE.replace("A run", "A\u2028run"), r":2: the character U\+2028 .*ends a line.*"),
    file("a turning character", BASE.replace("A run for trials", '"A\\u202Erun"'), r":2: title: the text holds U\+202E, .*"),
    file("half a character", BASE.replace("A run for trials", '"A\\ud800"'), r":2: .*U\+D800.*"),
]

PATHS = [
    Row("path: none", "config --config none.yaml", r"error: no config file none\.yaml \(did you mean 'run\.yaml'\?\)", both_ways=True),
    Row("path: near", "config --config rum.yaml", r"error: no config file rum\.yaml \(did you mean 'run\.yaml'\?\)"),
    Row("path: a folder", "config --config .", r"error: cannot read \.: it is a folder.*"),
    Row("path: a dangling link", READ, r"error: no config file run\.yaml: the link leads to .*nowhere.*", linked("nowhere")),
    Row("path: a link to itself", READ, r"error: cannot read run\.yaml: too many levels of symbolic links.*", linked("run.yaml"), both_ways=True),
    Row("path: below a file", "config --config run.yaml/x.yaml", r"error: cannot read run\.yaml/x\.yaml: not a directory.*"),
    Row("path: unreadable", READ, r"error: cannot read run\.yaml: permission denied.*", unreadable, as_root=False),
    Row("path: long", f"config --config {'x' * 300}.yaml", r"error: cannot read x+\.yaml: file name too long.*"),
    Row("path: a new line in it", "config --config 'a\nb.yaml'", r"error: no config file a\\nb\.yaml \(did you mean 'run\.yaml'\?\)"),
    Row("path: an escape sequence in it", "config --config '\x1b[31mred.yaml'", r"error: no config file \\x1b\[31mred\.yaml \(did you mean 'run\.yaml'\?\)"),
    Row("path: empty", "config --config ''", r"error: cannot read \.: it is a folder.*"),
    Row("path: a device without end", "config --config /dev/zero", r"error: cannot read /dev/zero: it is not a file.*"),
    Row("path: a pipe", "config --config pipe", r"error: cannot read pipe: it is not a file.*", lambda place: os.mkfifo(place.folder / "pipe")),
    Row("path: the second of two", f"{READ} more.yaml", r"error: no config file more\.yaml \(did you mean 'run\.yaml'\?\)"),
    Row("path: a list in the second", f"{READ} more.yaml", r"error: more\.yaml: a config is a mapping of keys, got a list: .*", lambda place: (place.edit(), place.write("more.yaml", "- 1\n"))),
    Row("path: a wrong value in the second", f"{READ} more.yaml", r"error: more\.yaml:2: report\.level: .*", lambda place: (place.edit(), place.write("more.yaml", "report:\n  level: high\n"))),
    Row("path: a name without value, in the second", f"{READ} more.yaml", r"error: more\.yaml:2: systems\.other: .*", lambda place: (place.edit(), place.write("more.yaml", "systems:\n  other: null\n"))),
    Row("path: the whole section taken away", f"{READ} more.yaml", r"error: more\.yaml:1: systems: .*", lambda place: (place.edit(), place.write("more.yaml", "systems: null\n"))),
    Row("path: all systems taken away", f"{READ} more.yaml", r"error: more\.yaml:\d: systems: .*", lambda place: (place.edit(), place.write("more.yaml", "systems:\n  starbucks: null\n"))),
    Row("path: a name that is not UTF-8 is taken", "config --config a\udce9.yaml", r"a\\udce9\.yaml: run 'tiny' is valid", lambda place: place.write("a\udce9.yaml", BASE), status=0, told="out"),
    Row("path: odd characters are taken", "config --config 'a {b} $c;d'", re.escape("a {b} $c;d: run 'tiny' is valid"), lambda place: place.write("a {b} $c;d", BASE), status=0, told="out", both_ways=True),
]

SMAE = "      objective: smae\n"
NUMBERS = [
    value("a loss of another track", "dataset: entailments\n      loss: mnrl", "dataset: entailments\n      loss: softmax", r"tracks\.sts\.finetuning\.loss: softmax is for datasets of kind labelled, on which track sts trains nothing"),
    value("a share that is held back on another track", "  sts:\n    tasks:", "  sts:\n    held_back: 0.2\n    tasks:", r"tracks\.sts\.held_back: is for the track classification"),
    value("a negative seed", "- 42", "- -1", r"seeds\.0: .*0.*-1"),
    value("a seed beyond 32 bits", "- 42", "- 4294967296", r"seeds\.0: .*4294967295.*4294967296"),
    value("a huge seed", "- 42", f"- {'9' * 30}", r"seeds\.0: an integer beyond 2\*\*53 in size"),
    value("a fraction as a seed", "- 42", "- 42.5", r"seeds\.0: needs an integer, got the number 42\.5"),
    value("a seed that is a text", "- 42", '- "42"', r"seeds\.0: needs an integer, got the text '42'"),
    value("a seed that is true", "- 42", "- true", r"seeds\.0: needs an integer, got true"),
    value("a seed that is nothing", "- 42", "-", r"seeds\.0: needs an integer, got nothing \(null\)"),
    value("a seed given twice", "- 42", "- 42\n  - 42", r"seeds(\.1)?: .*42.* twice"),
    value("seeds that are a number", "seeds:\n  - 42", "seeds: 42", r"seeds: needs a list, got the number 42"),
    value("no seeds", "seeds:\n  - 42", "seeds: []", r"seeds: .*at least 1.*"),
    value("a seed in octal", "- 42", "- 052", r"'052' is not decimal in YAML: write it without a leading 0"),
    value("infinite level", "level: 0.05", "level: .inf", r"report\.level: inf is not a finite number.*"),
    value("a level that is not a number", "level: 0.05", "level: .nan", r"report\.level: nan is not a finite number.*"),
    value("a level of 1", "level: 0.05", "level: 1", r"report\.level: .*less than 1.*"),
    value("a level of 0", "level: 0.05", "level: 0", r"report\.level: .*greater than 0.*"),
    value("a level with a comma", "level: 0.05", "level: 0,05", r"report\.level: .*'0,05'.*"),
    value("a level in percent", "level: 0.05", "level: 5%", r"report\.level: needs a number, got the text '5%'"),
    value("few resamples", "resamples: 100", "resamples: 99", r"report\.resamples: .*100.*99"),
    value("no resamples", "resamples: 100", "resamples: 0", r"report\.resamples: .*100.*0"),
    value("negative resamples", "resamples: 100", "resamples: -5", r"report\.resamples: .*100.*-5"),
    value("resamples with an exponent", "resamples: 100", "resamples: 1e4", r"report\.resamples: .*1e4.*"),
    value("resamples as a number with a point", "resamples: 100", "resamples: 1.0e+4", r"report\.resamples: needs an integer, got .*10000.*"),
    value("more resamples than any memory", "resamples: 100", "resamples: 9000000000000000", r"report\.resamples: .*1000000.*"),
    value("a learning rate with an exponent and no point", "learning_rate: 1.5e-3", "learning_rate: 15e-4", r"tracks\.sts\.finetuning\.learning_rate: YAML takes 15e-4 for a text: write 15\.0e-4"),
    value("a learning rate of 0", "learning_rate: 1.5e-3", "learning_rate: 0", r"tracks\.sts\.finetuning\.learning_rate: .*greater than 0.*"),
    value("a negative learning rate", "learning_rate: 1.5e-3", "learning_rate: -0.1", r"tracks\.sts\.finetuning\.learning_rate: .*greater than 0.*"),
    value("an infinite learning rate", "learning_rate: 1.5e-3", "learning_rate: .inf", r"tracks\.sts\.finetuning\.learning_rate: inf is not a finite number.*"),
    value("a learning rate beyond float", "learning_rate: 1.5e-3", "learning_rate: 1.0e+999", r"tracks\.sts\.finetuning\.learning_rate: inf is not a finite number.*"),
    value("a negative infinite temperature", "temperature: 0.05", "temperature: -.inf", r"tracks\.sts\.finetuning\.temperature: -inf is not a finite number.*"),
    value("a temperature of 0", "temperature: 0.05", "temperature: 0.0", r"tracks\.sts\.finetuning\.temperature: .*greater than 0.*"),
    value("a batch of none", "      batch_size: 8\n      steps: 6\n      learning_rate: 1.5", "      batch_size: 0\n      steps: 6\n      learning_rate: 1.5", r"tracks\.sts\.finetuning\.batch_size: .*1.*0"),
    value("no steps", "steps: 6\n      learning_rate: 1.5", "steps: 0\n      learning_rate: 1.5", r"tracks\.sts\.finetuning\.steps: .*1.*0"),
    value("steps in base 60", "steps: 6\n      learning_rate: 1.5", "steps: 1:30\n      learning_rate: 1.5", r"'1:30' is a number in base 60 in YAML: put a text in quotes"),
    value("steps and epochs", "steps: 6\n      learning_rate: 1.5", "steps: 6\n      epochs: 1\n      learning_rate: 1.5", r"tracks\.sts\.finetuning\.epochs: give exactly one of `steps` and `epochs`.*"),
    value("no epochs", "steps: 6\n      learning_rate: 1.5", "epochs: 0\n      learning_rate: 1.5", r"tracks\.sts\.finetuning\.epochs: .*greater than 0.*"),
    value("endless epochs", "steps: 6\n      learning_rate: 1.5", "epochs: .inf\n      learning_rate: 1.5", r"tracks\.sts\.finetuning\.epochs: inf is not a finite number.*"),
    value("parts that do not divide the batch", "temperature: 0.05", "accumulation: 3", r"tracks\.sts\.finetuning\.accumulation: .*8.*3.*"),
    value("a warm-up above 1", "temperature: 0.05", "warmup: 10", r"tracks\.sts\.finetuning\.warmup: .*1.*10"),
    value("negative negatives", "negatives: 2", "negatives: -1", r"tracks\.retrieval\.finetuning\.negatives: .*0.*-1"),
    value("a size without layers", "- layers: 1\n", "- layers: 0\n", r"sizes\.0\.layers: .*1.*0"),
    value("a size of negative dimensions", "dim: 8\n", "dim: -8\n", r"sizes\.0\.dim: .*1.*-8"),
    value("a size beyond the layers", "- layers: 2\n    dim: 16", "- layers: 3\n    dim: 16", r"sizes\.1\.layers: 3 layers, but backbone 'base' has 2"),
    value("a size beyond the width", "- layers: 2\n    dim: 16", "- layers: 2\n    dim: 17", r"sizes\.1\.dim: 17 dimensions, but backbone 'base' has 16"),
    value("sizes that fall", "- layers: 2\n    dim: 16", "- layers: 2\n    dim: 4", r"sizes\.1: sizes must increase: .*", at="- layers: 2"),
    value("two sizes of one name", "name: whole", "name: half", r"sizes\.1(\.name)?: the name 'half' is used twice"),
    value("a size that is a number", "- layers: 1\n    dim: 8\n    name: half", "- 8", r"sizes\.0: needs a mapping of keys, got the number 8"),
    value("sizes that are nothing", "sizes:\n  - layers: 1\n    dim: 8\n    name: half\n  - layers: 2\n    dim: 16\n    name: whole", "sizes:", r"sizes: needs a list, got nothing \(null\)"),
    value("a funnel of nothing", "        funnel:\n          - 20\n          - 10", "        funnel: []", r"tracks\.retrieval\.search\.adaptive\.funnel: .*at least 1.*"),
    value("a funnel with a negative size", "- 20\n          - 10", "- 20\n          - -10", r"tracks\.retrieval\.search\.adaptive\.funnel\.1: .*1.*-10"),
    value("a funnel that passes on none", "- 20\n          - 10", "- 20\n          - 0", r"tracks\.retrieval\.search\.adaptive\.funnel\.1: .*1.*0"),
    value("a funnel that widens", "- 20\n          - 10", "- 20\n          - 30", r"tracks\.retrieval\.search\.adaptive\.funnel: a step cannot pass on 30 of 20 passages", at="funnel:"),
    value("a funnel of fractions", "- 20\n          - 10", "- 20\n          - 2.5", r"tracks\.retrieval\.search\.adaptive\.funnel\.1: needs an integer, got the number 2\.5"),
    value("a funnel that is true", "        funnel:\n          - 20\n          - 10", "        funnel: true", r"tracks\.retrieval\.search\.adaptive\.funnel: needs a list, got true"),
    value("a funnel deeper than the search", "- 20\n          - 10", "- 200\n          - 10", r"tracks\.retrieval\.search\.adaptive\.funnel(\.0)?: .*200.*100.*", at="funnel:"),
    value("a shortlist deeper than the search", "shortlist: 20", "shortlist: 101", r"tracks\.retrieval\.search\.adaptive\.shortlist: .*101.*100.*"),
    value("a shortlist of none", "shortlist: 20", "shortlist: 0", r"tracks\.retrieval\.search\.adaptive\.shortlist: .*1.*0"),
    value("a shallow search", "depth: 100", "depth: 9", r"tracks\.retrieval\.search\.depth: .*10.*9"),
    value("a search shallower than the metric", "metric: RR@10", "metric: R@1000", r"tracks\.retrieval\.search\.depth: 100 is less than R@1000 of 'library' looks at", at="depth: 100"),
    value("no shards", "shards: 2", "shards: 0", r"datasets\.library\.shards: .*1.*0"),
    value("too many shards", "shards: 2", "shards: 10000", r"datasets\.library\.shards: .*9999.*10000"),
    value("more shards than passages", "shards: 2", "shards: 41", r"datasets\.library\.shards: .*41.*40.*"),
    value("no rows", "rows: 80", "rows: 0", r"datasets\.stories\.rows: .*1.*0"),
    value("rows beyond 53 bits", "rows: 80", "rows: 99999999999999999999", r"datasets\.stories\.rows: an integer beyond 2\*\*53 in size"),
    value("a window beyond the positions", "max_length: 48", "max_length: 65", r"backbones\.base\.pretraining\.max_length: 65 tokens, but backbone 'base' has 64 positions"),
    value("a window of few tokens", "max_length: 48", "max_length: 7", r"backbones\.base\.pretraining\.max_length: .*8.*7"),
    value("a text beyond the positions", "temperature: 0.05", "max_length: 100", r"tracks\.sts\.finetuning\.max_length: 100 tokens, but backbone 'base' has 64 positions"),
    value("heads that do not divide the width", "heads: 2", "heads: 3", r"backbones\.base\.architecture\.heads: 3 heads do not divide width 16"),
    value("a vocabulary of nothing", "vocabulary: 600", "vocabulary: 0", r"backbones\.base\.architecture\.vocabulary: .*64.*0"),
    value("a mask of nothing", "max_length: 48", "max_length: 48\n      encoder_mask_rate: 0", r"backbones\.base\.pretraining\.encoder_mask_rate: .*greater than 0.*"),
    value("a mask beyond the decoder's", "max_length: 48", "max_length: 48\n      encoder_mask_rate: 0.5", r"backbones\.base\.pretraining\.encoder_mask_rate: 0\.5 is more than decoder_mask_rate 0\.4: .*"),
    value("dropout of 1", "temperature: 0.05", "dropout: 1", r"tracks\.sts\.finetuning\.dropout: .*less than 1.*"),
    value("memory in words", "memory_mb: 4000", "memory_mb: 4 GB", r"compute\.pretrain\.memory_mb: needs an integer, got the text '4 GB'"),
    value("no threads", "cpus: 1", "cpus: 0", r"compute\.pretrain\.cpus: .*1.*0"),
    value("negative GPUs", "cpus: 1", "gpus: -1", r"compute\.pretrain\.gpus: .*0.*-1"),
    value("a limit below what is asked", "memory_mb: 4000", "memory_mb: 4000\n    max_memory_mb: 3000", r"compute\.pretrain\.max_memory_mb: 3000 is less than memory_mb 4000"),
    value("two GPUs for embedding", "  pretrain:\n    cpus: 1\n    memory_mb: 4000", "  embed:\n    gpus: 2", r"compute\.embed\.gpus: .*1.*2", at="gpus: 2"),
    value("a generic resource of two numbers", "  pretrain:\n    cpus: 1\n    memory_mb: 4000", "  gres: gpu:a100:1", r"compute\.gres: .*gpu:a100:1.*"),
]
