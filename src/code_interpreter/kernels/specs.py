"""The kernelspecs that are installed on this machine."""

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_client.kernelspec import KernelSpec

_log = logging.getLogger(__name__)


def kernelspecs(language: str) -> "list[KernelSpec]":
    """The installed Jupyter kernelspecs for a language. Blocks for some tenths of a second."""
    # As much to import as all else here: only for those who ask for a kernel of another's making.
    from jupyter_client.kernelspec import KernelSpecManager  # noqa: PLC0415
    from traitlets import TraitError  # noqa: PLC0415

    manager = KernelSpecManager()
    specs: list[KernelSpec] = []
    for name in manager.find_kernel_specs():
        try:
            spec = manager.get_kernel_spec(name)
        except (OSError, ValueError, TraitError) as error:
            _log.warning("kernelspec %s is passed over: %s", name, error)
        else:
            if spec.language.lower() == language:
                specs.append(spec)
    return specs
