"""What a box reaches by the proxy, from the programs that people use, and by which rules."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from opensandbox import SandboxSync
from opensandbox.config import ConnectionConfigSync
from opensandbox.exceptions import SandboxApiException
from opensandbox.models.sandboxes import NetworkPolicy, NetworkRule

from code_interpreter import CodeInterpreterSync
from code_interpreter.local import LocalServer
from code_interpreter.local.lifecycle.requests import RequestError, read_spec
from tests.execd.needs import need_kernel
from tests.isolation.bait_server import serving_bait
from tests.isolation.conftest import need_box, own_address
from tests.local.lifecycle.support import program, read_until, stop

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

HOST = own_address()


def policy(*targets: str, default: Any = "deny") -> NetworkPolicy:
    rules = [NetworkRule(action="allow", target=target) for target in targets]
    return NetworkPolicy(defaultAction=default, egress=rules)


@pytest.fixture(scope="module")
def bait() -> Iterator[int]:
    """The port of a server at HOST, and at the same one of loopback's addresses."""
    with serving_bait("0.0.0.0") as (port, _):
        yield port


@pytest.fixture(scope="module")
def interpreter(bait: int) -> Iterator[CodeInterpreterSync]:
    """In a box that may reach the bait, and nothing else."""
    need_box("namespaces")
    allowed = policy(f"{HOST}:{bait}", f"localhost:{bait}")
    with CodeInterpreterSync.local(isolation="namespaces", network=allowed) as interpreter:
        yield interpreter


def said(sandbox: SandboxSync, command: str) -> str:
    logs = sandbox.commands.run(command).logs
    return "\n".join(line.text for line in (*logs.stdout, *logs.stderr)).strip()


ASKED = {
    "urllib": (
        "import urllib.request\n"
        "def ask(url): return urllib.request.urlopen(url, timeout=20).read().decode()"
    ),
    "requests": "import requests\ndef ask(url): return requests.get(url, timeout=20).text",
    "httpx": "import httpx\ndef ask(url): return httpx.get(url, timeout=20).text",
}


@pytest.mark.parametrize("code", ASKED.values(), ids=ASKED)
def test_python_gets_what_a_rule_names_and_nothing_else(
    interpreter: CodeInterpreterSync, bait: int, code: str
) -> None:
    interpreter.codes.run(code).raise_for_error()
    assert interpreter.codes.run(f"ask('http://{HOST}:{bait}/')").text == "'bait'"
    for url in (f"http://{HOST}:{bait + 1}/", "http://example.com/", "https://example.com/"):
        execution = interpreter.codes.run(f"ask({url!r})")
        assert "bait" not in execution.text
        told = f"{execution.text} {execution.error}"
        assert "403" in told or "refused" in told


def test_curl_gets_it_by_address_and_by_name_and_through_a_tunnel(
    interpreter: CodeInterpreterSync, bait: int
) -> None:
    sandbox = interpreter.sandbox
    assert said(sandbox, f"curl -sS http://{HOST}:{bait}/") == "bait"
    assert said(sandbox, f"curl -sS -p http://{HOST}:{bait}/") == "bait"
    by_name = f"curl -sS --noproxy '' -x $HTTP_PROXY http://localhost:{bait}/"
    assert said(sandbox, by_name) == "bait"
    assert "no rule allows it" in said(sandbox, by_name.replace(str(bait), str(bait + 1)))
    assert "response 403" in said(sandbox, "curl -sS https://example.com/")


def test_nothing_goes_round_the_proxy(interpreter: CodeInterpreterSync, bait: int) -> None:
    code = f"import socket; socket.create_connection(({HOST!r}, {bait}), 5)"
    error = interpreter.codes.run(code).error
    assert error is not None
    assert "unreachable" in error.value
    error = interpreter.codes.run("socket.getaddrinfo('example.com', 80)").error
    assert error is not None
    assert error.name == "gaierror"


