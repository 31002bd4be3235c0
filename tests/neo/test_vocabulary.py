"""The words Neo has for how a run and an approval stand, out of its own document."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.neo.client import OPERATIONS, Neo
from bot.neo.drift import Kind, Severity, compare
from bot.neo.models import Agent, Approval, ApprovalState, Outcome, Run
from bot.neo.vocabulary import Vocabulary

PREFIXED = Vocabulary(
    runs=("EXECUTION_STATUS_SUCCESS", "EXECUTION_STATUS_FAILURE", "EXECUTION_STATUS_HELD"),
    approvals=("TIL_STATUS_PENDING", "TIL_STATUS_APPROVED", "TIL_STATUS_REJECTED"),
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def document(status: object, **more: Any) -> dict[str, Any]:
    """A document whose two lists have this schema of a status."""

    def listing(name: str) -> dict[str, Any]:
        items = {"$ref": f"#/components/schemas/{name}"}
        envelope = {"properties": {"data": {"type": "array", "items": items}}}
        content = {"application/json": {"schema": envelope}}
        return {"get": {"responses": {"200": {"content": content}}, **more}}

    shape = {"type": "object", "properties": {"status": status}}
    return {
        "openapi": "3.0.3",
        "paths": {
            "/public-api/executions": listing("Execution"),
            "/public-api/til-requests": listing("TilRequest"),
        },
        "components": {"schemas": {"Execution": shape, "TilRequest": shape}},
    }


async def test_the_embedded_neo_says_its_words_and_each_is_placed(neo: Neo) -> None:
    words = Vocabulary.of(await neo.document())
    assert words.runs
    assert words.approval_values(ApprovalState.PENDING)
    assert words.unplaced_runs == ()
    assert words.unplaced_approvals == ()


@pytest.mark.parametrize(
    "status",
    [
        {"type": "string", "enum": ["OPEN", "APPROVED"]},
        {"type": ["string", "null"], "enum": ["OPEN", "APPROVED", None]},
        {"type": "string", "nullable": True, "enum": ["OPEN", "APPROVED"]},
        {"anyOf": [{"enum": ["OPEN"]}, {"const": "APPROVED"}, {"type": "null"}]},
        {"allOf": [{"oneOf": [{"enum": ["OPEN", "APPROVED"]}]}]},
    ],
)
def test_an_enum_is_found_however_it_is_written(status: dict[str, Any]) -> None:
    words = Vocabulary.of(document(status))
    assert words.runs == words.approvals == ("OPEN", "APPROVED")
    assert words.approval_values(ApprovalState.PENDING) == ("OPEN",)


def test_where_answers_do_not_list_them_the_filter_does() -> None:
    narrowing = {"name": "status", "in": "query", "schema": {"enum": ["open", "approved"]}}
    words = Vocabulary.of(document({"type": "string"}, parameters=[narrowing]))
    assert words.approvals == ("open", "approved")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("TIL_STATUS_PENDING", ApprovalState.PENDING),
        ("til status approved", ApprovalState.APPROVED),
        ("rejected", ApprovalState.REJECTED),
        ("TIL_STATUS_SNOOZED", ApprovalState.UNKNOWN),
    ],
)
def test_what_all_words_begin_with_is_left_out(status: str, state: ApprovalState) -> None:
    assert PREFIXED.state(status) is state


@pytest.mark.parametrize(
    "words",
    [(), ("TIL_PENDING",), ("TIL_PENDING", "APPROVED"), ("TILPENDING", "TILAPPROVED")],
)
def test_without_a_beginning_that_all_share_a_word_is_taken_as_it_is(
    words: tuple[str, ...],
) -> None:
    assert Vocabulary(approvals=words).state("TIL_PENDING") is ApprovalState.UNKNOWN
    assert Vocabulary(approvals=words).state("approved") is ApprovalState.APPROVED


def test_a_not_is_never_left_out() -> None:
    words = Vocabulary(approvals=("NOT_APPROVED", "NOT_REJECTED"))
    assert words.state("NOT_APPROVED") is ApprovalState.UNKNOWN


def test_without_a_document_the_synonyms_serve_and_nothing_is_narrowed() -> None:
    words = Vocabulary()
    assert words.outcome("Success") is Outcome.SUCCEEDED
    assert words.state("awaiting approval") is ApprovalState.PENDING
    assert words.approval_values(ApprovalState.PENDING) == ()


def test_words_that_mean_nothing_are_named() -> None:
    words = Vocabulary(runs=("SUCCESS", "MAROONED"), approvals=("PENDING", "ADJOURNED", "APPROVED"))
    assert words.unplaced_runs == ("MAROONED",)
    assert words.unplaced_approvals == ("ADJOURNED",)


def test_a_run_and_an_approval_are_read_with_neos_own_words() -> None:
    run = {"execution_id": "e-1", "status": "EXECUTION_STATUS_SUCCESS", "seconds_spent": 4}
    read = Run.model_validate(PREFIXED.translated(Run, run))
    assert read.outcome is Outcome.SUCCEEDED
    assert read.seconds_spent == 4
    assert run["status"] == "EXECUTION_STATUS_SUCCESS"
    approval = {"id": 7, "status": "TIL_STATUS_APPROVED"}
    translated = PREFIXED.translated(Approval, approval)
    assert Approval.model_validate(translated).state is ApprovalState.APPROVED


@pytest.mark.parametrize(
    "data",
    [
        {"execution_id": "e-1", "status": "EXECUTION_STATUS_HELD"},
        {"execution_id": "e-1", "status": "success"},
        {"execution_id": "e-1", "status": None},
        {"execution_id": "e-1", "status": ["EXECUTION_STATUS_SUCCESS"]},
        {"execution_id": "e-1"},
        ["EXECUTION_STATUS_SUCCESS"],
        None,
    ],
)
def test_everything_else_stays_as_it_came(data: object) -> None:
    assert PREFIXED.translated(Run, data) is data


def test_a_status_of_something_else_is_none_of_these() -> None:
    data = {"id": "12345", "status": "EXECUTION_STATUS_SUCCESS"}
    assert PREFIXED.translated(Agent, data) is data


def test_it_is_remembered_and_what_is_not_listed_any_more_stays_known() -> None:
    remembered = Vocabulary.from_json(PREFIXED.to_json())
    assert remembered == PREFIXED
    new = Vocabulary(runs=("SUCCESS", "FAILURE")).or_else(remembered)
    assert new.runs == ("SUCCESS", "FAILURE")
    assert new.approvals == PREFIXED.approvals


@pytest.mark.parametrize("kept", [None, "", {"runs": 3}, ["runs"]])
def test_what_cannot_be_remembered_is_nothing(kept: object) -> None:
    assert Vocabulary.from_json(kept) == Vocabulary()


@settings(deadline=None)
@given(JSON)
def test_whatever_comes_in_place_of_a_document_is_no_words(content: object) -> None:
    assert Vocabulary.of(content) == Vocabulary()


@settings(deadline=None)
@given(JSON)
def test_whatever_stands_in_place_of_an_enum_gives_texts(content: object) -> None:
    words = Vocabulary.of(document({"enum": content}))
    assert all(isinstance(word, str) for word in words.runs)
    assert Vocabulary.of(document(content)).approvals == Vocabulary.of(document(content)).runs


@pytest.mark.parametrize(("count", "believed"), [(200, 200), (201, 0), (4_000, 0)])
def test_an_enum_of_very_many_words_is_no_list_of_statuses(count: int, believed: int) -> None:
    words = Vocabulary.of(document({"enum": [f"STATUS_{number}" for number in range(count)]}))
    assert len(words.runs) == len(words.approvals) == believed


def test_where_answers_list_too_many_words_the_filter_serves() -> None:
    narrowing = {"name": "status", "in": "query", "schema": {"enum": ["open", "approved"]}}
    many = {"enum": [str(number) for number in range(4_000)]}
    assert Vocabulary.of(document(many, parameters=[narrowing])).approvals == ("open", "approved")


def _with_statuses(runs: list[str], approvals: list[str]) -> dict[str, Any]:
    def listing(words: list[str]) -> dict[str, Any]:
        item = {"type": "object", "properties": {"status": {"type": "string", "enum": words}}}
        data = {"type": "object", "properties": {"data": {"type": "array", "items": item}}}
        content = {"application/json": {"schema": data}}
        return {"get": {"responses": {"200": {"description": "", "content": content}}}}

    paths = {"/public-api/executions": runs, "/public-api/til-requests": approvals}
    return {"openapi": "3.1.0", "paths": {path: listing(words) for path, words in paths.items()}}


@pytest.mark.parametrize(
    ("runs", "approvals", "broken"),
    [
        (["SUCCESS", "FAILURE"], ["PENDING", "APPROVED"], []),
        (["SUCCESS", "BROKE"], ["PENDING", "APPROVED"], ["Run.status"]),
        (["SUCCESS", "FAILURE"], ["ADJOURNED", "APPROVED"], ["Approval.status"]),
        ([], [], []),
    ],
)
def test_a_list_without_a_word_that_everything_hangs_on_is_named_as_broken(
    runs: list[str], approvals: list[str], broken: list[str]
) -> None:
    found = compare(_with_statuses(runs, approvals), OPERATIONS)
    words = [one for one in found if one.kind is Kind.UNKNOWN_WORD]
    assert [one.where for one in words if one.severity is Severity.BROKEN] == broken
