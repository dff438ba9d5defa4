"""Command lines that are incomplete, contradictory or unknown, plans, and streams that are gone."""

from tests.trials.running import BASE, CONFIG, RETRIEVAL, SEED, STS, Place, Row

SMALL = "error: starbench"
NOT_DONE = r" is not finished: it has no manifest\.json: .*"


def odd_name(place: Place) -> None:
    place.write("run.yaml", BASE)
    place.write("device.yaml", b"\xff\xfe\0garbage")


def device(text: str | bytes):
    return lambda place: (place.write("run.yaml", BASE), place.write("device.yaml", text))


def scored(**files: str):
    """Write a folder of pairs, and what is given of a model."""

    def make(place: Place) -> None:
        pair = '{"sentence1": "a cat", "sentence2": "a dog", "score": 1}\n'
        place.write("data/animals/test.jsonl", pair)
        for name, text in files.items():
            place.write(f"model/{name}.json", text)
        if files:
            place.write("model/model.safetensors", "garbage")

    return make


SHAPE = '"num_hidden_layers": 2, "hidden_size": 16'
SCORE = "score ./model --data data --sizes"


# fmt: off
ARGUMENTS = [
    Row("line: nothing", " ''", rf"{SMALL}: argument STAGE: '' is not valid \(valid: .*\); see starbench --help"),
    Row("line: an unknown stage", "fintune", rf"{SMALL}: argument STAGE: 'fintune' is not valid \(did you mean 'finetune'\?\); see starbench --help", both_ways=True),
    Row("line: an unknown option at the top", "--verbose config", rf"{SMALL}: .*--verbose.*; see starbench --help"),
    Row("line: an unknown unit", "reproduce goldn", r"error: there is no unit 'goldn' \(did you mean 'golden'\?\)"),
    Row("line: units within no time", "reproduce --within soon", r"error: --within soon: is not a time; give e\.g\. 90s, 30m, 2h or 1d"),
    Row("line: data without a config", "data --dataset stories", rf"{SMALL} data: the following arguments are required: --config/--configfile/--configfiles; see starbench data --help"),
    Row("line: data of nothing", f"data {CONFIG}", rf"{SMALL} data: one of the arguments --dataset --checkpoint --pin --leakage is required; see starbench data --help"),
    Row("line: data of two things", f"data {CONFIG} --dataset stories --leakage", rf"{SMALL} data: argument --leakage: not allowed with argument --dataset; see .*"),
    Row("line: data of no such dataset", f"data {CONFIG} --dataset storys", r"error: the config has no dataset 'storys' \(did you mean 'stories'\?\)"),
    Row("line: data of an empty name", f"data {CONFIG} --dataset ''", r"error: the config has no dataset '' \(valid: .*\)"),
    Row("line: a dataset with a new line in it", f"data {CONFIG} --dataset 'a\nb'", r"error: the config has no dataset 'a\\nb' \(valid: .*\)", both_ways=True),
    Row("line: no such checkpoint", f"data {CONFIG} --checkpoint bas", r"error: the config has no (checkpoint|backbone) 'bas' \(did you mean 'base'\?\)"),
    Row("line: a backbone without a checkpoint", f"data {CONFIG} --checkpoint base", r"error: backbone 'base' has no `checkpoint` in the config; those that have one: none"),
    Row("line: two configs for a stage", f"data {CONFIG} --config more.yaml --dataset stories", r"error: no config file more\.yaml.*"),
    Row("line: pretrain without a backbone", f"pretrain {CONFIG} {SEED}", rf"{SMALL} pretrain: the following arguments are required: --backbone; see .*"),
    Row("line: pretrain without a seed", f"pretrain {CONFIG} --backbone base", rf"{SMALL} pretrain: the following arguments are required: --seed; see .*"),
    Row("line: pretrain of no such backbone", f"pretrain {CONFIG} --backbone bse {SEED}", r"error: the config has no backbone 'bse' \(did you mean 'base'\?\)"),
    Row("line: pretrain with another seed", f"pretrain {CONFIG} --backbone base --seed 43", r"error: the config has no seed '43' \(did you mean '42'\?\)"),
    Row("line: a seed that is a word", f"pretrain {CONFIG} --backbone base --seed one", rf"{SMALL} pretrain: argument --seed: invalid int value: 'one'; see .*"),
    Row("line: a seed that is a fraction", f"pretrain {CONFIG} --backbone base --seed 4.2", rf"{SMALL} pretrain: argument --seed: invalid int value: '4\.2'; see .*"),
    Row("line: a negative seed", f"pretrain {CONFIG} --backbone base --seed -42", r"error: the config has no seed '-42'.*"),
    Row("line: a seed of many digits", f"pretrain {CONFIG} --backbone base --seed {'9' * 5000}", rf"{SMALL} pretrain: argument --seed: invalid int value: .*"),
    Row("line: no threads", f"pretrain {CONFIG} --backbone base {SEED} --threads 0", rf"{SMALL} pretrain: argument --threads: '0' is not a number of threads, which is at least 1; see .*"),
    Row("line: negative threads", f"pretrain {CONFIG} --backbone base {SEED} --threads -2", rf"{SMALL} pretrain: argument --threads: '-2' is not a number of threads, .*"),
    Row("line: threads in words", f"report {CONFIG} --threads two", rf"{SMALL} report: argument --threads: 'two' is not a number of threads, .*"),
    Row("line: a misspelt option", f"finetune {STS} --thread-count 2", rf"{SMALL} finetune: unknown argument '--thread-count' \(did you mean '--threads'\?\); see .*"),
    Row("line: a word too many", f"finetune {STS} now", rf"{SMALL} finetune: unknown argument 'now'; see .*"),
    Row("line: no such model", f"finetune {CONFIG} --track sts --model starbuck {SEED}", r"error: no model 'starbuck' on track sts \(did you mean 'starbucks'\?\)"),
    Row("line: a model of a size that there is not", f"finetune {CONFIG} --track sts --model starbucks-n1-d8 {SEED}", r"error: no model 'starbucks-n1-d8' on track sts \(did you mean 'starbucks'\?\)"),
    Row("line: no such track", f"finetune {CONFIG} --track st --model starbucks {SEED}", r"error: the config has no track 'st' \(did you mean 'sts'\?\)"),
    Row("line: a shard without its dataset", f"embed {RETRIEVAL} --shard 1", r"error: --dataset and --shard belong together: give both or neither"),
    Row("line: a dataset without its shard", f"embed {RETRIEVAL} --dataset library", r"error: --dataset and --shard belong together: give both or neither"),
    Row("line: shard 0", f"embed {RETRIEVAL} --dataset library --shard 0", r"error: dataset 'library' has 2 shards, there is no shard 0"),
    Row("line: shard 3 of 2", f"embed {RETRIEVAL} --dataset library --shard 3", r"error: dataset 'library' has 2 shards, there is no shard 3", both_ways=True),
    Row("line: a negative shard", f"evaluate shard {RETRIEVAL} --dataset library --shard -1", r"error: dataset 'library' has 2 shards, there is no shard -1"),
    Row("line: a shard of pairs", f"embed {STS} --dataset paraphrase --shard 1", r"error: --dataset paraphrase: track sts searches no such collection.*"),
    Row("line: a shard of a text", f"embed {RETRIEVAL} --dataset stories --shard 1", r"error: --dataset stories: track retrieval searches no such collection.*"),
    Row("line: a shard on the other track", f"evaluate shard {STS} --dataset library --shard 1", r"error: --dataset library: track sts searches no such collection.*"),
    Row("line: evaluate nothing", "evaluate", rf"{SMALL} evaluate: the following arguments are required: WHAT; see .*"),
    Row("line: evaluate half a model", f"evaluate model {CONFIG} --model starbucks", rf"{SMALL} evaluate model: the following arguments are required: --track, --seed; see .*"),
    Row("line: evaluate a stage that there is not", f"evaluate colect {CONFIG}", rf"{SMALL} evaluate: argument WHAT: 'colect' is not valid \(did you mean 'collect'\?\); see .*"),
    Row("line: a shard without its number", f"evaluate shard {RETRIEVAL} --dataset library", rf"{SMALL} evaluate shard: the following arguments are required: --shard; see .*"),
    Row("line: pins in several files", "data --config run.yaml run.yaml --pin", r"error: --pin writes into one config file: give one at a time"),
    Row("line: evaluate two things", f"evaluate bm25 {CONFIG} --track retrieval --collect", rf"{SMALL} evaluate bm25: unknown argument '--collect'.*; see .*"),
    Row("line: collect a model", f"evaluate collect {STS}", rf"{SMALL} evaluate collect: unknown argument '--track'.*; see .*"),
    Row("line: BM25 of a shard", f"evaluate bm25 {CONFIG} --track retrieval --dataset library --shard 1", rf"{SMALL} evaluate bm25: unknown argument '--dataset'.*; see .*"),
    Row("line: BM25 of pairs", f"evaluate bm25 {CONFIG} --track sts", r"error: BM25 is scored on nothing of track sts: it searches no collections.*"),
    Row("line: BM25 where there is none", f"evaluate bm25 {CONFIG} --track retrieval", r"error: BM25 is scored on nothing of track retrieval: .*", lambda place: place.edit(("depth: 100", "depth: 100\n      bm25: null"))),
    Row("line: report without a config", "report", r"error: report needs --config, or --published with --output"),
    Row("line: report to another folder", f"report {CONFIG} --output there", r"error: report needs --config, or --published with --output"),
    Row("line: report of the paper without a folder", "report --published", r"error: --published needs --output, .*"),
    Row("line: report of the paper for a config", f"report {CONFIG} --published --output there", r"error: --published needs --output, .*"),
    Row("line: export without a size", f"export {CONFIG} --system starbucks", rf"{SMALL} export: one of the arguments --size --all is required; see .*"),
    Row("line: export a size and all", f"export {CONFIG} --system starbucks --size half --all", rf"{SMALL} export: argument --all: not allowed with argument --size; see .*"),
    Row("line: export no such system", f"export {CONFIG} --system starbuck --size half", r"error: the config has no system 'starbuck' \(did you mean 'starbucks'\?\)"),
    Row("line: export no such size", f"export {CONFIG} --system starbucks --size hlaf", r"error: no size 'hlaf' \(did you mean 'half'\?\)"),
    Row("line: export a size of no layers", f"export {CONFIG} --system starbucks --size 0/8", r"error: no size '0/8'.*"),
    Row("line: export for no such track", f"export {CONFIG} --system starbucks --size half --track st", r"error: the config has no track 'st' \(did you mean 'sts'\?\)"),
    Row("line: export with another seed", f"export {CONFIG} --system starbucks --size half --seed 43", r"error: the config has no seed '43' \(did you mean '42'\?\)"),
    Row("line: measure nothing", "measure", rf"{SMALL} measure: the following arguments are required: WHAT; see .*"),
    Row("line: measure with threads", f"measure model {STS} --threads 2", rf"{SMALL} measure model: unknown argument '--threads'.*; see .*"),
    Row("line: collect costs that no config asks for", f"measure collect {CONFIG}", r"error: the config measures nothing: it has no section `measure`"),
    Row("line: advise on nothing", "advise", r"error: advise needs --run, the folder or name of a run, or --config"),
    Row("line: advise on a run and a config", f"advise {CONFIG} --run tiny", r"error: advise needs --run, the folder or name of a run, or --config"),
    Row("line: advise on no such run", "advise --run tini", r"error: no run at tini or results/tini: neither has a config\.yaml; give --config"),
    Row("line: advise before anything is measured", f"advise {CONFIG}", r"error: no costs at results/tiny/costs\.csv: add a section `measure` to the config and run snakemake, or starbench measure"),
    Row("line: advise on an index of unknown length", f"advise {CONFIG} --index-gb 2", r"error: --index-gb needs --passages: how many vectors the index holds"),
    Row("line: advise with a loss of everything", f"advise {CONFIG} --loss 100%", rf"{SMALL} advise: argument --loss: '100%' is not a share below all, as 2% or 0\.02; see .*"),
    Row("line: advise with a latency in words", f"advise {CONFIG} --latency-ms fast", rf"{SMALL} advise: argument --latency-ms: 'fast' is not a number above 0; see .*"),
    Row("line: advise with no passages", f"advise {CONFIG} --passages 0", rf"{SMALL} advise: argument --passages: '0' is not a number above 0; see .*"),
    Row("line: config of nothing", "config", r"error: config needs --config FILE, or --write-docs FOLDER"),
    Row("line: config shows nothing", "config --show run", r"error: --show needs --config FILE"),
    Row("line: config shows the unknown", f"config {CONFIG} --show folders", rf"{SMALL} config: argument --show: 'folders' is not valid \(did you mean 'folder'\?\); see .*"),
    Row("line: docs into a file", "config --write-docs run.yaml", r"error: run\.yaml.*: .*(not a directory|file exists).*"),
    Row("line: unlock with a folder", "unlock there", rf"{SMALL} unlock: unknown argument 'there'; see .*"),
    Row("line: processes in words", f"pretrain {CONFIG} --backbone base {SEED} --threads 2", r"error: the environment's WORLD_SIZE is 'two', no number from 1: unset it", environment={"WORLD_SIZE": "two"}),
]

