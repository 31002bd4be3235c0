"""A policy file that says something else than it seems to is refused, by name."""

from __future__ import annotations

import re
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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'{HOURS}opens = "25:00"', 'opens: should be a time of day such as "08:30"'),
        (f'{HOURS}opens = "early"', 'opens: should be a time of day such as "08:30"'),
        ('[business_hours]\nzone = "Mars/Olympus"', "zone: should be a time zone such as"),
        (f'{HOURS}opens = "17:30"\ncloses = "09:00"', "opens should be before closes"),
        ('remind_after = ["2h", "30m"]', "each time once, the shortest first"),
        ('remind_after = ["30m", "30m"]', "each time once, the shortest first"),
        ("remind_after = [", "is not TOML at"),
    ],
    ids=lambda value: value.split("\n")[-1],
)
def test_what_makes_no_sense_is_refused_with_what_should_be(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=re.escape(said)):
        PolicyFile.read(file)


def test_a_policy_that_is_not_there_is_no_policy_of_defaults(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"names a file that cannot be read \(No such file"):
        PolicyFile.read(tmp_path / "policy.toml")


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
