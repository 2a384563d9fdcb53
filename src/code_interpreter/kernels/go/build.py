"""What is changed in gonb when we build it. Pure.

gonb as it is loses characters, and leaves to guessing whether a program failed. What must stay
true of ours: to any other Jupyter client it is gonb still.

- Output is read by whole characters. gonb reads 32 KB at a time and destroys the character that
  the end of a piece cuts in two.
- The line that tells how a program ended (`exit status 3`) carries the field `exit`. Without it,
  nothing tells it from a program that prints the same and ends well.
- A program's standard input is at its end, unless the cell has asked for input. gonb keeps it
  open, and whoever reads it waits for ever.
- It is interrupted by message only, and what a cell has started, a compiler too, is interrupted
  before it answers. gonb takes SIGINT in when it gets to it, which may be within the next cell:
  what it has started is struck by the same signal, and the cell may have ended by then.
- An interrupt as soon as a cell has begun, or between a program's compilation and its start, is not
  lost, and a program that is deaf to interrupts is killed before execd takes the kernel for deaf,
  and its state with it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

MODULE = "github.com/janpfeifer/gonb"
VERSION = "v0.11.3"
ADDED = "internal/jpyexec/whole_runes.go"


class Change(NamedTuple):
    """A piece of source, and what stands there in ours."""

    file: str
    old: str
    new: str


_DISPATCHER = "internal/dispatcher/dispatcher.go"
_KERNEL = "internal/kernel/kernel.go"
_PROGRAMS = "internal/jpyexec/jpyexec.go"

CHANGES: Sequence[Change] = (
    Change(_DISPATCHER, '\t"io"\n', '\t"io"\n\t"os"\n\t"syscall"\n'),
    Change(
        _DISPATCHER,
        "\t\t\tmsg.Kernel().CallInterruptSubscribers()\n",
        "\t\t\tmsg.Kernel().Interrupted.Store(true)\n"
        "\t\t\tmsg.Kernel().CallInterruptSubscribers()\n"
        "\t\t\tif syscall.Getpgrp() == os.Getpid() {\n"
        "\t\t\t\t_ = syscall.Kill(0, syscall.SIGINT)\n"
        "\t\t\t}\n",
    ),
    Change(_DISPATCHER, "executors.\n\tmsg.Kernel().Interrupted.Store(false)\n", "executors.\n"),
    Change(
        _DISPATCHER,
        "\t// Tell the front-end what the kernel is about to execute.\n",
        "\tmsg.Kernel().Interrupted.Store(false)\n",
    ),
    Change(
        _KERNEL,
        "\t\t\t\tcase sig := <-k.signalsChan:\n",
        "\t\t\t\tcase sig := <-k.signalsChan:\n"
        "\t\t\t\t\tif sig == os.Interrupt {\n\t\t\t\t\t\tcontinue\n\t\t\t\t\t}\n",
    ),
    Change(_PROGRAMS, "var WaitToKill = 5 * time.Second", "var WaitToKill = 3 * time.Second"),
    Change(
        _PROGRAMS,
        "io.Copy(exec.stdoutWriter, exec.cmdStdout)",
        "io.Copy(exec.stdoutWriter, &wholeRunes{source: exec.cmdStdout})",
    ),
    Change(
        _PROGRAMS,
        "io.Copy(exec.stderrWriter, exec.cmdStderr)",
        "io.Copy(exec.stderrWriter, &wholeRunes{source: exec.cmdStderr})",
    ),
    Change(
        _PROGRAMS,
        "kernel.PublishWriteStream(exec.Msg, kernel.StreamStderr, errMsg)",
        'exec.Msg.Publish("stream", map[string]any{'
        '"name": kernel.StreamStderr, "text": errMsg, "exit": true})',
    ),
    Change(
        _PROGRAMS,
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


def changed(sources: Mapping[str, str]) -> Mapping[str, str]:
    """The sources of the files in `CHANGES` as we want them, by file.

    Raises:
        ValueError: They are not the sources that the changes were made for.
    """
    ours = dict(sources)
    for file, old, new in CHANGES:
        if ours[file].count(old) != 1:
            raise ValueError(f"{MODULE} {VERSION} is not as expected: {file} lacks {old!r}")
        ours[file] = ours[file].replace(old, new)
    return ours