def test_its_loopback_is_its_own(interpreter: CodeInterpreterSync) -> None:
    own = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    with socket.create_connection(server.getsockname()) as client:
        print("reached")
"""
    assert interpreter.codes.run(own).raise_for_error().text == "reached"


def test_git_clones_over_http(interpreter: CodeInterpreterSync, tmp_path: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("there is no git")
    made = tmp_path / "made"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q", made], check=True)
    (made / "file").write_text("bait")
    subprocess.run([*git, "-C", made, "add", "file"], check=True)
    subprocess.run([*git, "-C", made, "commit", "-qm", "x"], check=True)
    subprocess.run([*git, "-C", made, "update-server-info"], check=True)
    server = subprocess.Popen(
        ["python3", "-u", "-m", "http.server", "--bind", HOST, "0"],
        cwd=made,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        port = server.stdout.readline().split(" port ")[1].split()[0]
        sandbox = interpreter.sandbox
        command = f"git clone -q http://{HOST}:{port}/.git cloned; cat cloned/file"
        assert "403" in said(sandbox, command)
        sandbox.patch_egress_rules([NetworkRule(action="allow", target=f"{HOST}:{port}")])
        assert said(sandbox, command) == "bait"
    finally:
        server.kill()
        server.communicate()


def test_java_gets_it_from_its_kernel_and_from_its_command(
    interpreter: CodeInterpreterSync, bait: int
) -> None:
    need_kernel("java")
    code = """
String ask(String url) throws Exception {
    var client = java.net.http.HttpClient.newHttpClient();
    var request = java.net.http.HttpRequest.newBuilder(java.net.URI.create(url)).build();
    return client.send(request, java.net.http.HttpResponse.BodyHandlers.ofString()).body();
}
System.out.println(ask("%s"));
"""
    url = f"http://{HOST}:{bait}/"
    run = interpreter.codes.run(code % url, language="java")
    assert run.raise_for_error().text.strip() == "bait"
    refused = interpreter.codes.run(code % "http://example.com/", language="java").text
    assert "no rule allows it" in refused
    program = (
        "public class Ask { public static void main(String[] a) throws Exception { "
        "var url = java.net.URI.create(a[0]).toURL(); "
        "System.out.print(new String(url.openStream().readAllBytes())); } }"
    )
    interpreter.sandbox.files.write_file("/sandbox/work/Ask.java", program)
    assert said(interpreter.sandbox, f"java Ask.java {url}") == "bait"


@pytest.mark.parametrize("language", ["javascript", "typescript"])
def test_fetch_gets_it_too(interpreter: CodeInterpreterSync, bait: int, language: str) -> None:
    need_kernel(language)
    url = f"http://{HOST}:{bait}/"
    asked = f"console.log(await (await fetch('{url}')).text())"
    assert interpreter.codes.run(asked, language=language).raise_for_error().text == "bait"
    error = interpreter.codes.run("await fetch('http://example.com/')", language=language).error
    assert error is not None
    assert "no rule allows it" in str(error.traceback)
    command = f"node -e 'fetch(`{url}`).then(a => a.text()).then(console.log)'"
    assert said(interpreter.sandbox, command) == "bait"


def test_fetch_on_the_loopback_of_the_box_is_direct(interpreter: CodeInterpreterSync) -> None:
    need_kernel("javascript")
    code = """
