"""The elements that these cards are made of: the library's, and what Teams has since.

`adaptivecards` writes schema 1.2, drops unknown properties and accepts only text as a select
action. These extend it in its own way (`Element`, `PropertyType`), refuse what they do not know,
and render to plain JSON. Only elements of the core schema are used, so every client draws them.
"""

from __future__ import annotations

from inspect import getattr_static
from typing import Any, ClassVar

from adaptivecards import containers, elements
from adaptivecards.adaptivecard import AdaptiveCard
from adaptivecards.baseobject import BareObject, Element, PropertyType


def rendered(value: Any) -> Any:
    """An element, or anything that holds elements, as plain JSON."""
    if isinstance(value, BareObject):
        # The type first: this is how people read a card's JSON.
        found = value.render()
        first = {"type": found["type"]} if "type" in found else {}
        return {key: rendered(held) for key, held in (first | found).items()}
    if isinstance(value, dict):
        return {key: rendered(held) for key, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [rendered(held) for held in value]
    return value


class Strict(BareObject):  # type: ignore[misc] # the library ships no types
    """Refuses a property that the element does not have; leaves out one that is None."""

    _known: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        held = ((name, getattr_static(cls, name)) for name in dir(cls))
        cls._known = frozenset(name for name, value in held if isinstance(value, PropertyType))

    def __init__(self, **properties: Any) -> None:
        for name in properties.keys() - self._known:
            raise TypeError(f"{type(self).__name__} has no property {name!r}")
        super().__init__(**{name: v for name, v in properties.items() if v is not None})


class Action(Strict, Element):  # type: ignore[misc] # likewise
    """Base of the buttons."""

    title = PropertyType(type=str)
    tooltip = PropertyType(type=str)
    style = PropertyType(type=str)
    mode = PropertyType(type=str)
    fallback = PropertyType(type=(str, BareObject))


class Submit(Action):
    """Sends its data as a message; for clients that do not know `Execute`."""

    element_type = "Action.Submit"
    data = PropertyType(type=dict)
    associated_inputs = PropertyType(type=str, key_name="associatedInputs")


class Execute(Action):
    """Sends its verb and data, and redraws the card with the answer (schema 1.4)."""

    element_type = "Action.Execute"
    verb = PropertyType(type=str)
    data = PropertyType(type=dict)
    associated_inputs = PropertyType(type=str, key_name="associatedInputs")


class ToggleVisibility(Action):
    """Shows what is hidden, and hides it again, without asking the bot."""

    element_type = "Action.ToggleVisibility"
    targets = PropertyType(type=list, key_name="targetElements")


class TextBlock(Strict, elements.TextBlock):  # type: ignore[misc] # likewise
    """Text that clients read as Markdown; ``style`` "heading" for screen readers (1.5)."""

    style = PropertyType(type=str)
    fontType = PropertyType(type=str)  # noqa: N815 -- the library's own spelling


class RichText(Strict, elements.RichTextBlock):  # type: ignore[misc] # likewise
    """Text that no client reads as Markdown: the place for text from outside."""


class Run(Strict, elements.TextRun):  # type: ignore[misc] # likewise
    """A piece of `RichText` in one look."""


class Container(Strict, containers.Container):  # type: ignore[misc] # likewise
    """A group; tapping it can be an action."""

    select_action = PropertyType(type=BareObject, key_name="selectAction")


class Columns(Strict, containers.ColumnSet):  # type: ignore[misc] # likewise
    """Columns side by side."""

    select_action = PropertyType(type=BareObject, key_name="selectAction")


class Column(Strict, containers.Column):  # type: ignore[misc] # likewise
    """One of `Columns`."""

    selectAction = PropertyType(type=BareObject)  # noqa: N815 -- the library's own spelling


class ActionSet(Strict, containers.ActionSet):  # type: ignore[misc] # likewise
    """Buttons in a row."""


class TextInput(Strict, Element):  # type: ignore[misc] # likewise
    """A field to type into; what is typed joins the data of the buttons under ``id``."""

    element_type = "Input.Text"
    label = PropertyType(type=str)
    placeholder = PropertyType(type=str)
    value = PropertyType(type=str)
    multiline = PropertyType(type=bool, key_name="isMultiline")
    required = PropertyType(type=bool, key_name="isRequired")
    max_length = PropertyType(type=int, key_name="maxLength")
    error_message = PropertyType(type=str, key_name="errorMessage")


class Choice(Strict):
    """One of the choices of a `ChoiceSet`; clients may read ``title`` as Markdown."""

    title = PropertyType(type=str)
    value = PropertyType(type=str)


class ChoiceSet(Strict, Element):  # type: ignore[misc] # likewise
    """Choices to tick; the values of the ticked ones join the buttons' data, commas between."""

    element_type = "Input.ChoiceSet"
    label = PropertyType(type=str)
    choices = PropertyType(type=list)
    value = PropertyType(type=str)
    style = PropertyType(type=str)
    multi_select = PropertyType(type=bool, key_name="isMultiSelect")
    wrap = PropertyType(type=bool)
    required = PropertyType(type=bool, key_name="isRequired")
    error_message = PropertyType(type=str, key_name="errorMessage")


class Refresh(Strict):
    """Clients of ``users`` (their accounts in Teams) run ``action`` when they show the card."""

    action = PropertyType(type=Execute)
    users = PropertyType(type=list, key_name="userIds")


class Root(AdaptiveCard):  # type: ignore[misc] # likewise
    """The whole card, schema 1.5."""

    refresh = PropertyType(type=Refresh)

    def __init__(
        self, body: list[Any], *, fallback_text: str, speak: str, refresh: Refresh | None = None
    ) -> None:
        super().__init__()
        self.set_data("version", "1.5")
        if refresh is not None:
            self.refresh = refresh
        self.body = body
        self.fallback_text = fallback_text
        self.speak = speak