SCORES = [
    Row("score: nothing", "score", rf"{SMALL} score: the following arguments are required: model, --sizes; see .*"),
    Row("score: no data", "score ./model --sizes 1/16", r"error: .*--data FOLDER, --config FILE or --mteb NAME, one of these"),
    Row("score: data that are not there", f"{SCORE} 1/16", r"error: no folder data"),
    Row("score: data that cannot be scored", f"{SCORE} 1/16", r"error: data holds nothing to score: neither a BEIR folder .*", lambda place: place.write("data/a.txt", "a")),
    Row("score: a size in words", f"{SCORE} small", r"error: --sizes small: 'small' is not layers/dimensions; give e\.g\. .*", scored()),
    Row("score: no such dataset", f"{SCORE} 1/16 --datasets animal", r"error: --datasets animal: no such dataset \(did you mean 'animals'\?\)", scored()),
    Row("score: no such model", f"{SCORE} 1/16", r"error: no folder \./model", scored(), both_ways=True),
    Row("score: no such package", "score package:no-such --data data --sizes 1/16", r"error: checkpoint package:no-such: the package is not installed .*", scored()),
    Row("score: a size beyond the model", f"{SCORE} 3/16", r"error: size n3-d16: checkpoint \./model has 2 layers, not 3", scored(config=f'{{"model_type": "bert", {SHAPE}}}')),
    Row("score: a family of half a model", f"{SCORE} 1/16", r"error: checkpoint \./model: a model of type 't5' cannot be used \(.*\): known are bert, .*", scored(config=f'{{"model_type": "t5", {SHAPE}}}')),
    Row("score: an unknown family", f"{SCORE} 1/16", r"error: checkpoint \./model: .*'mamba'.*: known are bert, .*", scored(config=f'{{"model_type": "mamba", {SHAPE}}}')),
    Row("score: a model of no family", f"{SCORE} 1/16", r"error: checkpoint \./model.*model_type.*", scored(config=f"{{{SHAPE}}}")),
    Row("score: code of its own", f"{SCORE} 1/16", r"error: checkpoint \./model: config\.json asks for code of its own \('auto_map'\), which is never run here: .*", scored(config=f'{{"model_type": "bert", "auto_map": {{"AutoModel": "x.Y"}}, {SHAPE}}}')),
    Row("score: no modules", f"{SCORE} 1/16", r"error: checkpoint \./model: modules\.json lists no modules, and must begin with the module Transformer", scored(config=f'{{"model_type": "bert", {SHAPE}}}', modules="[]")),
    Row("score: modules that are code", f"{SCORE} 1/16", r"error: checkpoint \./model: modules\.json names custom\.Pool, which is code of its own .*", scored(config=f'{{"model_type": "bert", {SHAPE}}}', modules='[{"type": "sentence_transformers.models.Transformer", "path": ""}, {"type": "custom.Pool", "path": "1_Pool"}]')),
]

