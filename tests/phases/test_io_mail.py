"""Mail as it really is: one mail costs one mail, and its text is what its reader saw."""

from __future__ import annotations

import base64
import encodings.aliases
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.reading import Reading, read_all

SEPARATOR = "From a@example.org Sat Apr 05 10:00:00 2031\n"
TEXT = "Café by the sea, déjà vu, très bien, and a long winter."


def good(number: int) -> bytes:
    return f"{SEPARATOR}From: a@example.org\nSubject: s{number}\n\nThe harbour, mail {number}.\n\n".encode()


def read_mail(folder: Path, mail: str | bytes) -> Reading:
    path = folder / "m.eml"
    path.write_bytes(mail.encode() if isinstance(mail, str) else mail)
    return read_all(path)


def multipart(*parts: str, kind: str = "mixed", boundary: str = "b") -> str:
    body = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\n{body}--{boundary}--\n'


def mail(content: str) -> str:
    return f"From: a@example.org\nSubject: outer\nMIME-Version: 1.0\n{content}"


PLAIN = "Content-Type: text/plain\n\n{}"
PICTURE = "Content-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo="
PAGE = "Content-Type: text/html\n\n<p>{}</p>"
LETTER = "Content-Type: message/rfc822\n\nFrom: b@example.org\nSubject: inner\nContent-Type: text/plain\n\n{}"
ATTACHED = "Content-Type: text/plain\nContent-Disposition: attachment; filename=x.txt\n\n{}"

CHARSETS = [
    *("charset*=us-ascii''utf-8%00", "charset=undefined", "charset=idna", "charset=punycode", 'charset="utf-8\0"'),
    *(
        "charset=unicode_escape",
        "charset=raw_unicode_escape",
        "charset==?utf-8?q?x?=",
        "charset*0*=a'b'%ff; charset*1=c",
    ),
    *(f'charset="{"x" * 5_000}"', "charset=.", "charset=../../etc", 'charset="utf 8"', "charset=\xff\xfe", "charset"),
    *(f"charset={name}" for name in sorted(set(encodings.aliases.aliases.values())) if name.endswith("_codec")),
]


@pytest.mark.parametrize("charset", CHARSETS, ids=range(len(CHARSETS)))
def test_hostile_charset_costs_nothing_but_guessing(tmp_path: Path, charset: str) -> None:
    head = f"{SEPARATOR}From: b@example.org\nContent-Type: text/plain; {charset}\n\n".encode("latin-1")
    box = b"".join(map(good, range(10))) + head + TEXT.encode("latin-1") + b"\n\n" + b"".join(map(good, range(10, 20)))
    (tmp_path / "t.mbox").write_bytes(box)
    found = read_all(tmp_path / "t.mbox")
    assert (len(found.rows), len(found.rejects)) == (21, 0)
    assert found.texts[10].strip() == TEXT


@pytest.mark.parametrize("name", sorted(set(encodings.aliases.aliases.values())))
def test_any_codec_of_python_as_charset_ends_no_run(tmp_path: Path, name: str) -> None:
    for data in (TEXT.encode(), TEXT.encode("utf-16"), b"\xff\xfe\0\xd8", b"+2D0-", b"\\ud83d"):
        found = read_mail(
            tmp_path,
            f"From: a\nSubject: =?{name}?b?/9g=?=\nContent-Type: text/plain; charset={name}\n\n".encode() + data,
        )
        assert len(found.rows) == 1


@pytest.mark.parametrize(
    "separator",
    [
        "From a@example.org Sat Apr  5 10:00:00 2031",
        "From - Sat Apr 05 10:00:00 2031",
        "From a@example.org Sat Apr 05 10:00:00 2031 +0200",
        "From a@example.org Sat Apr  5 10:00 CEST 2031",
        "From a at example.org  Sat Apr  5 10:00:00 2031",
        "From ???@??? Sat Apr 05 10:00:00 2031 remote from host",
        "From a@example.org Sat, 5 Apr 2031 10:00:00 +0200",
        "From MAILER-DAEMON 2031-04-05T10:00:00Z",
    ],
)
def test_forms_of_separators(tmp_path: Path, separator: str) -> None:
    for end in ("\n", "\r\n"):
        box = f"{separator}\nFrom: a\nSubject: one\n\nHello.\n\n{separator}\nFrom: b\nSubject: two\n\nBye.\n"
        (tmp_path / "t.mbox").write_bytes(box.replace("\n", end).encode())
        found = read_all(tmp_path / "t.mbox")
        assert [row["title"] for row in found.rows] == ["one", "two"]


@pytest.mark.parametrize(
    "line",
    ["From the harbour we saw the ship.", "From 10 to 12 it rained.", "From Monday to Saturday", "From: not a header",
     "From May 5 on we stayed, at 10:00 sharp, until 2031", "From ", "From a@example.org"],
)  # fmt: skip
def test_paragraph_that_begins_like_a_separator_is_text(tmp_path: Path, line: str) -> None:
    (tmp_path / "t.mbox").write_text(f"{SEPARATOR}From: a\nSubject: x\n\nHello,\n\n{line}\n\nBye\n\n{good(2).decode()}")
    found = read_all(tmp_path / "t.mbox")
    assert (len(found.rows), len(found.rejects)) == (2, 0)
    assert found.texts[0].strip() == f"Hello,\n\n{line}\n\nBye"


