"""Which hosts' headers may be believed about pictures. A host proves itself, or is never believed."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

import httpx

from reconciler.model import PictureBytes
from reconciler.util.ids import HEX_32
from reconciler.vod.bodies import encodings

_MD5 = re.compile(rf'"?({HEX_32})"?')
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class PictureHead:
    """What a CDN's headers say about a picture: `length` in bytes, `md5` where the ETag is one."""

    length: int | None = None
    md5: str | None = None

    def one_of(self, pictures: Iterable[PictureBytes]) -> PictureBytes | None:
        """Which of these pictures it is, by its MD5 and length."""
        return next((one for one in pictures if (one.length, one.md5) == (self.length, self.md5)), None)


NOTHING = PictureHead()


def headers_of(response: httpx.Response) -> PictureHead:
    """What an answer's headers say. Of a body that was compressed on the way they say nothing."""
    if encodings(response):
        return NOTHING
    length = declared_length(response)
    md5 = _MD5.fullmatch(response.headers.get("ETag", "").strip())
    # Some servers send 0 when they do not know the length.
    return PictureHead(length or None, md5[1].lower() if md5 else None)


def declared_length(response: httpx.Response) -> int | None:
    digits = response.headers.get("Content-Length", "")[:_MOST_DIGITS]
    return int(digits) if digits.isascii() and digits.isdigit() else None


@dataclass(slots=True)
class CdnHost:
    """What one host's answers have shown in this run.

    Attributes:
        answers_head: False once it refused a HEAD as such.
        wrong: something that it said of a picture was false: nothing is believed of it any more.
        lengths, md5s: a HEAD of it was right of a picture that was read.
        etags: the ETag of a picture that was read was its MD5.
        skips_nothing: it sent a picture in full although another one was named in If-None-Match.
    """

    answers_head: bool = True
    wrong: bool = False
    lengths: bool = False
    md5s: bool = False
    etags: bool = False
    skips_nothing: bool = False

    @property
    def worth_a_head(self) -> bool:
        return self.answers_head and not self.wrong

    @property
    def proven(self) -> bool:
        """Whether its HEADs or its conditional answers show what a picture is."""
        return self.skips_nothing and not self.wrong and (self.md5s or self.etags)

    def believed(self, head: PictureHead) -> PictureHead:
        """As much of a HEAD as the bytes of some picture have confirmed."""
        if self.wrong:
            return NOTHING
        md5 = head.md5 if self.md5s and self.skips_nothing else None
        return PictureHead(head.length if self.lengths else None, md5)

    def test_condition(self) -> dict[str, str]:
        """For a GET: names a picture that cannot be there. A host that says "not modified" to it is not to be
        believed."""
        return {} if self.skips_nothing or self.wrong else {"If-None-Match": f'"{secrets.token_hex(16)}"'}

    def judge(self, head: PictureHead, own: PictureHead, read: PictureBytes) -> None:
        """Compares what it said of a picture with the bytes that it sent.

        Args:
            head: its HEAD; nothing where it was not asked.
            own: the headers that came with the bytes.
        """
        said = [value for value in (head.length, own.length) if value is not None]
        tags = [value for value in (head.md5, own.md5) if value is not None]
        if any(length != read.length for length in said) or any(md5 != read.md5 for md5 in tags):
            self.wrong = True
            return
        self.lengths = self.lengths or head.length is not None
        self.md5s = self.md5s or (head.length is not None and head.md5 is not None)
        self.etags = self.etags or own.md5 is not None
