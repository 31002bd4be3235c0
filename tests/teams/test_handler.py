"""What each kind of activity does, and what the person sees."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.messaging import Answer, Conversation, Mention, Person, Pressed, Said, Scope
from bot.teams.activity import MOST_MENTIONS
from bot.teams.handler import ANSWERED_BELOW, NOBODY, NOT_POSTED
from tests.microsoft import ALEX, BOT, CHANNEL, GROUP, MEGAN, PERSONAL, TENANT, Account
from tests.teams.conftest import Bot, card

MESSAGE = "application/vnd.microsoft.activity.message"
CARD = "application/vnd.microsoft.card.adaptive"
THREAD = f"{CHANNEL};messageid=1700000000000"


async def test_a_message_is_answered_with_a_card_and_its_text_twin(bot: Bot) -> None:
    await bot.hears(bot.microsoft.activity(text="<at>Neo</at>&nbsp;agents"))
    assert bot.product.said == [
        Said(
            Person(TENANT, MEGAN.object_id, "Megan Bowen", "29:megan", "Europe/London"),
            Conversation(
                TENANT,
                PERSONAL,
                Scope.PERSONAL,
                bot.microsoft.service_url,
                BOT,
                person=MEGAN.object_id,
                zone="Europe/London",
            ),
            "<at>Neo</at>&nbsp;agents",
        )
    ]
    message = bot.microsoft.messages[0]
    assert message.conversation == PERSONAL
    assert message.activity == {
        "type": "message",
        "summary": "You said: <at>Neo</at>&nbsp;agents",
        "attachments": [
            {
                "contentType": CARD,
                "content": {
                    "type": "AdaptiveCard",
                    "body": [{"text": "You said: <at>Neo</at>&nbsp;agents"}],
                },
            }
        ],
    }


async def test_a_very_long_text_is_passed_on_whole(bot: Bot) -> None:
    await bot.hears(bot.microsoft.activity(text="x" * 5000))
    assert len(bot.product.said[0].text) == 5000


async def test_what_no_database_takes_is_left_out_of_a_text(bot: Bot) -> None:
    body = json.dumps(bot.microsoft.activity(text="age\x00nts \ud800 now")).encode()
    headers = {"Content-Type": "application/json", **bot.authorised()}
    answer = await bot.gets(content=body, headers=headers)
    assert answer.status_code == 200
    assert bot.product.said[0].text == "agents ? now"


async def test_a_reply_goes_to_the_thread_and_the_channel_is_remembered_without_it(
    bot: Bot,
) -> None:
    await bot.hears(bot.microsoft.activity(text="agents", where=THREAD))
    assert bot.microsoft.messages[0].conversation == THREAD
    assert list(bot.memory.places) == [CHANNEL]
    assert bot.memory.places[CHANNEL].scope is Scope.CHANNEL
    assert bot.memory.places[CHANNEL].person is None


async def test_what_is_known_of_a_conversation_is_overwritten_by_every_activity(bot: Bot) -> None:
    await bot.hears(bot.microsoft.activity(text="agents", where=GROUP))
    moved = f"{bot.microsoft.url}/emea/"
    await bot.gets(
        json=bot.microsoft.activity(
            text="agents", where=GROUP, by=ALEX, serviceUrl=moved, localTimezone="Asia/Tokyo"
        ),
        headers={"Authorization": f"Bearer {bot.token(serviceurl=moved)}"},
    )
    assert bot.memory.places[GROUP].service_url == moved
    assert bot.memory.places[GROUP].zone == "Asia/Tokyo"
    assert bot.memory.people[ALEX.object_id].zone == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("named", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("Mars/Olympus", None),
        ("../../etc/passwd", None),
        ("/etc/localtime", None),
        ("Europe", None),
        ("", None),
    ],
)
async def test_only_a_real_time_zone_is_believed(bot: Bot, named: str, zone: str | None) -> None:
    activity = bot.microsoft.activity(text="agents", localTimezone=named, entities=[])
    assert (await bot.hears(activity)).status_code == 200
    assert bot.product.said[0].person.zone == zone


def mention(who: Account, words: str) -> dict[str, Any]:
    mentioned = {"id": who.teams_id, "name": who.name}
    return {"type": "mention", "mentioned": mentioned, "text": f"<at>{words}</at>"}


async def test_the_people_mentioned_come_along_and_the_bot_does_not(bot: Bot) -> None:
    bot_itself = {"type": "mention", "mentioned": {"id": BOT}, "text": "<at>Neo</at>"}
    entities = [
        {"type": "clientInfo", "timezone": "Asia/Tokyo"},
        bot_itself,
        mention(MEGAN, "Megan"),
        mention(ALEX, "Alex Wilber"),
    ]
    text = "<at>Neo</at> delegate to <at>Megan</at> or <at>Alex Wilber</at>"
    await bot.hears(bot.microsoft.activity(text=text, entities=entities))

    heard = bot.product.said[0]
    assert heard.text == text
    assert heard.mentions == (
        Mention(MEGAN.teams_id, "Megan Bowen", "<at>Megan</at>"),
        Mention(ALEX.teams_id, "Alex Wilber", "<at>Alex Wilber</at>"),
    )
    assert heard.person.zone == "Asia/Tokyo"


@pytest.mark.parametrize(
    "entity",
    [
        {"type": "mention"},
        {"type": "mention", "mentioned": None, "text": "<at>Megan</at>"},
        {"type": "mention", "mentioned": "29:megan", "text": "<at>Megan</at>"},
        {"type": "mention", "mentioned": {"name": "Megan"}, "text": "<at>Megan</at>"},
        {"type": "mention", "mentioned": {"id": 29}, "text": "<at>Megan</at>"},
        {"type": "mention", "mentioned": {"id": "29:megan", "name": 7}, "text": "<at>Megan</at>"},
        {"type": "mention", "mentioned": {"id": "29:megan"}},
        {"type": "mention", "mentioned": {"id": "29:megan"}, "text": ""},
        {"type": "mention", "mentioned": {"id": "29:megan"}, "text": "x" * 1025},
        {"type": "mention", "mentioned": {"id": "2" * 1025}, "text": "<at>Megan</at>"},
        {"type": ["mention"], "mentioned": {"id": "29:megan"}, "text": "<at>Megan</at>"},
        {"type": {}},
        {},
    ],
    ids=str,
)
async def test_a_mention_of_another_form_is_nobodys(bot: Bot, entity: dict[str, Any]) -> None:
    entities = [entity, mention(ALEX, "Alex")]
    answer = await bot.hears(bot.microsoft.activity(text="agents", entities=entities))

    assert answer.status_code == 200
    assert [who.teams_id for who in bot.product.said[0].mentions] == [ALEX.teams_id]


async def test_no_more_mentions_are_read_than_a_message_can_need(bot: Bot) -> None:
    entities = [mention(ALEX, f"Alex {number}") for number in range(MOST_MENTIONS + 10)]
    await bot.hears(bot.microsoft.activity(text="agents", entities=entities))
    assert len(bot.product.said[0].mentions) == MOST_MENTIONS


async def test_an_action_execute_redraws_the_card_in_the_answer(bot: Bot) -> None:
    click = bot.microsoft.click("agent.show", on="m-1", data={"agent": "12", "verb": "other"})
    answer = await bot.hears(click)
    assert answer.json() == {
        "statusCode": 200,
        "type": CARD,
        "value": {"type": "AdaptiveCard", "body": [{"text": "Pressed agent.show"}]},
    }
    pressed = bot.product.pressed[0]
    assert (pressed.message, pressed.verb) == ("m-1", "agent.show")
    assert pressed.data == {"agent": "12", "verb": "agent.show"}
    assert bot.microsoft.messages == []


async def test_what_no_database_takes_is_left_out_of_what_a_button_carries(bot: Bot) -> None:
    several = {"approval": "48\x001", "ticked": ["\x00", "481"], "shown": {"4\x0081": "\x00x.y"}}
    await bot.hears(bot.microsoft.click("approval.decide", on="m-1", data=several))
    assert bot.product.pressed[0].data == {
        "verb": "approval.decide",
        "approval": "481",
        "ticked": ["", "481"],
        "shown": {"481": "x.y"},
    }


async def test_an_answer_that_is_no_redrawing_is_posted_below(bot: Bot) -> None:
    async def ask(pressed: Pressed) -> Answer:
        return Answer(card("4 failed runs"))

    bot.product.on_action = ask
    answer = await bot.hears(bot.microsoft.click("ask", on="m-1", where=THREAD))
    assert answer.json() == {"statusCode": 200, "type": MESSAGE, "value": ANSWERED_BELOW}
    assert [(m.conversation, m.summary) for m in bot.microsoft.messages] == [
        (THREAD, "4 failed runs")
    ]


async def test_an_answer_that_cannot_be_posted_is_said_to_be_so(bot: Bot) -> None:
    async def ask(pressed: Pressed) -> Answer:
        return Answer(card("4 failed runs"))

    bot.product.on_action = ask
    bot.microsoft.refuse(413, method="POST")
    answer = await bot.hears(bot.microsoft.click("ask", on="m-1"))
    assert answer.json()["value"] == NOT_POSTED


async def test_an_action_submit_of_an_old_client_edits_the_card(bot: Bot) -> None:
    await bot.hears(bot.microsoft.activity(text="agents"))
    value = {"verb": "agent.show", "agent": "12"}
    await bot.hears(bot.microsoft.activity(value=value, replyToId="m-1"))
    assert bot.product.pressed[0].data == value
    assert [(m.summary, m.edits) for m in bot.microsoft.messages] == [("Pressed agent.show", 1)]


async def test_an_old_client_does_not_show_everybody_what_is_for_one_person_alone(
    bot: Bot,
) -> None:
    async def own_view(pressed: Pressed) -> Answer:
        own = card("Yours alone", approval="481")
        return Answer(own, in_place=True, aside="You were not asked.")

    await bot.hears(bot.microsoft.activity(text="approvals", where=GROUP))
    bot.product.on_action = own_view
    await bot.hears(
        bot.microsoft.activity(value={"verb": "approval.show"}, replyToId="m-1", where=GROUP)
    )

    shared, reply = bot.microsoft.messages
    assert shared.edits == 0
    assert reply.summary == "Megan Bowen, about approval 481. You were not asked."
    assert bot.product.copies == [(GROUP, "m-1", "481")]


async def test_an_old_client_shows_what_is_for_one_person_alone_in_their_own_chat(bot: Bot) -> None:
    async def own_view(pressed: Pressed) -> Answer:
        own = card("Yours alone", approval="481")
        return Answer(own, in_place=True, aside="You were not asked.")

    await bot.hears(bot.microsoft.activity(text="approvals"))
    bot.product.on_action = own_view
    await bot.hears(bot.microsoft.activity(value={"verb": "approval.show"}, replyToId="m-1"))

    (chat,) = bot.microsoft.messages
    assert (chat.summary, chat.edits) == ("Yours alone", 1)


async def test_what_cannot_be_edited_is_answered_by_a_new_message(bot: Bot) -> None:
    await bot.hears(bot.microsoft.activity(text="agents"))
    bot.microsoft.refuse(403, method="PUT")
    await bot.hears(bot.microsoft.activity(value={"verb": "agent.show"}, replyToId="m-1"))
    assert [m.summary for m in bot.microsoft.messages][1:] == ["Pressed agent.show"]


@pytest.mark.parametrize("more", [{}, {"replyToId": "gone"}], ids=["not named", "gone"])
async def test_an_action_submit_whose_card_is_missing_is_answered_by_a_new_one(
    bot: Bot, more: dict[str, Any]
) -> None:
    await bot.hears(bot.microsoft.activity(value={"verb": "agent.show"}, **more))
    assert [m.summary for m in bot.microsoft.messages] == ["Pressed agent.show"]


@pytest.mark.parametrize("value", [{"other": 1}, {"verb": 7}, [1], "verb", None])
async def test_a_value_without_a_verb_is_a_message(bot: Bot, value: object) -> None:
    assert (await bot.hears(bot.microsoft.activity(value=value))).status_code == 200
    assert [said.text for said in bot.product.said] == [""]
    assert bot.product.pressed == []


async def test_a_typed_text_is_never_a_button(bot: Bot) -> None:
    value = {"verb": "approval.decide"}
    await bot.hears(bot.microsoft.activity(text="approve", value=value))
    assert bot.product.pressed == []
    assert [said.text for said in bot.product.said] == ["approve"]


async def test_every_copy_of_an_approval_is_made_known(bot: Bot) -> None:
    async def show(said: Said) -> Answer:
        return Answer(card("Waiting", approval="481"))

    async def decide(pressed: Pressed) -> Answer:
        return Answer(card("Approved", approval="481"), in_place=True)

    bot.product.on_message, bot.product.on_action = show, decide
    await bot.hears(bot.microsoft.activity(text="approvals", where=THREAD))
    await bot.hears(bot.microsoft.click("approval.decide", on="m-1", where=THREAD))
    await bot.hears(bot.microsoft.activity(value={"verb": "x"}, replyToId="m-1", where=THREAD))
    assert bot.product.copies == [(CHANNEL, "m-1", "481")] * 3


MALFORMED: list[Any] = [
    None,
    "text",
    [],
    {},
    {"action": None},
    {"action": "approve"},
    {"action": {}},
    {"action": {"verb": 7}},
    {"action": {"verb": "x", "data": "y"}},
    {"action": {"verb": "x", "data": [1]}},
]


@pytest.mark.parametrize("value", MALFORMED, ids=str)
async def test_a_malformed_click_is_answered_400_in_teams_own_shape(bot: Bot, value: Any) -> None:
    click = bot.microsoft.activity("invoke", name="adaptiveCard/action", value=value)
    answer = await bot.hears(click)
    assert answer.status_code == 400
    assert answer.json()["type"] == "application/vnd.microsoft.error"
    assert answer.json()["value"]["code"] == "BadRequest"
    assert bot.product.pressed == []


@pytest.mark.parametrize(
    "name",
    [
        None,
        "composeExtension/query",
        "composeExtension/submitAction",
        "task/fetch",
        "fileConsent/invoke",
        "signin/verifyState",
        "message/submitAction",
        "no/such",
    ],
)
async def test_other_invokes_are_answered_501(bot: Bot, name: str | None) -> None:
    answer = await bot.hears(bot.microsoft.activity("invoke", name=name, value={"x": 1}))
    assert answer.status_code == 501
    assert answer.json()["value"]["code"] == "NotSupported"


@pytest.mark.parametrize(
    "kind",
    ["messageReaction", "messageUpdate", "messageDelete", "typing", "event", "trace", "no-such"],
)
async def test_other_activities_are_acknowledged_and_nothing_happens(bot: Bot, kind: str) -> None:
    answer = await bot.hears(bot.microsoft.activity(kind, text="agents"))
    assert (answer.status_code, answer.content) == (200, b"")
    assert (bot.product.said, bot.microsoft.calls) == ([], [])


async def test_it_greets_once_when_both_events_of_an_installation_arrive(bot: Bot) -> None:
    bot.product.greeting = card("Hello")
    await bot.hears(bot.microsoft.activity("installationUpdate", action="add"))
    added = [{"id": MEGAN.teams_id}, {"id": BOT}]
    await bot.hears(bot.microsoft.activity("conversationUpdate", membersAdded=added))
    assert [(m.conversation, m.summary) for m in bot.microsoft.messages] == [(PERSONAL, "Hello")]
    assert len(bot.product.greeted) == 2
    assert bot.memory.places[PERSONAL].person == MEGAN.object_id


async def test_it_does_not_greet_when_somebody_else_joins(bot: Bot) -> None:
    bot.product.greeting = card("Hello")
    added = [{"id": ALEX.teams_id}]
    await bot.hears(bot.microsoft.activity("conversationUpdate", membersAdded=added))
    assert bot.product.greeted == []


async def test_a_name_that_an_event_leaves_out_is_not_forgotten(bot: Bot) -> None:
    await bot.hears(bot.microsoft.activity(text="agents"))
    event = bot.microsoft.activity("installationUpdate", action="add")
    del event["from"]["name"]
    await bot.hears(event)
    assert bot.memory.people[MEGAN.object_id].name == "Megan Bowen"


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "installationUpdate", "action": "remove"},
        {"kind": "conversationUpdate", "membersRemoved": [{"id": BOT}]},
    ],
    ids=["uninstalled", "removed"],
)
async def test_a_conversation_that_the_bot_was_removed_from_is_left_and_not_opened_again(
    bot: Bot, event: dict[str, Any]
) -> None:
    await bot.hears(bot.microsoft.activity(where=GROUP, **event))
    assert [place.id for place in bot.product.gone] == [GROUP]
    assert bot.memory.places == {}


async def test_nothing_is_left_when_somebody_else_goes(bot: Bot) -> None:
    gone = [{"id": ALEX.teams_id}]
    await bot.hears(bot.microsoft.activity("conversationUpdate", membersRemoved=gone))
    assert bot.product.gone == []


async def test_somebody_whom_teams_does_not_name_is_told_why_nothing_is_done(bot: Bot) -> None:
    unnamed: dict[str, Any] = {"from": {"id": "29:visitor", "name": "A visitor"}}
    await bot.hears(bot.microsoft.activity(text="agents", **unnamed))
    answer = await bot.hears(bot.microsoft.click("approval.decide", on="m-1", **unnamed))
    assert NOBODY in bot.microsoft.messages[0].summary
    assert answer.json() == {"statusCode": 200, "type": MESSAGE, "value": NOBODY}
    assert (bot.product.said, bot.product.pressed) == ([], [])


async def test_a_turn_that_breaks_is_answered_with_a_plain_card_and_logged_without_its_words(
    bot: Bot, capsys: pytest.CaptureFixture[str]
) -> None:
    async def breaks(asked: Said | Pressed) -> Answer:
        raise RuntimeError("the secret words of Contoso Dental")

    bot.product.on_message = bot.product.on_action = breaks
    message = await bot.hears(bot.microsoft.activity(text="reset the password of lee.gu"))
    click = await bot.hears(bot.microsoft.click("approval.decide", on="m-1"))

    assert (message.status_code, click.status_code) == (200, 200)
    assert click.json()["value"] == ANSWERED_BELOW
    for posted in bot.microsoft.messages:
        assert "Something went wrong" in posted.summary
        assert "Contoso" not in posted.summary
    logged = capsys.readouterr().out
    assert "RuntimeError" in logged
    assert "Contoso" not in logged
    assert "lee.gu" not in logged


async def test_the_person_hears_of_it_when_the_database_is_away(bot: Bot) -> None:
    bot.memory.broken = True
    message = await bot.hears(bot.microsoft.activity(text="agents"))
    click = await bot.hears(bot.microsoft.click("approval.decide", on="m-1"))
    assert (message.status_code, click.status_code) == (200, 200)
    assert click.json()["type"] == MESSAGE
    for said in (bot.microsoft.messages[0].summary, click.json()["value"]):
        assert "cannot use its own database" in said
        assert "Nothing was changed." in said
        assert "Try again in a minute." in said
    assert bot.product.pressed == []


async def test_a_click_that_was_done_is_answered_so_even_if_that_cannot_be_kept(bot: Bot) -> None:
    bot.memory.broken_for_answers = True
    answer = await bot.hears(bot.microsoft.click("agent.show", on="m-1"))
    assert answer.json()["value"]["body"] == [{"text": "Pressed agent.show"}]


async def test_a_card_that_was_sent_is_the_only_answer_even_if_its_place_cannot_be_kept(
    bot: Bot,
) -> None:
    async def show(said: Said) -> Answer:
        return Answer(card("Waiting", approval="481"))

    bot.product.on_message, bot.product.loses_copies = show, True
    assert (await bot.hears(bot.microsoft.activity(text="approvals"))).status_code == 200
    assert [m.summary for m in bot.microsoft.messages] == ["Waiting"]


async def test_a_reaction_also_tells_where_the_connector_is_now(bot: Bot) -> None:
    await bot.hears(bot.microsoft.activity(text="agents"))
    moved = f"{bot.microsoft.url}/emea/"
    await bot.gets(
        json=bot.microsoft.activity("messageReaction", serviceUrl=moved),
        headers={"Authorization": f"Bearer {bot.token(serviceurl=moved)}"},
    )
    assert bot.memory.places[PERSONAL].service_url == moved