const server = require("node:http").createServer((_, answer) => answer.end("own"))
await new Promise(done => server.listen(0, "127.0.0.1", done))
const answer = await fetch(`http://127.0.0.1:${server.address().port}/`)
console.log(await answer.text())
server.closeAllConnections()
void server.close()
"""
    assert interpreter.codes.run(code, language="javascript").raise_for_error().text == "own"


def test_rules_change_while_it_runs(bait: int) -> None:
    need_box("namespaces")
    with LocalServer(isolation="namespaces") as server:
        config = server.connection_config_sync
        with SandboxSync.create("x", connection_config=config) as sandbox:
            assert "whose network is what is public" in (sandbox.get_info().status.message or "")
            assert sandbox.get_egress_policy() == NetworkPolicy(defaultAction="allow", egress=[])
            ask = f"curl -sS http://{HOST}:{bait}/"
            assert "is not public" in said(sandbox, ask)
            sandbox.patch_egress_rules([NetworkRule(action="allow", target=f"{HOST}:{bait}")])
            assert said(sandbox, ask) == "bait"
            assert "what its rules allow" in (sandbox.get_info().status.message or "")
            targets = [rule.target for rule in sandbox.get_egress_policy().egress or ()]
            assert targets == [f"{HOST}:{bait}"]
            sandbox.delete_egress_rules([f"{HOST}:{bait}", "nobody.example"])
            assert "is not public" in said(sandbox, ask)
            with pytest.raises(SandboxApiException, match="0x7f"):
                sandbox.patch_egress_rules([NetworkRule(action="allow", target="0x7f.1")])
            with _lifecycle(server) as client:
                path = f"/sandboxes/{sandbox.id}/networkpolicy"
                answer = client.put(path, json={"defaultAction": "deny"}).json()
                assert answer["mode"] == "deny_all"
                assert "this sandbox has no network" in said(sandbox, ask)
                answer = client.patch(path, json=[{"action": "allow", "target": HOST}]).json()
                assert answer["policy"]["egress"] == [{"action": "allow", "target": HOST}]
                assert client.get(path).json() == answer
                assert said(sandbox, ask) == "bait"
                assert client.put(path, json={"defaultAction": "no"}).status_code == 400
                assert client.get(f"/sandboxes/{sandbox.id}").status_code == 200
            endpoint = sandbox.get_endpoint(18080)
            address = f"http://{endpoint.endpoint}/policy"
            for headers in ({}, {**endpoint.headers, "OPENSANDBOX-EGRESS-AUTH": "wrong"}):
                assert httpx.get(address, headers=headers).status_code == 401
            other = address.replace("/policy", "/other").replace("egress", "v1/sandboxes")
            assert httpx.get(other, headers=dict(endpoint.headers)).status_code == 401
            assert httpx.get(address, headers=dict(endpoint.headers)).status_code == 200
            sandbox.kill()
            assert httpx.get(address, headers=dict(endpoint.headers)).status_code == 401


@contextmanager
def _lifecycle(server: LocalServer) -> Generator[httpx.Client, None, None]:
    headers = {"OPEN-SANDBOX-API-KEY": server.api_key}
    with httpx.Client(base_url=f"http://{server.address}/v1", headers=headers) as client:
        yield client


def test_a_server_without_a_network_gives_none(bait: int) -> None:
    need_box("namespaces")
    with LocalServer(isolation="namespaces", network="none") as server:
        config = server.connection_config_sync
        with pytest.raises(SandboxApiException, match="no network") as caught:
            SandboxSync.create("x", connection_config=config, network_policy=policy("example.com"))
        assert caught.value.status_code == 400
        with SandboxSync.create("x", connection_config=config, network_policy=policy()) as sandbox:
            assert "without a network" in (sandbox.get_info().status.message or "")
            assert "no network" in said(sandbox, f"curl -sS http://{HOST}:{bait}/")
            with pytest.raises(SandboxApiException, match="no network"):
                sandbox.patch_egress_rules([NetworkRule(action="allow", target="example.com")])
            sandbox.kill()


def test_a_bad_rule_is_refused_before_anything_starts() -> None:
    for target in ("https://example.com", "10.0.0.1/8", "*", "0x7f.1"):
        body = {"networkPolicy": {"egress": [{"action": "allow", "target": target}]}}
        with pytest.raises(RequestError, match="target"):
            read_spec(body, isolated=True)
    with pytest.raises(ValueError, match="not a host name"):
        LocalServer(isolation="namespaces", network=policy("*"))
    with pytest.raises(ValueError, match="'public', 'none' or a NetworkPolicy"):
        LocalServer(isolation="namespaces", network="all")  # type: ignore[arg-type]


def test_there_is_nothing_to_choose_without_a_box() -> None:
    with pytest.raises(ValueError, match="isolated"):
        LocalServer(isolation="none", network="none")
    with pytest.raises(RequestError, match="networkPolicy is not supported") as caught:
        read_spec({"networkPolicy": {"defaultAction": "deny"}})
    assert caught.value.code == "NOT_SUPPORTED"


def test_the_request_of_litellm_makes_a_sandbox_without_a_network() -> None:
    """As its provider of sandboxes sends it: deny, and no rules."""
    need_box("namespaces")
    body: dict[str, object] = {
        "image": {"uri": "opensandbox/code-interpreter:latest"},
        "entrypoint": ["/opt/opensandbox/code-interpreter.sh"],
        "timeout": 300,
        "resourceLimits": {"cpu": "1", "memory": "1Gi"},
        "networkPolicy": {"defaultAction": "deny", "egress": []},
    }
    with program("-m", "code_interpreter.cli", "serve", "--port", "0") as server:
        domain = read_until(server, "export OPEN_SANDBOX_DOMAIN=")
        key = read_until(server, "export OPEN_SANDBOX_API_KEY=")
        answer = httpx.post(
            f"http://{domain}/v1/sandboxes",
            headers={"OPEN-SANDBOX-API-KEY": key},
            json=body,
            timeout=60,
        )
        assert answer.status_code == 202
        made = answer.json()
        assert "without a network" in made["status"]["message"]
        config = ConnectionConfigSync(domain=domain, api_key=key)
        with SandboxSync.connect(made["id"], connection_config=config) as sandbox:
            assert "no network" in said(sandbox, "curl -sS http://example.com/")
            assert sandbox.get_egress_policy().default_action == "deny"
            sandbox.kill()
        assert stop(server, signal.SIGTERM) == 0


REGISTRIES = {
    "pypi.org": ("files.pythonhosted.org",),
    "registry.npmjs.org": (),
    "proxy.golang.org": ("sum.golang.org",),
    "repo.maven.apache.org": ("repo1.maven.org",),
}
# Who may have signed a registry's certificate here, for a sandbox that gets no other variables.
CERTIFICATES = ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "PIP_CERT", "CURL_CA_BUNDLE")
SETTINGS = ("PIP_INDEX_URL", "npm_config_registry", "GOPROXY", "GOSUMDB")


@pytest.fixture(scope="module")
def with_registries() -> Iterator[CodeInterpreterSync]:
    need_box("namespaces")
    names = [name for first, others in REGISTRIES.items() for name in (first, *others)]
    given = {name: os.environ[name] for name in (*CERTIFICATES, *SETTINGS) if name in os.environ}
    # The database of checksums is not served everywhere that the modules are.
    env = {"GOSUMDB": "off", "GOFLAGS": "-mod=mod", **given}
    with CodeInterpreterSync.local(
        env, isolation="namespaces", network=policy(*names)
    ) as interpreter:
        yield interpreter


def need_registry(name: str) -> None:
    try:
        socket.create_connection((name, 443), timeout=10).close()
    except OSError as error:
        pytest.skip(f"{name} is not reached from here: {error}")


@pytest.mark.network
def test_pip_installs(with_registries: CodeInterpreterSync) -> None:
    need_registry("pypi.org")
    code = """
