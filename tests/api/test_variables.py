"""What is told of data frames and arrays, without running any code of what is in them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import code_interpreter._inside.namespace as inside
from code_interpreter._call.variable import read_variables

LIBRARIES = ("numpy", "pandas", "polars", "pyarrow")
PROGRAM = """
import json, sys
from types import SimpleNamespace
import numpy, pandas, polars, pyarrow

class Loud:
    def __repr__(self): sys.exit("called")
    __str__ = __repr__

columns = {"whole": [1, 2, 3], "text": ["a", "b", "c"]}
frame = pandas.DataFrame(columns)
values = {
    "array": numpy.arange(12.0).reshape(3, 4),
    "view": numpy.arange(10**6).reshape(1000, 1000).T,
    "objects": numpy.array([Loud()] * 2, dtype=object),
    "frame": frame,
    "loud": pandas.DataFrame({Loud(): [Loud()]}),
    "wide": pandas.DataFrame({f"c{i}": [0] for i in range(1000)}),
    "series": frame["whole"],
    "polars": polars.DataFrame(columns),
    "polars_series": polars.Series([1, 2, 3]),
    "lazy": polars.DataFrame(columns).lazy(),
    "table": pyarrow.table(columns),
    "own": type("DataFrame", (pandas.DataFrame,), {})(columns),
}
exec(open(sys.argv[1]).read())
print(json.dumps(describe(SimpleNamespace(user_ns=values, user_ns_hidden={}), 100)))
"""


@pytest.mark.network
@pytest.mark.slow
def test_data_frames_and_arrays_have_a_shape_and_a_size() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "uv", "run", "--no-project", "--python", sys.executable]
        + [part for name in LIBRARIES for part in ("--with", name)]
        + ["python", "-W", "ignore", "-c", PROGRAM, str(Path(inside.__file__))],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    answer = json.loads(told.stdout)
    found = {each.name: each for each in read_variables({"variables": answer})}
    array = found["array"]
    assert (array.type, array.shape, array.size) == ("numpy.ndarray", (3, 4), 96)
    assert array.text.startswith("float64 [0.0, 1.0, 2.0,")
    assert found["view"].shape == (1000, 1000)
    assert found["objects"].text == "object"
    for name in ("frame", "polars", "table"):
        assert found[name].shape == (3, 2)
        assert (found[name].size or 0) > 3 * 8
        assert found[name].text.startswith("columns 'whole': ")
        assert "'text': " in found[name].text
    assert "Loud>: object" in found["loud"].text
    assert found["wide"].shape == (1, 1000)
    assert len(found["wide"].text) <= 200
    for name in ("series", "polars_series"):
        assert found[name].shape == (3,)
        assert found[name].text.lower() == "int64 [1, 2, 3]"
    assert found["lazy"].shape is None
    assert (found["own"].shape, found["own"].text) == (None, "<__main__.DataFrame>")