PLANS = [
    Row("plan: of nothing", "plan", r"error: plan needs --config, or --calibrate"),
    Row("plan: no such device", f"plan {CONFIG} --device h1000", r"error: no device 'h1000' \(did you mean 'h100'\?\)", both_ways=True),
    Row("plan: no such file of a device", f"plan {CONFIG} --device my.yaml", r"error: no device file my\.yaml.*"),
    Row("plan: a device that is a folder", f"plan {CONFIG} --device .", r"error: no device.*\..*"),
    Row("plan: a device that is empty", f"plan {CONFIG} --device device.yaml", r"error: device\.yaml.*", device("")),
    Row("plan: a device that is a list", f"plan {CONFIG} --device device.yaml", r"error: device\.yaml.*", device("- a\n")),
    Row("plan: a device that is binary", f"plan {CONFIG} --device device.yaml", r"error: device\.yaml.*", device(b"\xff\xfe\0garbage")),
    Row("plan: a device without rates", f"plan {CONFIG} --device device.yaml", r"error: device\.yaml: .*missing.*", device("name: mine\nkind: gpu\n")),
    Row("plan: a device of an unknown kind", f"plan {CONFIG} --device device.yaml", r"error: device\.yaml:2: no device file: kind: 'tpu' is not valid.*", device("name: mine\nkind: tpu\n")),
    Row("plan: a device with an unknown key", f"plan {CONFIG} --device device.yaml", r"error: device\.yaml:1: no device file: nam: unknown key 'nam' \(did you mean 'name'\?\)", device("nam: mine\n")),
    Row("plan: a device with a tag", f"plan {CONFIG} --device device.yaml", r"error: device\.yaml:1: not YAML: .*constructor.*", device("name: !!python/name:os.system x\n")),
    Row("plan: no GPUs", f"plan {CONFIG} --device h100 --gpus 0", r"error: --gpus 0: at least 1"),
    Row("plan: negative GPUs", f"plan {CONFIG} --device h100 --gpus -4", r"error: --gpus -4: at least 1"),
    Row("plan: GPUs in words", f"plan {CONFIG} --gpus eight", rf"{SMALL} plan: argument --gpus: invalid int value: 'eight'; see .*"),
    Row("plan: GPUs of a processor", f"plan {CONFIG} --device laptop-core --gpus 2", r"error: --gpus does not go with device '.*': use --cores"),
    Row("plan: cores of a GPU", f"plan {CONFIG} --device h100 --cores 2", r"error: --cores does not go with device '.*': use --gpus"),
    Row("plan: a disk without a unit", f"plan {CONFIG} --disk 500", r"error: '500' is not a size: write it like 500GB or 1\.5TB"),
    Row("plan: a negative disk", f"plan {CONFIG} --disk=-5GB", r"error: '-5GB' is not a size: .*"),
    Row("plan: a disk of nothing", f"plan {CONFIG} --disk 0GB", r"error: the plan needs .* of disk, there are 0\.0 MB; .*", told="any"),
    Row("plan: memory that is none", f"plan {CONFIG} --memory 0GB", r"error: stage .* needs .* of GPU memory, there are 0\.0 MB: .*", told="any"),
    Row("plan: memory in words", f"plan {CONFIG} --memory much", r"error: 'much' is not a size: .*"),
    Row("plan: records in words", f"plan {CONFIG} --records stories=many", r"error: --records stories=many: write NAME=RECORDS or NAME=PASSAGES/QUERIES"),
    Row("plan: records of no dataset", f"plan {CONFIG} --records storys=5", r"error: --records: the config has no dataset 'storys' \(did you mean 'stories'\?\)"),
    Row("plan: no records", f"plan {CONFIG} --records stories=0", r"error: --records stories=0: at least 1 .*"),
    Row("plan: records given twice", f"plan {CONFIG} --records stories=5 --records stories=6", r"error: --records stories=6: .*twice.*"),
    Row("plan: queries of a text", f"plan {CONFIG} --records stories=5/5", r"error: --records stories=5/5: .*stories.* is not a collection.*"),
    Row("plan: a dataset of unknown size", f"plan {CONFIG}", r"error: dataset 'stories': nothing tells its size before it is fetched; state it: --records stories=RECORDS", lambda place: place.edit(("kind: text\n    source: micro\n    rows: 80", "kind: text\n    source: hub\n    name: a/b"))),
    Row("plan: a folder that is not there", f"plan {CONFIG}", r"error: .*there is no data root: .*", lambda place: place.edit(("kind: text\n    source: micro\n    rows: 80", "kind: text\n    source: folder\n    name: b"))),
    Row("plan: a checkpoint of unknown size", f"plan {CONFIG}", r"error: .*no-such/model.*", lambda place: place.edit(("    architecture:\n      layers: 2\n      width: 16\n      heads: 2\n      intermediate: 32\n      max_positions: 64\n      vocabulary: 600\n", "    checkpoint:\n      name: no-such/model\n"))),
    Row("plan: measures into a folder that is not there", "plan --calibrate nowhere/device.yaml", r"error: --calibrate nowhere/device\.yaml: there is no folder nowhere"),
    Row("plan: measures into a folder", "plan --calibrate .", r"error: --calibrate \.: it is a folder, name a file in it"),
    Row("plan: results that are a file", f"plan {CONFIG} --results run.yaml", r"error: starbench plan: argument --results: 'run\.yaml' is not a folder; see .*"),
    Row("plan: results below a file", f"plan {CONFIG} --results run.yaml/x", r"error: starbench plan: argument --results: 'run\.yaml/x' is below 'run\.yaml', which is not a folder; see .*"),
]

