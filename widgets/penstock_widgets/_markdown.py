"""The Markdown subset of `js/src/markdown.ts` as escaped HTML, for notebooks read without JavaScript.

Text is escaped before anything else is done to it, and only the tags written here are ever made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

_SCHEME = re.compile(r"^(https?:|mailto:|[^:]*$|[^:]*[/?#])", re.IGNORECASE)
_PICTURE = re.compile(
    r"^(https?:|data:image/(png|jpe?g|gif|webp|svg\+xml)[;,]|[^:]*$|[^:]*[/?#])", re.IGNORECASE
)
_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_INLINE = re.compile(
    r"(?P<tick>`+)(?P<code>[^`].*?)(?P=tick)"
    r"|!\[(?P<alt>[^\]]*)\]\((?P<src>[^()\s]+)(?:\s+\"[^\"]*\")?\)"
    r"|\[(?P<text>[^\]]+)\]\((?P<href>[^()\s]+)(?:\s+\"[^\"]*\")?\)"
    r"|<(?P<auto>(?:https?://|mailto:)[^\s<>]+)>"
    r"|(?P<bare>https?://[^\s<>()]+[^\s<>().,;:!?'\"])"
    r"|(?P<b>\*\*|__)(?=\S)(?P<strong>.*?\S)(?P=b)"
    r"|(?P<i>\*|_)(?=\S)(?P<em>.*?\S)(?P=i)"
    r"|~~(?=\S)(?P<gone>.*?\S)~~"
    r"|\\(?P<plain>[\\`*_{}\[\]()#+\-.!|~<>])",
    re.DOTALL,
)
_FENCE = re.compile(r"^\s{0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r"^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_RULE = re.compile(r"^\s{0,3}([-*_])(\s*\1){2,}\s*$")
_ITEM = re.compile(r"^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$")
_QUOTE = re.compile(r"^\s{0,3}>\s?")
_TABLE_RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")


def safe_url(url: str, *, picture: bool = False) -> str | None:
    """Return the address when it may be followed, else None. Control characters hide schemes: refused."""
    url = url.strip()
    pattern = _PICTURE if picture else _SCHEME
    return url if pattern.match(url) and not _CONTROL.search(url) else None


def link(url: str, inner: str) -> str:
    """Return a link around HTML, or the HTML alone when the address is not safe."""
    href = safe_url(url)
    return inner if href is None else f'<a href="{escape(href)}" rel="noopener noreferrer">{inner}</a>'


def image(url: str, alt: str) -> str:
    """Return an image, or its description when the address is not safe."""
    src = safe_url(url, picture=True)
    return (
        escape(alt or "image with an unsafe address")
        if src is None
        else f'<img src="{escape(src)}" alt="{escape(alt)}">'
    )


def inline(text: str, depth: int = 0) -> str:
    """Render what stands inside a line."""
    if depth > 8:
        return escape(text)
    out: list[str] = []
    last = 0
    for match in _INLINE.finditer(text):
        mark = match["b"] or match["i"] or ""
        inside_word = text[: match.start()][-1:].isalnum() or text[match.end() :][:1].isalnum()
        if mark.startswith("_") and inside_word:
            continue
        out += [escape(text[last : match.start()]), _span(match, depth)]
        last = match.end()
    return "".join([*out, escape(text[last:])])


def _span(match: re.Match[str], depth: int) -> str:
    got = {name: value for name, value in match.groupdict().items() if value is not None}
    match got:
        case {"code": code}:
            return f"<code>{escape(code.strip())}</code>"
        case {"src": src, "alt": alt}:
            return image(src, alt)
        case {"href": href, "text": text}:
            return link(href, inline(text, depth + 1))
        case {"auto": url}:
            return link(url, escape(url.removeprefix("mailto:")))
        case {"bare": url}:
            return link(url, escape(url))
        case {"strong": text}:
            return f"<strong>{inline(text, depth + 1)}</strong>"
        case {"em": text}:
            return f"<em>{inline(text, depth + 1)}</em>"
        case {"gone": text}:
            return f"<del>{inline(text, depth + 1)}</del>"
        case _:
            return escape(got["plain"])


def markdown(text: str) -> str:
    """Render a whole text."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ").split("\n")
    return f'<div class="pst-markdown">{"".join(_Reader(lines, 0).blocks())}</div>'


def _cells(line: str) -> list[str]:
    trimmed = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", trimmed)]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


