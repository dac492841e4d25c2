"""Tables of an answer as CSV or Parquet, for programs that read those."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal

from fastapi import Header, Query
from fastapi.responses import Response

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the beginning of a cell (OWASP, CSV injection)."""


class Sheets(StrEnum):
    """How a table is written, by its media type."""

    JSON = "application/json"
    CSV = "text/csv"
    PARQUET = "application/vnd.apache.parquet"

    def answer(self, called: str, rows: Sequence[Mapping[str, object]]) -> Response:
        """The answer with a table called so, all of whose rows have the same columns."""
        content = as_csv(rows) if self is Sheets.CSV else as_parquet(rows)
        name = f'attachment; filename="{called}.{self.name.lower()}"'
        return Response(content, media_type=self.value, headers={"Content-Disposition": name})


FormatParameter = Annotated[
    Literal["json", "csv", "parquet"] | None, Query(description="By default what `Accept` names, or else `json`.")
]
AcceptHeader = Annotated[str, Header(alias="Accept", include_in_schema=False)]
FORMS: dict[int | str, dict[str, Any]] = {
    200: {"content": {form.value: {"schema": {"type": "string"}} for form in Sheets if form is not Sheets.JSON}}
}
"""How an endpoint with a table describes the forms beside JSON."""


def sheet_for(accept: str, wanted: str | None) -> Sheets:
    """The form that a caller wants: by name, or else the first that they accept; JSON if none."""
    if wanted is not None:
        return Sheets[wanted.upper()]
    named = [kind.partition(";")[0].strip().lower() for kind in accept.split(",")]
    return next((Sheets(kind) for kind in named if kind in {*Sheets}), Sheets.JSON)


def as_csv(rows: Sequence[Mapping[str, object]]) -> bytes:
    """The rows as CSV (RFC 4180), with a header. Texts that a spreadsheet would run as formulas begin with a quote."""
    out = io.StringIO(newline="")
    if rows:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows({name: _safe(value) for name, value in row.items()} for row in rows)
    return out.getvalue().encode()


def as_parquet(rows: Sequence[Mapping[str, object]]) -> bytes:
    """The rows as a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), out)
    return out.getvalue()


def _safe(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
