"""The server, the clients, and a context for each language."""

import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from uuid import uuid4

import pytest
from execd_client.api.command import run_command
from execd_client.models import RunCommandRequest

import code_interpreter as ci
from tests.conformance.client import Client, Kind, Target, connected
from tests.conformance.languages import LANGUAGES, Language
from tests.support.likeness import likeness
from tests.support.places import bundled_sandbox, daemon_of
from tests.support.serve import running_execd

Kernels = Callable[[Language], ci.CodeContext]


def parsed_headers(text: str) -> dict[str, str]:
    """Headers, one `Name: value` a line."""
    pairs = [line.partition(":") for line in text.splitlines() if line.strip()]
    assert all(colon for _, colon, _ in pairs), "EXECD_HEADERS holds one `Name: value` a line"
    return {name.strip(): value.strip() for name, _, value in pairs}


@pytest.fixture(scope="session")
def targets() -> Iterator[dict[Kind, Target]]:
    """Where each kind of client finds the server.

    Without one that is given, it is ours: as the runtime that is set up in a sandbox of the
    stand-in cluster, where root can start those, else on this machine. The blocking client meets it
    as it is, the other through the likeness of the reference daemon: both kinds and manners, in one
    run of each test.
    """
    if url := os.environ.get("EXECD_URL"):
        given = Target(url, parsed_headers(os.environ.get("EXECD_HEADERS", "")))
        yield {"async": given, "sync": given}
        return
    with ExitStack() as running:
        if sys.platform == "linux" and os.geteuid() == 0:
            _, sandbox = running.enter_context(bundled_sandbox())
            url, headers = daemon_of(sandbox)
        else:
            url, header = running.enter_context(running_execd())
            headers = parsed_headers(header)
        alike = running.enter_context(likeness(url))
        yield {"async": Target(alike, headers), "sync": Target(url, headers)}


@pytest.fixture(params=["async", "sync"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Which client the test is run with."""
    given: Kind = request.param
    return given


@pytest.fixture
def target(targets: dict[Kind, Target], kind: Kind) -> Target:
    """Where this kind of client finds the server."""
    return targets[kind]


@pytest.fixture
def anyio_backend() -> str:
    """Tests that are async functions run in asyncio."""
    return "asyncio"


@pytest.fixture
async def client(anyio_backend: str, kind: Kind, target: Target) -> AsyncIterator[Client]:
    assert anyio_backend == "asyncio"
    async with connected(kind, target) as client:
        yield client


@pytest.fixture
async def folder(client: Client) -> AsyncIterator[str]:
    """A path on the server where there is nothing; what the test makes there goes with it."""
    path = f"/tmp/conformance-{uuid4().hex}"
    yield path
    await client.raw.items(run_command, body=RunCommandRequest(command=f"rm -rf {path}"))


@pytest.fixture(scope="session")
def lacking() -> dict[str, str]:
    """The languages that the server turned out to lack, and what it said."""
    return {}


@pytest.fixture(scope="module")
def kernels(targets: dict[Kind, Target], lacking: dict[str, str]) -> Iterator[Kernels]:
    """A context for each language that the tests of one file share; nobody may leave it broken."""
    target = targets["async"]  # the likeness has to know which language each of them has
    wanted = os.environ.get("EXECD_LANGUAGES", "").split()
    contexts: dict[str, ci.CodeContext] = {}
    # A server that lacks a language refuses it, or tries for more than a minute.
    patience = timedelta(seconds=30)

    def context_of(language: Language) -> ci.CodeContext:
        name = language.name
        if name not in contexts and name not in lacking:
            try:
                contexts[name] = interpreter.codes.create_context(name)
            except ci.RequestTimeoutError:
                lacking[name] = f"no answer in {patience.seconds} s"
            except ci.APIError as error:
                if error.status != 400:
                    raise
                lacking[name] = str(error)
        if (context := contexts.get(name)) is not None and context.id is not None:
            try:
                interpreter.codes.get_context(context.id)
            except ci.ContextNotFoundError:  # a run in it had to be given up
                contexts[name] = interpreter.codes.create_context(name)
        if name in lacking:
            assert name not in wanted, lacking[name]
            pytest.skip(f"the server has no {name}: {lacking[name]}")
        return contexts[name]

    with ci.CodeInterpreterSync.connect(
        target.url, headers=target.headers, timeout=patience
    ) as interpreter:
        yield context_of
        for context in contexts.values():
            assert context.id is not None
            with suppress(ci.ContextNotFoundError):
                interpreter.codes.delete_context(context.id)


@pytest.fixture(params=LANGUAGES, ids=lambda language: language.name)
def language(request: pytest.FixtureRequest) -> Language:
    given: Language = request.param
    return given


@pytest.fixture
def kernel(kernels: Kernels, language: Language) -> ci.CodeContext:
    """The shared context of the test's language."""
    return kernels(language)