import subprocess, sys
pips = [p for p in (sys.executable, sys._base_executable) if not subprocess.run(
    [p, "-m", "pip", "--version"], capture_output=True).returncode]
assert pips, "NO PIP"
done = subprocess.run(
    [pips[0], "-m", "pip", "install", "--no-cache-dir", "--target", "lib", "six"],
    capture_output=True, text=True)
assert done.returncode == 0, done.stdout + done.stderr
print(open("lib/six.py").read().split("__version__")[0] != "")
"""
    execution = with_registries.codes.run(code)
    if execution.error is not None and execution.error.value == "NO PIP":
        pytest.skip("the sandbox's Python has no pip")
    assert execution.raise_for_error().text.strip() == "True"


@pytest.mark.network
def test_npm_installs(with_registries: CodeInterpreterSync) -> None:
    need_kernel("javascript")
    need_registry("registry.npmjs.org")
    command = "npm install --no-audit --no-fund is-number && node -p 'require(\"is-number\")(5)'"
    assert "true" in said(with_registries.sandbox, command).splitlines()


@pytest.mark.network
def test_go_gets_a_module(with_registries: CodeInterpreterSync) -> None:
    need_kernel("go")
    need_registry("proxy.golang.org")
    command = (
        "mkdir m && cd m && go mod init m && go get github.com/google/uuid@v1.6.0 &&"
        " ls ~/go/pkg/mod/github.com/google"
    )
    assert "uuid@v1.6.0" in said(with_registries.sandbox, command).splitlines()


@pytest.mark.network
def test_maven_gets_an_artifact(with_registries: CodeInterpreterSync) -> None:
    if shutil.which("mvn") is None:
        pytest.skip("there is no Maven")
    need_registry("repo.maven.apache.org")
    get = "mvn -q -B dependency:get -Dartifact=junit:junit:4.13.2"
    told = said(with_registries.sandbox, f"{get}; ls ~/.m2/repository/junit/junit/4.13.2")
    assert "junit-4.13.2.jar" in told.splitlines(), told


INSTALLED = {
    "python": ("pypi.org", "tabulate", "import tabulate\nprint(tabulate.tabulate([[42]]))"),
    "javascript": ("registry.npmjs.org", "is-odd", "require('is-odd')(3) && console.log(42)"),
    "typescript": ("registry.npmjs.org", "is-even", "import even from 'is-even'; even(4) && 42"),
    "java": (
        "repo.maven.apache.org",
        "com.google.code.gson:gson:2.11.0",
        "System.out.println(new com.google.gson.Gson().toJson(42));",
    ),
    "go": (
        "proxy.golang.org",
        "github.com/google/uuid@v1.6.0",
        'import "github.com/google/uuid"\n%%\nfmt.Println(len(uuid.NewString()) + 6)',
    ),
}


@pytest.mark.network
@pytest.mark.parametrize("language", INSTALLED)
def test_packages_are_installed(with_registries: CodeInterpreterSync, language: str) -> None:
    registry, package, code = INSTALLED[language]
    need_kernel(language)
    need_registry(registry)
    with_registries.install(package, language=language, timeout=110)
    execution = with_registries.codes.run(code, language=language)
    assert "42" in execution.raise_for_error().text


@pytest.mark.network
def test_packages_go_to_the_users_folder_where_a_server_has_no_room(
    with_registries: CodeInterpreterSync,
) -> None:
    need_registry("pypi.org")
    context = with_registries.codes.create_context("python")
    gone = "import os, sys\nsys.path.remove(os.environ.pop('CODE_INTERPRETER_PACKAGES'))"
    with_registries.codes.run(gone, context=context).raise_for_error()
    with_registries.install("colorama", context=context, timeout=110)
    execution = with_registries.codes.run(
        "import colorama\nprint(colorama.__file__)", context=context
    )
    assert execution.raise_for_error().text.startswith("/sandbox/home/.local/lib/python")


@pytest.mark.network
def test_no_other_registry_is_reached(with_registries: CodeInterpreterSync) -> None:
    told = said(with_registries.sandbox, "curl -sS -m 20 https://static.crates.io/")
    assert "response 403" in told
