"""Environment variables travel where the sandbox has its temporary files, wherever that is."""

from pathlib import Path

import pytest

from code_interpreter import CodeInterpreterSync
from tests.execd.conftest import StartServer
from tests.execd.needs import need_kernel
from tests.execd.server import TOKEN

pytestmark = pytest.mark.kernels

SHOWS = {
    "python": "import os\nprint(os.environ.get('CI_ONE'))",
    "bash": 'echo "$CI_ONE"',
    "javascript": "console.log(process.env.CI_ONE)",
    "java": 'System.out.println(System.getenv("CI_ONE"));',
    "go": '%%\nfmt.Println(os.Getenv("CI_ONE"))',
}


@pytest.mark.slow
@pytest.mark.parametrize("language", SHOWS)
def test_the_file_is_made_there_and_goes(start: StartServer, tmp_path: Path, language: str) -> None:
    need_kernel(language)
    folder = tmp_path / 'it\'s "ours" $HOME ä'
    folder.mkdir()
    server = start(env={"TMPDIR": str(folder)})
    headers = {"X-EXECD-ACCESS-TOKEN": TOKEN}
    with CodeInterpreterSync.connect(str(server.client.base_url), headers=headers) as interpreter:
        shown = interpreter.codes.run(SHOWS[language], language=language, env={"CI_ONE": "1"})
        assert shown.raise_for_error().text == "1"
        context = interpreter.codes.create_context(language, env={"CI_ONE": "2"})
        assert context.id is not None
        assert len(list(folder.glob(".code-interpreter-*"))) == (language == "go")
        assert interpreter.codes.run(SHOWS[language], context=context).text == "2"
        interpreter.codes.delete_context(context.id)
    assert not list(folder.glob(".code-interpreter-*"))
