"""What the arguments of a run mean; they are checked here, before any I/O."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Literal, TypeAlias, get_args

import execd_client.models as wire

from code_interpreter._call.code_context import CodeContext, run_request
from code_interpreter._call.environ import EnvPlan, plan_env
from code_interpreter._errors import InvalidArgumentError

Seconds: TypeAlias = float | timedelta
OnBusy: TypeAlias = Literal["queue", "raise"]

DEFAULT_IDLE_TIMEOUT: Final[float] = 30.0
"""Seconds. Servers send a ping every three seconds once a run has begun."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """One run, before it begins.

    Attributes:
        body: What is sent.
        context_id: The id of the context, if the caller named one.
        slot: What one run at a time can have: a context, or the default context of a language.
        timeout: Seconds for the run, waiting for its turn included; None for no limit.
        idle_timeout: Seconds of silence after the first event; None for no limit.
        waits: Whether it waits for its turn; if not, a busy context is an error.
        max_output: Bytes of output to keep at most; None for all.
        environ: Variables that are set for this run.
        within: Whether it is part of another run, whose turn it is.
    """

    body: wire.RunCodeRequest
    context_id: str | None
    slot: str
    timeout: float | None
    idle_timeout: float | None
    waits: bool
    max_output: int | None
    environ: EnvPlan | None = None
    within: bool = False

    def part(self, code: str, timeout: float | None) -> "RunPlan":
        """Return a part of this run: other code in the same context."""
        body = wire.RunCodeRequest(code=code, context=self.body.context)
        return replace(self, body=body, timeout=timeout, max_output=None, environ=None, within=True)


def plan_run(  # noqa: PLR0917  # the arguments of `run`, in their order
    code: str,
    language: str | None,
    context: CodeContext | None,
    timeout: Seconds | None,
    idle_timeout: Seconds | None,
    on_busy: OnBusy,
    max_output: int | None,
    env: Mapping[str, str] | None = None,
) -> RunPlan:
    """Return the plan for the arguments of a call; raise InvalidArgumentError for a bad one."""
    if on_busy not in get_args(OnBusy):
        raise InvalidArgumentError(f"on_busy must be 'queue' or 'raise'; got {on_busy!r}")
    if max_output is not None and (
        isinstance(max_output, bool) or not isinstance(max_output, int) or max_output < 0  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
    ):
        raise InvalidArgumentError(f"max_output must be a number of bytes; got {max_output!r}")
    body = run_request(code, language, context)
    where: dict[str, str] = body.to_dict()["context"]
    context_id = where.get("id")
    return RunPlan(
        body=body,
        context_id=context_id,
        slot=f"context {context_id}" if context_id else f"default {where['language']}",
        timeout=_seconds("timeout", timeout),
        idle_timeout=_seconds("idle_timeout", idle_timeout),
        waits=on_busy == "queue",
        max_output=max_output,
        environ=plan_env(where["language"], env, lasting=False),
    )


def _seconds(name: str, value: Seconds | None) -> float | None:
    if value is None:
        return None
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise InvalidArgumentError(
            f"{name} must be seconds above zero, a timedelta, or None; got {value!r}"
        )
    return None if math.isinf(seconds) else float(seconds)
