"""Read exported sizes with sentence-transformers alone, and ONNX Runtime where it is installed.

Run by an environment that has no Starbench: PAIRS.json FOLDER; prints one line of JSON.
"""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import sentence_transformers
from scipy.stats import spearmanr
from sentence_transformers import SentenceTransformer


def spearmans(embed, pairs) -> dict[str, float]:
    """Return {dataset: Spearman's correlation of cosines with the gold scores}."""
    found = {}
    for name, rows in pairs.items():
        first, second = (embed(rows[column]) for column in ("sentence1", "sentence2"))
        first, second = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (first, second))
        found[name] = float(spearmanr((first * second).sum(axis=1), rows["score"]).statistic)
    return found


def onnx_embed(file: Path, folder: Path):
    """Return what embeds texts with an ONNX file: the code of the page on small models."""
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # more would spin on a machine with other work
    session = onnxruntime.InferenceSession(str(file), options)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    settings = json.loads((folder / "sentence_bert_config.json").read_text())
    tokenizer.enable_truncation(settings["max_seq_length"])
    tokenizer.enable_padding(
        pad_id=json.loads((folder / "config.json").read_text())["pad_token_id"]
    )

    def embed(texts):
        found = []
        for start in range(0, len(texts), 64):
            encoded = tokenizer.encode_batch(texts[start : start + 64])
            inputs = {
                "input_ids": np.array([text.ids for text in encoded], dtype=np.int64),
                "attention_mask": np.array([t.attention_mask for t in encoded], dtype=np.int64),
            }
            found.append(session.run(["sentence_embedding"], inputs)[0])
        return np.concatenate(found)

    return embed


def read(folder: Path, pairs) -> dict:
    """Return what one size gives."""
    model = SentenceTransformer(str(folder), device="cpu")
    found = {
        "layers": model[0].auto_model.config.num_hidden_layers,
        "dim": int(model.encode(["a text"]).shape[1]),
        "torch": spearmans(lambda texts: model.encode(texts, batch_size=128), pairs),
    }
    if importlib.util.find_spec("onnxruntime"):
        for name, file in (("onnx", "model.onnx"), ("int8", "model_int8.onnx")):
            found[name] = spearmans(onnx_embed(folder / "onnx" / file, folder), pairs)
    return found


if __name__ == "__main__":
    pairs = json.loads(Path(sys.argv[1]).read_text())
    folders = [path for path in sorted(Path(sys.argv[2]).iterdir()) if path.is_dir()]
    sizes = {folder.name: read(folder, pairs) for folder in folders}
    print(json.dumps({"version": sentence_transformers.__version__, "sizes": sizes}))
