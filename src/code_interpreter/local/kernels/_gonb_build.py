"""What is changed in gonb when we build it. Pure.

gonb as it is loses characters, and leaves to guessing whether a program failed. What must stay
true of ours: to any other Jupyter client it is gonb still.

- Output is read by whole characters. gonb reads 32 KB at a time and destroys the character that
  the end of a piece cuts in two.
- The line that tells how a program ended (`exit status 3`) carries the field `exit`. Without it,
  nothing tells it from a program that prints the same and ends well.
- A program's standard input is at its end, unless the cell has asked for input. gonb keeps it
  open, and whoever reads it waits for ever.
- An interrupt between a program's compilation and its start is not lost, and a program that is
  deaf to interrupts is killed before execd takes the kernel for deaf, and its state with it.
"""

from collections.abc import Sequence
from typing import NamedTuple

MODULE = "github.com/janpfeifer/gonb"
VERSION = "v0.11.3"
CHANGED = "internal/jpyexec/jpyexec.go"
ADDED = "internal/jpyexec/whole_runes.go"


class Change(NamedTuple):
    """A piece of source, and what stands there in ours."""

    old: str
    new: str


CHANGES: Sequence[Change] = (
    Change("var WaitToKill = 5 * time.Second", "var WaitToKill = 3 * time.Second"),
    Change(
        "io.Copy(exec.stdoutWriter, exec.cmdStdout)",
        "io.Copy(exec.stdoutWriter, &wholeRunes{source: exec.cmdStdout})",
    ),
    Change(
        "io.Copy(exec.stderrWriter, exec.cmdStderr)",
        "io.Copy(exec.stderrWriter, &wholeRunes{source: exec.cmdStderr})",
    ),
    Change(
        "kernel.PublishWriteStream(exec.Msg, kernel.StreamStderr, errMsg)",
        'exec.Msg.Publish("stream", map[string]any{'
        '"name": kernel.StreamStderr, "text": errMsg, "exit": true})',
    ),
    Change(
        "\t\texec.handleStaticInput()\n\t}\n",
        "\t\texec.handleStaticInput()\n"
        "\t} else if exec.millisecondsToInput <= 0 {\n"
        "\t\t_ = exec.cmdStdin.Close()\n"
        "\t}\n"
        "\tif exec.Msg.Kernel().Interrupted.Load() {\n"
        "\t\t_ = cmd.Process.Signal(os.Interrupt)\n"
        "\t}\n",
    ),
)


def changed(source: str) -> str:
    """The source of `CHANGED` as we want it.

    Raises:
        ValueError: It is not the source that the changes were made for.
    """
    for old, new in CHANGES:
        if source.count(old) != 1:
            raise ValueError(f"{MODULE} {VERSION} is not as expected: {CHANGED} lacks {old!r}")
        source = source.replace(old, new)
    return source
