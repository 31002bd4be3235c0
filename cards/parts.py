"""The parts that cards share: headings, lines, facts, rows, buttons, and the assembly."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cards import elements as el
from cards.actions import Action
from cards.buttons import asking, button
from cards.card import LARGEST_BYTES, Card, plain
from cards.letters import width
from cards.words import NBSP

# Text that every client shows as it stands, although it reads it as Markdown: at most one mark of
# each pair, nothing that opens a link, an escape, a tag, a list or a heading.
_LITERAL = re.compile(
    r"(?!\s*(?:\d+[.)]|[-+>#]+)\s)(?!.*(?:\*.*\*|_.*_|~.*~|`.*`|\]\(|://|@\w|\w\.[^\W\d]|\s[-+]\s|&[#\w]+;))"
    r"[^\[\\<{\n]*"
)
# What does not fit beside a label on a phone, and what does not fit on a line of its own there.
_WIDE_WORD = re.compile(r"\S{19,}")
_LONG_WORD = re.compile(r"\S{33,}")
_PIECE = re.compile(r"\S{1,20}(?:[/.@_:=&?,;)\]}-]|$)|\S{20}")
_BREAK = "\u200b"  # nothing to see: the line may break here

# For `literal`: signs of Markdown and tags, and those that look like them and mean nothing.
_ALIKE = str.maketrans(
    {
        "*": "\N{ASTERISK OPERATOR}",
        "_": "\N{MODIFIER LETTER LOW MACRON}",
        "~": "\N{TILDE OPERATOR}",
        "`": "'",
        "[": "(",
        "]": ")",
        "\\": "\N{SET MINUS}",
        "<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
        ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
    }
)
_LINKING = re.compile(r"[.@:&/](?=[^\s\d])")

_LABELS: Final = 88
"""How wide the column of labels is, in pixels."""
_MORE: Final = "\u203a"  # a single angle, pointing right


@dataclass(frozen=True, slots=True)
class Room:
    """How much of what may be long is shown.

    Attributes:
        rows: Most lines of a list.
        text: Most characters of a long text.
    """

    rows: int = 12
    text: int = 600

    def halved(self) -> Room:
        """Half as much."""
        return Room(rows=max(self.rows // 2, 1), text=max(self.text // 2, 24))


def fitted(draw: Callable[[Room], Card], room: Room | None = None) -> Card:
    """Draw a card with as much as fits into `LARGEST_BYTES`: half and half again until it does."""
    room = room or Room()
    drawn = draw(room)
    while drawn.size > LARGEST_BYTES and room != room.halved():
        room = room.halved()
        drawn = draw(room)
    return drawn


def assemble(
    body: Iterable[Any],
    *,
    summary: str,
    approval: str | None = None,
    refresh: el.Refresh | None = None,
) -> Card:
    """Put a card together; parts that are None are left out."""
    said = summary.replace(NBSP, " ")
    twin = "\n".join(filter(None, (line.strip() for line in said.splitlines())))
    root = el.Root(
        [part for part in body if part is not None],
        # Old clients read this as Markdown. Without the marks it reads well enough.
        fallback_text=re.sub(r"[*_\[\]\\`<>~]", "", twin),
        speak=plain(twin.split("\n", 1)[0], 600),
        refresh=refresh,
    )
    return Card(content=el.rendered(root), summary=twin, approval=approval)


# Text


def run(text: str, **look: Any) -> el.Run:
    """A piece of a line; ``look`` as in `elements.Run`."""
    return el.Run(text=text, **look)


def line(
    *pieces: str | el.Run | None, subtle: bool = False, narrow: bool = False, **place: Any
) -> Any:
    """A line of text, wrapped, that shows as it was typed; None if nothing is in it.

    Text in which no client finds Markdown is a `TextBlock`, for these wrap best; any other is
    `RichText`, which knows no Markdown. ``narrow``: it stands beside something else.
    """
    runs = [
        run(piece, isSubtle=True if subtle else None) if isinstance(piece, str) else piece
        for piece in pieces
        if piece
    ]
    if len(runs) == 1 and _LITERAL.fullmatch(runs[0].text):
        look = {key: held for key, held in runs[0].render().items() if key != "type"}
        return el.TextBlock(wrap=True, **look, **place)
    for one in runs:
        one.text = (_WIDE_WORD if narrow else _LONG_WORD).sub(_broken, one.text)
    return el.RichText(inlines=runs, **place) if runs else None


def _broken(word: re.Match[str]) -> str:
    """A very long word with places to break at: rich text is cut at the edge of the card else."""
    return _BREAK.join(_PIECE.findall(word[0]))


def literal(text: str) -> str:
    """The text so that it shows as it stands where there is no element that knows no Markdown.

    Captions of choices are read as Markdown by some clients and not by others: where a client
    would find some in them, its signs give way to others that look like them, and what would be
    a link gets an invisible place to break.
    """
    if _LITERAL.fullmatch(text):
        return text
    return _BREAK + _LINKING.sub(lambda sign: sign[0] + _BREAK, text.translate(_ALIKE))


def heading(text: str, style: str | None = None) -> Any:
    """What the card is: its first line, a heading for screen readers wherever that is possible.

    Args:
        text: The line.
        style: Its ground: good, attention, warning, accent. Never the letters' colour, which is
            hard to read on white.
    """
    look = {"size": "Medium", "weight": "Bolder"}
    if _LITERAL.fullmatch(text):
        made = el.TextBlock(text=text, wrap=True, style="heading", **look)
    else:
        made = line(run(text, **look))
    if not style:
        return made
    # No strip of card between it and the remark above it.
    return el.Container(style=style, bleed=True, spacing="None", items=[made])


def remarked(text: str | None) -> el.Container | None:
    """Why a card is not what it was: one line above everything."""
    said = plain(text, 200)
    return el.Container(style="warning", bleed=True, items=[line(said)]) if said else None


def dotted(*pieces: str | None) -> str:
    """Pieces on one line, those that are empty left out: "#48213 · Contoso Dental"."""
    return f"{NBSP}· ".join(piece for piece in pieces if piece)


def facts(pairs: Iterable[tuple[str, str]], **place: Any) -> el.Container | None:
    """Labels and values, one under the other, the labels aligned."""
    rows = [_fact(label, value) for label, value in pairs if label and value]
    return el.Container(items=rows, **place) if rows else None


def _fact(label: str, value: str) -> el.Columns | el.Container:
    """Side by side, or one under the other where that would break up a word.

    An address that is broken up cannot be copied, and a label cannot be read.
    """
    named, told = line(run(label, weight="Bolder")), line(value)
    if _WIDE_WORD.search(value) or max(map(width, label.split()), default=0) > _LABELS:
        told.spacing = "None"
        return el.Container(spacing="Small", items=[named, told])
    return el.Columns(
        spacing="Small",
        columns=[
            el.Column(width=f"{_LABELS}px", items=[named]),
            el.Column(width="stretch", items=[told]),
        ],
    )


def quoted(text: str) -> el.Container:
    """What a person wrote, in quotation marks, set apart."""
    return el.Container(style="emphasis", spacing="Small", items=[line(f"“{text}”")])


def folded(title: str, items: Sequence[Any], *, name: str) -> list[Any]:
    """Parts that are hidden until their title is tapped; nothing if there are none."""
    held = [item for item in items if item is not None]
    if not held:
        return []
    shut, open_ = f"{name}-shut", f"{name}-open"
    toggle = el.ToggleVisibility(title=title, targets=[name, shut, open_])
    return [
        el.Container(
            spacing="Small",
            select_action=toggle,
            items=[
                el.RichText(id=shut, inlines=[run(f"▸ {title}", color="Accent")]),
                el.RichText(id=open_, inlines=[run(f"▾ {title}", color="Accent")], visible=False),
            ],
        ),
        el.Container(id=name, visible=False, spacing="Small", items=held),
    ]


def small_print(text: str, refresh: str | Action | None = None) -> Any:
    """The last line: where it comes from, as of when.

    Args:
        text: The line.
        refresh: What draws the card anew: the question to ask again, or another payload.
    """
    note = line(run(text, size="Small", isSubtle=True))
    payload = asking(refresh, in_place=True) if isinstance(refresh, str) else refresh
    again = button("Refresh", payload)
    if again is None:
        return note
    return el.Columns(
        spacing="Medium",
        columns=[
            el.Column(width="stretch", items=[note], verticalContentAlignment="Center"),
            el.Column(
                width="auto",
                selectAction=again,
                items=[line(run("⟳ Refresh", size="Small", color="Accent"))],
            ),
        ],
    )


def row(*lines: Any, tap: el.Execute | None, separator: bool = True) -> el.Columns:
    """A line of a list; where a tap on it does something, an angle says so."""
    items = [part for part in lines if part is not None]
    columns = [el.Column(width="stretch", items=items)]
    if tap is not None:
        columns.append(
            el.Column(
                width="auto",
                verticalContentAlignment="Center",
                items=[line(run(_MORE, size="Large", color="Accent"))],
            )
        )
    return el.Columns(columns=columns, select_action=tap, separator=separator, spacing="Small")


def and_more(shown: int, total: int, *, at_least: bool = False) -> str:
    """What a list leaves out: "and 12 more"; empty if nothing."""
    if total <= shown:
        return "and more" if at_least else ""
    return f"and {'at least ' if at_least else ''}{total - shown:,} more"