class _Reader:
    """A cursor over lines that yields blocks."""

    def __init__(self, lines: list[str], depth: int) -> None:
        self._lines = lines
        self._depth = depth
        self._at = 0

    def blocks(self) -> Iterator[str]:
        while self._at < len(self._lines):
            if self._line().strip():
                yield self._block()
            else:
                self._at += 1

    def _line(self, offset: int = 0) -> str:
        at = self._at + offset
        return self._lines[at] if at < len(self._lines) else ""

    def _table_here(self) -> bool:
        below = self._line(1)
        return "|" in self._line() and "-" in below and bool(_TABLE_RULE.match(below))

    def _starts_block(self) -> bool:
        line = self._line()
        marks = (_FENCE, _HEADING, _RULE, _QUOTE, _ITEM)
        return not line.strip() or any(mark.match(line) for mark in marks) or self._table_here()

    def _block(self) -> str:
        line = self._line()
        if _FENCE.match(line):
            return self._fence()
        if heading := _HEADING.match(line):
            self._at += 1
            level = min(6, len(heading[1]) + 2)
            return f"<h{level}>{inline(heading[2])}</h{level}>"
        if _RULE.match(line):
            self._at += 1
            return "<hr>"
        if self._table_here():
            return self._table()
        if self._depth < 6 and _QUOTE.match(line):
            return self._quote()
        if self._depth < 6 and _ITEM.match(line):
            return self._list()
        return self._paragraph()

    def _fence(self) -> str:
        opened = _FENCE.match(self._line())
        mark = opened[1] if opened else "```"
        body: list[str] = []
        self._at += 1
        while self._at < len(self._lines) and not self._line().strip().startswith(mark):
            body.append(self._line())
            self._at += 1
        self._at += 1
        return f"<pre><code>{escape(chr(10).join(body))}</code></pre>"

    def _quote(self) -> str:
        body: list[str] = []
        while self._at < len(self._lines) and _QUOTE.match(self._line()):
            body.append(_QUOTE.sub("", self._line()))
            self._at += 1
        return f"<blockquote>{''.join(_Reader(body, self._depth + 1).blocks())}</blockquote>"

    def _table(self) -> str:
        heads = _cells(self._line())
        sides = [
            ("center" if rule.startswith(":") else "right") if rule.endswith(":") else "left"
            for rule in _cells(self._line(1))
        ]
        sides += ["left"] * len(heads)

        def row(tag: str, found: list[str]) -> str:
            found = found + [""] * len(heads)
            made = (
                f'<{tag} style="text-align:{sides[i]}">{inline(found[i])}</{tag}>' for i in range(len(heads))
            )
            return f"<tr>{''.join(made)}</tr>"

        self._at += 2
        body: list[str] = []
        while "|" in self._line():
            body.append(row("td", _cells(self._line())))
            self._at += 1
        return f"<table><thead>{row('th', heads)}</thead><tbody>{''.join(body)}</tbody></table>"

    def _list(self) -> str:
        first = _ITEM.match(self._line())
        indent = len(first[1]) if first else 0
        ordered = bool(first and first[2][0].isdigit())
        items: list[str] = []
        while (item := _ITEM.match(self._line())) and len(item[1]) == indent:
            if item[2][0].isdigit() != ordered:
                break
            items.append(self._item(item[3], indent))
        if not ordered or first is None:
            return f"<ul>{''.join(items)}</ul>"
        return f'<ol start="{int(first[2][:-1])}">{"".join(items)}</ol>'

    def _item(self, text: str, indent: int) -> str:
        """Render one item: its first line, and the deeper lines below it as blocks of their own."""
        own, below = [text], list[str]()
        self._at += 1
        while self._at < len(self._lines):
            line = self._line()
            if not line.strip():
                if not self._line(1).strip() or _indent(self._line(1)) <= indent:
                    break
                below.append("")
            elif _indent(line) > indent:
                below.append(line[min(_indent(line), indent + 2) :])
            elif not self._starts_block():
                own.append(line.strip())
            else:
                break
            self._at += 1
        while self._at < len(self._lines) and not self._line().strip() and _ITEM.match(self._line(1)):
            self._at += 1
        words = " ".join(own)
        box = re.match(r"\[([ xX])\]\s+", words)
        mark = ("☐ " if box[1] == " " else "☑ ") if box else ""
        inner = "".join(_Reader(below, self._depth + 1).blocks())
        return f"<li>{mark}{inline(words[box.end() :] if box else words)}{inner}</li>"

    def _paragraph(self) -> str:
        body = [self._line()]
        self._at += 1
        while self._at < len(self._lines) and not self._starts_block():
            body.append(self._line())
            self._at += 1
        joined = (inline(line.strip()) + ("<br>" if line.endswith(("  ", "\\")) else " ") for line in body)
        return f"<p>{''.join(joined).rstrip()}</p>"