STREAMS = [
    Row("stream: nobody reads", f"config {CONFIG} --show folder", r"(?!)", status=141, stdout="unread", told="none", both_ways=True),
    Row("stream: nobody reads a plan", f"plan {CONFIG}", r"(?!)", status=141, stdout="unread", told="none"),
    Row("stream: nobody reads the help", "--help", r"(?!)", status=141, stdout="unread", told="none"),
    Row("stream: closed", f"config {CONFIG} --show folder", r"(?!)", status=0, stdout="closed", told="none"),
    Row("stream: full", f"config {CONFIG} --show folder", r"error: standard output: No space left on device: .*", stdout="/dev/full"),
    Row("stream: full, of a plan", f"plan {CONFIG}", r"error: standard output: No space left on device: .*", stdout="/dev/full"),
    Row("stream: ASCII alone", f"config {CONFIG} --show folder", r"results/tiny", status=0, told="out", environment={"PYTHONIOENCODING": "ascii"}),
    Row("stream: ASCII and a name that is not", "config --config café.yaml", r"caf\\xe9\.yaml: run 'tiny' is valid", lambda place: place.write("café.yaml", BASE), status=0, told="out", environment={"PYTHONIOENCODING": "ascii"}, both_ways=True),
    Row("stream: an error in ASCII", "config --config café.yaml", r"error: no config file caf\\xe9\.yaml.*", environment={"PYTHONIOENCODING": "ascii"}),
]
