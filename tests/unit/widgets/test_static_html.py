from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from panel_sample import sample_snapshot

from penstock_widgets._markdown import markdown
from penstock_widgets.static_html import panel_html, panel_text

PAYLOADS = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</pre></details><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox)",
    "<javascript:alert(1)>",
    '[x](https://e.org/"onmouseover="alert(1))',
    "![x](javascript:alert(1))",
    '![" onerror="alert(1)](x.png)',
    "![x](data:text/html,<script>)",
    "`<script>alert(1)</script>`",
    "```\n</code></pre><script>alert(1)</script>\n```",
    "| <script> | b |\n|--|--|\n| <img src=x onerror=alert(1)> | [x](javascript:1) |",
    "# <iframe src=//e.org>",
    "**<b onclick=alert(1)>**",
    "&lt;script&gt;",
]
ALLOWED = {
    "style",
    "section",
    "div",
    "span",
    "b",
    "pre",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "dl",
    "dt",
    "dd",
    "p",
    "h3",
    "h4",
    "h5",
    "h6",
    "a",
    "img",
    "ul",
    "ol",
    "li",
    "code",
    "strong",
    "em",
    "del",
    "blockquote",
    "hr",
    "br",
    "details",
    "summary",
}
ATTRIBUTES = {"class", "style", "href", "rel", "src", "alt", "start"}


class Auditor(HTMLParser):
    """Record every tag and attribute a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def assert_harmless(html: str) -> None:
    tags = Auditor(html).tags
    assert {tag for tag, _ in tags} <= ALLOWED
    for tag, attributes in tags:
        assert set(attributes) <= ATTRIBUTES, (tag, attributes)
        for name in ("href", "src"):
            url = attributes.get(name)
            if url is not None:
                assert not re.match(r"(?i)\s*(javascript|vbscript|data:text)", url), url
        assert not re.search(r"(?i)url\(|expression|@import", attributes.get("style") or "")
    assert html.count("<style>") <= 1


def poisoned(payload: str) -> dict:
    counts = {"FAILED": 1}
    return {
        "run": dict.fromkeys(
            ("id", "name", "flow_name", "state_type", "state_name", "message", "runner"), payload
        ),
        "tasks": {
            payload: {"name": payload, "total": 2, "counts": counts, "upstream": [payload], "order": 0}
        },
        "artifacts": {
            str(i): {
                "id": str(i),
                "key": payload,
                "type": kind,
                "description": payload,
                "data": data,
                "order": i,
            }
            for i, (kind, data) in enumerate(
                [
                    ("markdown", payload),
                    ("table", json.dumps([{payload: payload}])),
                    ("table", payload),
                    ("progress", payload),
                    ("image", payload),
                    (payload, payload),
                ]
            )
        },
        "pauses": {
            "p": {
                "title": payload,
                "description": payload,
                "state": "answered",
                "answered_via": payload,
                "schema": {"properties": {payload: {"title": payload}}},
                "values": {payload: payload},
                "errors": {payload: payload, "": payload},
            }
        },
        "logs": {
            "lines": [{"at": payload, "level": payload, "text": payload, "task": payload}],
            "dropped": 1,
        },
    }


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_text_of_the_user_becomes_markup(payload):
    assert_harmless(panel_html(poisoned(payload)))
    assert_harmless(markdown(payload))


def test_the_audit_notices_what_it_is_there_for():
    for bad in ("<script>1</script>", "<b onclick=x>", '<a href="javascript:1">'):
        with pytest.raises(AssertionError):
            assert_harmless(bad)


def test_safe_links_and_images_are_kept():
    html = markdown(
        "[a](https://e.org/x?y=1&z=2) [b](mailto:a@b.c) [c](../d.ipynb) ![i](i.png) https://e.org/q."
    )
    links = [attributes.get("href") for tag, attributes in Auditor(html).tags if tag == "a"]
    assert links == ["https://e.org/x?y=1&z=2", "mailto:a@b.c", "../d.ipynb", "https://e.org/q"]
    assert '<img src="i.png" alt="i">' in html


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("# A *b* `c`", "<h3>A <em>b</em> <code>c</code></h3>"),
        ("a_b_c **d** __e__", "<p>a_b_c <strong>d</strong> <strong>e</strong></p>"),
        ("- a\n- b\n  - c", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>"),
        ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
        ("a\nb\n\nc", "<p>a b</p><p>c</p>"),
        ("```py\na < b\n```", "<pre><code>a &lt; b</code></pre>"),
        ("> q", "<blockquote><p>q</p></blockquote>"),
        ("- [x] done", "<ul><li>☑ done</li></ul>"),
        ("---", "<hr>"),
    ],
)
def test_markdown_subset(source, expected):
    assert markdown(source) == f'<div class="pst-markdown">{expected}</div>'


def test_static_html_tells_the_whole_run():
    html = panel_html(sample_snapshot())
    for text in (
        "flight-delays",
        "golden-heron",
        "month_delays",
        "8 done, 2 running, 1 failed, 1 pending",
        "62.5%",
    ):
        assert text in html
    assert "and 4 more rows" in html
    assert "penstock flow-run resume 0190a0c4-5b1e-7000-8000-000000000001" in html
    assert "<script" not in html


def test_plain_text_tells_the_whole_run():
    text = panel_text(sample_snapshot())
    assert (
        text.splitlines()[0]
        == "\N{DOUBLE VERTICAL LINE} flight-delays / golden-heron: Paused, DaskTaskRunner"
    )
    assert "month_delays \N{MULTIPLICATION SIGN}12: 8 done, 2 running, 1 failed, 1 pending, 1:14 min" in text
    assert "Review the delays: Waiting for an answer: penstock flow-run resume" in text


def test_an_empty_snapshot_is_drawn():
    assert "pst-static" in panel_html({})
    assert panel_text({})
