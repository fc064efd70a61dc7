"""What no line of the product does, read from its syntax."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("cliptrace", "schemas", "models", "transforms", "pipelines", "deploy")
UNPICKLERS = frozenset({"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"})
CALLS = frozenset({"eval", "exec", "os.system", "os.popen", "yaml.load", "pd.read_pickle", "torch.hub.load"})
CSV = frozenset({"csv.writer", "csv.DictWriter", "pa_csv.write_csv", "pacsv.write_csv"})


def offences(source: str) -> Iterator[str]:
    """Unpickling, code from text, a shell, weights that may run code, CSV that a spreadsheet might run."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
            yield from (f"imports {name}" for name in names if name.split(".")[0] in UNPICKLERS)
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            given = {each.arg: ast.unparse(each.value) for each in node.keywords}
            if called in CALLS | CSV or called.endswith(".to_csv"):
                yield f"calls {called}"
            if given.get("shell", "False") != "False":
                yield "runs a shell"
            if called == "torch.load" and given.get("weights_only") != "True":
                yield "loads weights that may run code"
            if given.get("allow_pickle", "False") != "False":
                yield "allows pickles"


def test_the_product_neither_unpickles_nor_runs_text_nor_writes_csv() -> None:
    files = [path for room in PRODUCT for path in sorted((ROOT / room).rglob("*.py"))]
    assert len(files) > 80
    found = [f"{path.relative_to(ROOT)}: {each}" for path in files for each in offences(path.read_text())]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from dill import loads",
        "eval('1')",
        "subprocess.run('ls', shell=True)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "csv.writer(file)",
        "frame.to_csv('x')",
    ],
)
def test_an_offence_is_seen(source: str) -> None:
    assert list(offences(source))


def test_only_the_vector_store_reads_the_token() -> None:
    """So that it is in no record, no option and no DoFn: a worker reads its own environment when it connects."""
    readers = [
        path.relative_to(ROOT).as_posix()
        for room in PRODUCT
        for path in sorted((ROOT / room).rglob("*.py"))
        if any(word in path.read_text() for word in ("environ.get(TOKEN_VARIABLE", 'environ["CLIPTRACE_MILVUS_TOKEN'))
    ]
    assert readers == ["transforms/store/vectors.py"]
