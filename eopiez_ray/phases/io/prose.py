"""Documents that are files of their own: plain text, Markdown, HTML and XML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from eopiez_ray.errors import UnreadableInputError
from eopiez_ray.model.tasks import Reject
from eopiez_ray.phases.io.encodings import CHUNK, SAMPLE, decode_whole, is_rather_utf8, text_encoding
from eopiez_ray.phases.io.files import InputFile
from eopiez_ray.phases.io.markup import bounded
from eopiez_ray.phases.io.options import ReadOptions
from eopiez_ray.phases.io.records import Record, parse_time, plain_value, rejected
from eopiez_ray.phases.io.sniffing import Format, Opened

MAXIMUM_DOCUMENT = 1 << 30
"""Bytes of one document: an Arrow table of strings holds 2 GiB."""
_TITLE_LENGTH = 120
"""Characters up to which a first line above an empty one is a title."""

_CHARSET = re.compile(
    rb"""<(?:meta[^>]{0,200}?charset|\?xml[^>]{0,200}?encoding)\s*=\s*["']?\s*([\w:.-]+)""", re.IGNORECASE
)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_XML_MARKUP = re.compile(r"<!--.*?-->|<\?.*?\?>|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>|</?[^\s<>/][^<>]*>", re.DOTALL)
_UNSEEN = ["script", "style", "noscript", "template", "svg", "head", "iframe", "object"]
_BLOCKS = frozenset(
    re.findall(
        r"\w+",
        "address article aside blockquote body br caption center dd details dialog div dl dt fieldset figcaption "
        "figure footer form h1 h2 h3 h4 h5 h6 header hr html li main nav ol option p pre section summary table tbody "
        "td tfoot th thead tr ul",
    )
)
_DATES = 'meta[property="article:published_time"], meta[name="date"], meta[itemprop="datePublished"]'


def read_prose(file: InputFile, opened: Opened, options: ReadOptions) -> Record | Reject:
    """The file as one document, or why it is none."""
    data = read_whole(file, opened)
    encoding = options.encoding or (_declared(data) if opened.format in {Format.HTML, Format.XML} else None)
    try:
        text = decode_whole(data, encoding)
    except UnicodeDecodeError as error:
        sample = data[max(0, error.start - 20) : error.start + 20]
        reason = f"invalid bytes for {error.encoding} at byte {error.start:,}; name the encoding with --encoding"
        return rejected(file.source, reason, sample)
    if opened.format is Format.HTML:
        return _from_html(file, text)
    if opened.format is Format.XML:
        return _from_xml(file, text)
    title = _markdown_title(text) if opened.format is Format.MARKDOWN else _title_line(text)
    return Record(text, file.source, title=title, label=file.label)


def read_whole(file: InputFile, opened: Opened) -> bytes:
    """All bytes of a file.

    Raises:
        UnreadableInputError: there are more than ``MAXIMUM_DOCUMENT``.
    """
    if opened.compression is None and len(opened.head) < SAMPLE:
        return opened.head
    chunks: list[bytes] = []
    size = 0
    while chunk := opened.stream.read(CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAXIMUM_DOCUMENT:
            raise UnreadableInputError(file.source, "a document larger than 1 GiB", "split it into documents")
    return b"".join(chunks)


def html_text(page: str) -> str:
    """What a reader sees of a page, a block a line."""
    return _text(LexborHTMLParser(bounded(page)))


def _text(tree: LexborHTMLParser) -> str:
    tree.strip_tags(_UNSEEN)
    lines = (" ".join(line.split()) for line in "".join(_pieces(tree.root)).split("\n"))
    return "\n".join(line for line in lines if line)


def _pieces(root: LexborNode | None) -> Iterator[str]:
    """The texts below a node in reading order, and a line end wherever a block begins or ends."""
    stack: list[LexborNode | str] = [root] if root is not None else []
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            yield node
            continue
        if node.next is not None and node is not root:
            stack.append(node.next)
        if node.tag == "-text":
            yield (node.text_content or "").replace("\n", " ")
            continue
        if node.tag in _BLOCKS:
            yield "\n"
            stack.append("\n")
        if node.child is not None:
            stack.append(node.child)


def _from_html(file: InputFile, page: str) -> Record:
    tree = LexborHTMLParser(bounded(page))
    title = tree.css_first("title") or tree.css_first("h1")
    date = tree.css_first(_DATES)
    time = parse_time(date.attributes.get("content")) if date is not None else None
    shown = plain_value(" ".join(title.text().split())) if title is not None else None
    return Record(_text(tree), file.source, title=shown, time=time, label=file.label)


def _from_xml(file: InputFile, xml: str) -> Record | Reject:
    """What stands between the tags; a file that says everything within its tags is a table, and no document."""
    plain = _XML_MARKUP.sub("\n", _CDATA.sub(_escaped, xml))
    lines = (" ".join(line.split()) for line in html.unescape(plain).split("\n"))
    text = "\n".join(line for line in lines if line)
    if not text and xml.strip():
        return rejected(file.source, "it is XML without text between its tags; save its rows as CSV or JSON lines", xml)
    return Record(text, file.source, label=file.label)


def _escaped(section: re.Match[str]) -> str:
    return html.escape(section[1], quote=False)


def _declared(data: bytes) -> str | None:
    """The encoding that a page names, if it holds for all of it."""
    match = _CHARSET.search(data[:2048])
    if match is None:
        return None
    name = match[1].decode("ascii", "replace").lower()
    name = {"iso-8859-1": "cp1252", "latin-1": "cp1252", "gb2312": "gb18030", "shift_jis": "cp932"}.get(name, name)
    encoding = text_encoding(name)
    if encoding is None or encoding.startswith(("utf-16", "utf-32")) or is_rather_utf8(data, encoding):
        return None  # Where it can be read as ASCII, it is in neither of the wide ones.
    try:
        data.decode(encoding)
    except ValueError:
        return None
    return encoding


def _markdown_title(text: str) -> str | None:
    for line in text[:10_000].split("\n"):
        if line.startswith("# "):
            return plain_value(line[2:].rstrip("# "))
    return _title_line(text)


def _title_line(text: str) -> str | None:
    first, _, rest = text[: 4 * _TITLE_LENGTH].lstrip().partition("\n")
    is_title = len(first) <= _TITLE_LENGTH and (rest.startswith("\n") or not rest.split("\n", 1)[0].strip())
    return plain_value(first) if is_title and rest.strip() else None