def test_quoted_separators_are_unquoted(tmp_path: Path) -> None:
    (tmp_path / "t.mbox").write_text(f"{SEPARATOR}From: a\nSubject: x\n\n>From here\n>>From there\n> From\n")
    assert read_all(tmp_path / "t.mbox").texts == ["From here\n>From there\n> From\n"]
    (tmp_path / "m.eml").write_text("From: a\nSubject: x\n\n>From here\n")
    assert read_all(tmp_path / "m.eml").texts == [">From here\n"]


BODIES = {
    "text, picture, text": (multipart(PLAIN.format("One."), PICTURE, PLAIN.format("Two.")), "One.\nTwo."),
    "attachment": (multipart(PLAIN.format("One."), ATTACHED.format("Not me.")), "One."),
    "a message inside": (multipart(PLAIN.format("One."), LETTER.format("Not me.")), "One."),
    "a message alone": (multipart(LETTER.format("Forwarded.")), "Forwarded."),
    "alternatives": (multipart(PLAIN.format("One."), PAGE.format("Not me."), kind="alternative"), "One."),
    "an empty alternative": (multipart(PLAIN.format(" "), PAGE.format("Me."), kind="alternative"), "Me."),
    "html alone": (PAGE.format("Page."), "Page."),
    "html, then text": (multipart(PAGE.format("Page."), PLAIN.format("Footer.")), "Page.\nFooter."),
    "alternatives, then a footer": (
        multipart(
            multipart(PLAIN.format("One."), PAGE.format("No."), kind="alternative", boundary="c"), PLAIN.format("Two.")
        ),
        "One.\nTwo.",
    ),
    "related inside alternatives": (
        multipart(
            PLAIN.format("One."),
            multipart(PAGE.format("No."), PICTURE, kind="related", boundary="c"),
            kind="alternative",
        ),
        "One.",
    ),
    "a boundary that never comes": ("Content-Type: multipart/mixed; boundary=nope\n\nJust text.", "Just text."),
    "no boundary": ("Content-Type: multipart/mixed\n\nJust text.", "Just text."),
    "broken type": ("Content-Type: ;;;=\n\nJust text.", "Just text."),
    "broken base64": (
        "Content-Transfer-Encoding: base64\n\n" + base64.b64encode(b"All of this text.").decode() + "\n=!!*",
        "All of this text.",
    ),
    "unknown transfer encoding": ("Content-Transfer-Encoding: rot13\n\nJust text.", "Just text."),
}


@pytest.mark.parametrize("case", BODIES)
def test_body_is_what_its_reader_saw(tmp_path: Path, case: str) -> None:
    content, expected = BODIES[case]
    found = read_mail(tmp_path, mail(content))
    assert [text.strip() for text in found.texts] == [expected]
    assert found.rows[0]["title"] == "outer"


@pytest.mark.parametrize(
    ("subject", "title"),
    [
        (b"=?utf-8?q?caf=C3=A9?= and =?iso-8859-1?q?th=E9?=", "café and thé"),
        (b"=?undefined?q?plain?=", "plain"),
        (b"=?utf-8?b?Y2Fm\xe9?=", None),
        (b"=?utf-8?q?unclosed", "=?utf-8?q?unclosed"),
        (b"=?x\0y?q?nul?=", None),
        (b"=?utf-16?b?2D0=?=", None),
        ("déjà vu à la mer".encode("latin-1"), "déjà vu à la mer"),
        ("Grüße".encode(), "Grüße"),
        (b"=?utf-8?q?" * 50_000, None),
    ],
)
def test_hostile_subjects_cost_nothing_but_themselves(tmp_path: Path, subject: bytes, title: str | None) -> None:
    found = read_mail(tmp_path, b"From: a\nSubject: " + subject + b"\nDate: Sat, 99 Apr 99999 10:00\n\nText.")
    assert found.texts == ["Text."]
    assert title is None or found.rows[0]["title"] == title


def test_huge_headers_and_deep_parts_cost_one_mail(tmp_path: Path) -> None:
    deep = PLAIN.format("deep")
    for level in range(400):
        deep = multipart(deep, boundary=f"b{level}-")
    hostile = [b"Subject: " + b"x " * 2_000_000 + b"\n\nbody", mail(deep).encode(), b"X-A: b\n" * 50_000 + b"\nbody"]
    (tmp_path / "t.mbox").write_bytes(
        b"".join(good(0) + SEPARATOR.encode() + each + b"\n\n" for each in hostile) + good(9)
    )
    found = read_all(tmp_path / "t.mbox")
    assert len(found.rows) + len(found.rejects) == 7
    assert sum("The harbour" in text for text in found.texts) == 4


def test_message_of_attachments_alone_is_rejected(tmp_path: Path) -> None:
    message = EmailMessage()
    message["Subject"] = message["From"] = "x"
    message.add_attachment(b"\0\1", maintype="application", subtype="pdf", filename="x.pdf")
    (tmp_path / "ok.txt").write_text("ok")
    (tmp_path / "m.eml").write_bytes(bytes(message))
    assert [reject.reason for reject in read_all(tmp_path).rejects] == ["the message has no text, only multipart/mixed"]
