"""The install script of images/code-interpreter, in a sandbox that has nothing of ours."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opensandbox import SandboxSync
from opensandbox.models.execd import RunCommandOpts
from opensandbox.models.filesystem import WriteEntry

from code_interpreter import CodeInterpreterSync
from tests.bundled.conftest import StandInSandboxSync
from tests.support.standin import Settings

pytestmark = [
    pytest.mark.kernels,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap needs Linux"),
]

ROOT = Path(__file__).parents[2]
HOME = "/opt/code-interpreter"
CODE = {
    "python": "print(6 * 7)",
    "bash": "echo $((6 * 7))",
    "javascript": "console.log(6 * 7)",
    "typescript": "const n: number = 6; console.log(n * 7)",
    "java": "System.out.println(6 * 7);",
    "go": 'import "fmt"\nfunc main() { fmt.Println(6 * 7) }',
}


@pytest.fixture(scope="module")
def image(
    standin_sandbox_sync: StandInSandboxSync, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SandboxSync]:
    """A sandbox in which the script was run; its kernels are those that it installed."""
    wheels = tmp_path_factory.mktemp("wheels")
    for project in (ROOT, ROOT / "generated"):
        build = ["uv", "build", "--quiet", "--wheel", "--out-dir", str(wheels), str(project)]
        subprocess.run(build, check=True)
    files = [ROOT / "images/code-interpreter/install", *wheels.glob("*.whl")]
    where = {"JUPYTER_DATA_DIR": f"{HOME}/jupyter"}
    with standin_sandbox_sync(Settings(languages=True), where) as sandbox:
        sandbox.files.write_files(
            [WriteEntry(path=f"/tmp/ours/{each.name}", data=each.read_bytes()) for each in files]
        )
        done = sandbox.commands.run("sh /tmp/ours/install /tmp/ours all >/tmp/said 2>&1")
        assert done.error is None, sandbox.files.read_file("/tmp/said")
        yield sandbox


@pytest.mark.timeout(300)
def test_a_sandbox_of_the_image_has_the_daemon_and_all_languages(image: SandboxSync) -> None:
    # What the cluster starts such a sandbox with, and a program that it is given.
    image.commands.run(f"exec {HOME}/start sleep 600", opts=RunCommandOpts(background=True))
    with CodeInterpreterSync.create(image, runtime="bundled") as interpreter:
        assert interpreter.runtime.why == "it ran already"
        assert interpreter.runtime.languages == tuple(sorted(CODE))
        for language, code in CODE.items():
            execution = interpreter.codes.run(code, language=language)
            assert (execution.text, execution.error) == ("42", None), language
