"""A policy file that says something else than it seems to is refused, by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.policies import PolicyFile, Rule

GROUP = '[second_group]\nname = "Leads"\npeople = ["1a6f0c52-8e1b-4f7d-9b3a-2d4c6e8f0a11"]\n'
HOURS = '[business_hours]\nzone = "Europe/London"\n'


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[[rule]]\npeople = true", "people"),
        ("[[rule]]\npeople = 3", "people"),
        ("[[rule]]\nconfirm = 1", "confirm"),
        ('[[rule]]\nnot_the_requester = "no"', "not_the_requester"),
        ('comment_to_reject = "yes"', "comment_to_reject"),
        ("remind_after = [30]", "remind_after"),
        (f"{GROUP}after = 4", "after"),
        (f"{GROUP}after = true", "after"),
        (f"{GROUP}may_decide = 1", "may_decide"),
        (f"{HOURS}opens = 9\ncloses = 17", "opens"),
        (f'{HOURS}opens = 9\ncloses = "17:30"', "opens"),
    ],
    ids=lambda value: value.split("\n")[-1] if isinstance(value, str) else None,
)
def test_values_of_another_kind_are_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=named):
        PolicyFile.read(file)


def test_times_of_day_are_taken_as_text_and_as_the_file_format_writes_them(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(f'{HOURS}opens = 08:30:00\ncloses = "17:30"')
    hours = PolicyFile.read(file).policy.business_hours
    assert hours is not None
    assert (str(hours.opens), str(hours.closes)) == ("08:30:00", "17:30:00")


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("Contoso [UK]", "contoso [uk]", True),
        ("Contoso [UK]", "Contoso U", False),
        ("* [UK]", "Fabrikam [UK]", True),
        ("Contos?", "Contoso", True),
        ("Contos?", "Contoso Dental", False),
    ],
)
def test_a_bracket_in_a_rule_is_a_bracket(pattern: str, name: str, *, matches: bool) -> None:
    assert Rule(client=pattern).matches(agent="", tools=(), clients=[name]) is matches
