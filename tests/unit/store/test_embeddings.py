"""A million passages are embedded to disk and searched in less memory than they take."""

import json
import subprocess
import sys

ROWS, DIMS, SHARDS = 1_000_000, 384, 4

WRITE = """
import json, sys
from pathlib import Path
import numpy as np
from starbench.store.embeddings import EmbeddingWriter
from starbench.store.manifest import Stage

def finish(folder, files, rows):
    Stage("embed", 1, {}, []).finish(folder, files, texts=rows)

root, rows, dims, shards = Path(sys.argv[1]), *map(int, sys.argv[2:])
draw = np.random.default_rng(0)
pool = draw.standard_normal((50_000, dims)).astype(np.float32)
for shard in range(shards):
    count = rows // shards
    writer = EmbeddingWriter(root / str(shard), count, {1: dims}, "float16")
    for first in range(0, count, len(pool)):
        part = range(first, min(first + len(pool), count))
        writer.write_ids([str(row) for row in part])
        writer.write(part, {1: np.roll(pool, first, axis=1)[: len(part)]})
        writer.flush()
    finish(root / str(shard), writer.close(), count)
print(json.dumps({"mib": peak()}))
"""

SEARCH = """
import json, sys
from pathlib import Path
import numpy as np
from starbench.store.embeddings import EmbeddingWriter, StoredEmbeddings
from starbench.stages.evaluate.search import search
from starbench.store.manifest import Stage
from starbench.sizes import Size

def finish(folder, files, rows):
    Stage("embed", 1, {}, []).finish(folder, files, texts=rows)

root, rows, dims, shards = Path(sys.argv[1]), *map(int, sys.argv[2:])
queries = np.random.default_rng(1).standard_normal((200, dims)).astype(np.float32)
writer = EmbeddingWriter(root / "queries", 200, {1: dims}, "float32")
writer.write(range(200), {1: queries})
finish(root / "queries", writer.close(), 200)
parts = [StoredEmbeddings(root / str(shard)) for shard in range(shards)]
cells = [Size(1, dim) for dim in (16, 32, 64, 128, 256, 384)]
asked = StoredEmbeddings(root / "queries")
found = search(asked, parts, cells, 1000, "dot", np.arange(rows))
shown = found[Size(1, 64)]
print(json.dumps({
    "mib": peak(),
    "rows": shown.rows[0, :5].tolist(),
    "shape": list(shown.rows.shape),
}))
"""


# Not ru_maxrss: that of a child begins with what its parent had.
PEAK = """
def peak():
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
"""


def run(code, folder):
    arguments = [str(folder), str(ROWS), str(DIMS), str(SHARDS)]
    done = subprocess.run(
        [sys.executable, "-c", PEAK + code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_writing_and_searching_a_million_vectors_takes_less_than_two_gigabytes(tmp_path):
    written = run(WRITE, tmp_path)
    searched = run(SEARCH, tmp_path)
    assert searched["shape"] == [200, 1000]
    stored = ROWS * DIMS * 2 / 2**20
    assert written["mib"] < stored, "not even what is stored"
    assert searched["mib"] < 2000
