"""Spans as OTLP has them: the messages of ``opentelemetry.proto``, in protobuf."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message

    from ...model.tasks import Attribute
    from .spans import Span

SERVICE = "eopiez"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_installed() -> bool:
    """Whether the extra ``tracing`` is."""
    try:
        return find_spec("opentelemetry.proto") is not None
    except ModuleNotFoundError:
        return False


def request_of(spans: Sequence[Span]) -> bytes:
    """The body of a request that exports the spans."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans

    resource = Resource(attributes=[_pair("service.name", SERVICE)])
    scope = ScopeSpans(spans=[_message(span) for span in spans])
    request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=resource, scope_spans=[scope])])
    return bytes(request.SerializeToString())


def rejected(body: bytes) -> tuple[int, str]:
    """How many spans a collector's answer says that it has not taken, and why.

    It has taken all if its answer is none of OTLP: it has said that the request succeeded.
    """
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    try:
        partial = ExportTraceServiceResponse.FromString(body).partial_success
    except DecodeError:
        return 0, ""
    return partial.rejected_spans, partial.error_message


def nanoseconds(moment: datetime) -> int:
    """Since the epoch; exact to the microsecond that Postgres keeps. A clock that was wrong gives the nearest moment
    that the protocol knows."""
    return min(max(0, (moment - _EPOCH) // timedelta(microseconds=1) * 1000), 2**64 - 1)


def _message(span: Span) -> Message:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message
    from opentelemetry.proto.trace.v1.trace_pb2 import Status

    status = Status() if span.error is None else Status(code=Status.STATUS_CODE_ERROR, message=_text(span.error))
    return Message(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_id,
        name=_text(span.name),
        kind=Message.SPAN_KIND_SERVER if span.is_request else Message.SPAN_KIND_INTERNAL,
        start_time_unix_nano=nanoseconds(span.started_at),
        end_time_unix_nano=nanoseconds(span.ended_at),
        attributes=[_pair(name, value) for name, value in span.attributes.items()],
        status=status,
        links=[Message.Link(trace_id=span.trace_id, span_id=each) for each in span.links],
    )


def _pair(name: str, value: Attribute) -> KeyValue:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

    match value:
        case bool():
            return KeyValue(key=_text(name), value=AnyValue(bool_value=value))
        case int():
            return KeyValue(key=_text(name), value=AnyValue(int_value=value))
        case float():
            return KeyValue(key=_text(name), value=AnyValue(double_value=value))
        case str():
            return KeyValue(key=_text(name), value=AnyValue(string_value=_text(value)))


def _text(given: str) -> str:
    """Text as protobuf takes it: what is no Unicode, as in the name of a file of another encoding, becomes ``?``."""
    return given.encode("utf-8", "replace").decode()
