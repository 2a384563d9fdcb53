# Made from secret_file.py in _async/ by scripts/unasync.py: edit that.
"""The file in which environment variables travel; see `_call.environ`."""

from io import BytesIO

from execd_client.api.filesystem import remove_files, upload_file
from execd_client.models import FileMetadata, UploadFileBody
from execd_client.types import File

from code_interpreter._call.environ import Environ
from code_interpreter._sync.connection import Connection
from code_interpreter._wire.failures import ensure_ok, logged_errors, mapped_errors


def put_file(connection: Connection, environ: Environ) -> None:
    """Make the file, which only the sandbox's user can read."""
    body = UploadFileBody(
        metadata=FileMetadata(path=environ.path, mode=600),
        file=File(payload=BytesIO(environ.content), file_name="environment"),
    )
    with mapped_errors():
        ensure_ok(upload_file.sync_detailed(client=connection.rest, body=body))


def remove_file(connection: Connection, environ: Environ) -> None:
    """Remove the file, which no cell has removed; that it cannot be is a warning."""
    with logged_errors("a file with environment variables could not be removed"):
        ensure_ok(remove_files.sync_detailed(client=connection.rest, path=[environ.path]))
