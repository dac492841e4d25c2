"""Results of steps, loaded at the user's side.

A result that is no table is a pickle, and a pickle can run anything when it is loaded: the developers of a project have
made it. ``as_="json"`` loads nothing; the gateway then sends plain data or refuses.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import quote

from blake3 import blake3

from ..errors import GatewayError, ParameterError, WorkflowNotFinishedError
from ..model.status import StepStatus
from .downloading import download
from .pages import pages

if TYPE_CHECKING:
    import pyarrow as pa

    from ..model.ids import WorkflowId
    from ..model.views import StepView
    from .transport import Transport

Form = Literal["value", "arrow", "pandas", "polars", "json"]
TOGETHER = 4
"""Partitions that are downloaded at once."""
RAW = "application/octet-stream"


class Result(NamedTuple):
    """The output of a finished step."""

    transport: Transport
    workflow: WorkflowId
    step: str
    is_one: bool
    """Whether it is one value rather than partitions."""
    partitions: int

    @property
    def path(self) -> str:
        return f"workflows/{self.workflow}/results/{quote(self.step, safe='')}"

    async def partition(self, number: int) -> Any:
        """The value of a partition.

        Raises:
            GatewayError: what arrived is not what was stored.
        """
        from ..authoring.encoding import decode

        pieces: list[bytes] = []
        headers = await download(self.transport, self.path, pieces.append, accept=RAW, partition=number)
        content = b"".join(pieces)
        if blake3(content).hexdigest(16) != headers.get("etag", "").strip('"'):
            raise GatewayError(f"partition {number} of step {self.step!r} did not arrive as it was stored; try again")
        return await asyncio.to_thread(decode, headers.get("eopiez-form", ""), content)

    async def each(self, chosen: Sequence[int] | None = None) -> AsyncIterator[Any]:
        """The partitions chosen, all by default, in order; a few are downloaded ahead."""
        ahead: list[asyncio.Task[Any]] = []
        try:
            for number in range(self.partitions) if chosen is None else chosen:
                ahead.append(asyncio.create_task(self.partition(number)))
                if len(ahead) == TOGETHER:
                    yield await ahead.pop(0)
            while ahead:
                yield await ahead.pop(0)
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def table(self) -> pa.Table:
        """All partitions as one table.

        Raises:
            ParameterError: they are no tables.
        """
        import pyarrow as pa

        tables = [part async for part in self.each()]
        if not tables or not all(isinstance(table, pa.Table) for table in tables):
            raise ParameterError(f"the results of step {self.step!r} are no tables; leave out as_")
        return pa.concat_tables(tables)

    async def json(self) -> Any:
        """The values as plain data; nothing is unpickled."""
        values = [value async for value in pages(self.transport, self.path, "values", limit=1000)]
        return values[0] if self.is_one else values

    async def as_(self, form: Form) -> Any:
        """The result in that form; as ``value``, one value or a list of partitions' values."""
        if form == "json":
            return await self.json()
        if form == "value":
            return await self.partition(0) if self.is_one else [value async for value in self.each()]
        return _converted(await self.table(), form)


def _converted(table: pa.Table, form: str) -> Any:
    if form == "arrow":
        return table
    try:
        if form == "pandas":
            return table.to_pandas()
        if form == "polars":
            import polars

            return polars.from_arrow(table)
    except ImportError as error:
        raise ParameterError(f"as_={form!r} needs the package {form}: pip install {form}") from error
    raise ParameterError(f"as_ is {form!r}; choose value, arrow, pandas, polars or json")


def result_of(transport: Transport, workflow: WorkflowId, steps: Sequence[StepView], step: str) -> Result:
    """The result of a step.

    Raises:
        KeyError: there is no such step.
        WorkflowNotFinishedError: it is not done.
    """
    found = next((each for each in steps if each.name == step), None)
    if found is None:
        raise KeyError(f"workflow {workflow} has no step {step!r}; it has {', '.join(each.name for each in steps)}")
    if found.status is not StepStatus.SUCCEEDED:
        raise WorkflowNotFinishedError(f"step {step!r} of workflow {workflow} is {found.status}; wait for it first")
    return Result(transport, workflow, step, found.kind.gives_one, found.partitions or 0)
