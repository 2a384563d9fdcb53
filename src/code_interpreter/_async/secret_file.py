"""The file in which environment variables travel; see `_call.environ`."""

from io import BytesIO

from execd_client.api.command import run_command
from execd_client.api.filesystem import remove_files, upload_file
from execd_client.models import FileMetadata, RunCommandRequest, UploadFileBody
from execd_client.types import File

from code_interpreter._async.connection import Connection
from code_interpreter._call.environ import Environ
from code_interpreter._wire.failures import ensure_ok, logged_errors, mapped_errors


async def temporary_folder(connection: Connection) -> str:
    """Return the sandbox's folder of temporary files, which is not ``/tmp`` everywhere."""
    body = RunCommandRequest(command='echo "${TMPDIR:-/tmp}"')
    with mapped_errors():
        async with run_command.astream(
            client=connection.streams, body=body, timeout=connection.timeout
        ) as events:
            async for event in events:
                if event.type_ == "stdout" and event.text:
                    return event.text.rstrip("\n")
    return "/tmp"  # noqa: S108  # of the sandbox


async def put_file(connection: Connection, environ: Environ) -> None:
    """Make the file, which only the sandbox's user can read."""
    body = UploadFileBody(
        metadata=FileMetadata(path=environ.path, mode=600),
        file=File(payload=BytesIO(environ.content), file_name="environment"),
    )
    with mapped_errors():
        ensure_ok(await upload_file.asyncio_detailed(client=connection.rest, body=body))


async def remove_file(connection: Connection, environ: Environ) -> None:
    """Remove the file, which no cell has removed; that it cannot be is a warning."""
    with logged_errors("a file with environment variables could not be removed"):
        ensure_ok(await remove_files.asyncio_detailed(client=connection.rest, path=[environ.path]))
