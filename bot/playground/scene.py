"""Who and what the Playground shows: its configuration file, `.m365agentsplayground.yml`.

Facts about that file (version 0.1.1 of its format, Playground 0.2.28):

* It is YAML; JSON is YAML too, so it is written as JSON. Unknown keys are refused.
* ``users`` are exactly five people beside ``currentUser``. Each needs ``id``, ``name``,
  ``userPrincipleName`` (spelled so), ``aadObjectId``, ``givenName``, ``surname``, ``email``.
* ``id`` becomes ``from.id`` and the member id in connector calls, ``aadObjectId`` becomes
  ``from.aadObjectId``; both are taken as they stand. ``POST /v3/conversations`` finds a personal
  chat by ``id`` alone, where Teams takes the Entra object id too: hence one value for both here.
* ``tenantId`` becomes ``channelData.tenant.id`` and ``conversation.tenantId``.
* ``bot.id`` becomes ``recipient.id``; ``bot.name`` (at most 42 characters) is what is mentioned.
* ``personalChat`` has the current user alone, ``groupChat`` and ``team`` all six.
* ``team.channels`` holds at most one channel; "General" is always there beside it, and its
  conversation id is the team's id. All conversation ids differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PlaygroundUser:
    """A person: ``name`` is given name and surname, ``object_id`` the Entra object id (GUID)."""

    object_id: str
    name: str
    email: str

    def as_config(self) -> dict[str, str]:
        """The person in the words of the Playground's configuration."""
        given, _, surname = self.name.partition(" ")
        return {
            "id": self.object_id,
            "name": self.name,
            "userPrincipleName": self.email,
            "aadObjectId": self.object_id,
            "givenName": given,
            "surname": surname or given,
            "email": self.email,
        }


@dataclass(frozen=True, slots=True)
class Scene:
    """One tenant with a bot, six people and the four conversations they share.

    Attributes:
        tenant: Microsoft 365 tenant id.
        bot: The bot's id in Teams, ``28:`` and its app id.
        me: The person at the keyboard.
        colleagues: The five others.
        personal: Conversation id of the personal chat; likewise the other ids.
        group: The group chat.
        team: The team, which is also its channel "General".
        channel: The team's other channel.
    """

    tenant: str
    bot: str
    me: PlaygroundUser
    colleagues: tuple[
        PlaygroundUser, PlaygroundUser, PlaygroundUser, PlaygroundUser, PlaygroundUser
    ]
    team_object_id: str
    bot_name: str = "Neo"
    personal: str = "a:1-personal-chat"
    group: str = "19:technicians@thread.v2"
    group_name: str = "Technicians"
    team: str = "19:service-desk@thread.tacv2"
    team_name: str = "Service Desk"
    channel: str = "19:operations@thread.tacv2"
    channel_name: str = "Operations"

    def as_config(self) -> dict[str, Any]:
        """The content of `.m365agentsplayground.yml`."""
        return {
            "version": "0.1.1",
            "tenantId": self.tenant,
            "bot": {"id": self.bot, "name": self.bot_name},
            "currentUser": self.me.as_config(),
            "users": [user.as_config() for user in self.colleagues],
            "personalChat": {"id": self.personal},
            "groupChat": {"id": self.group, "name": self.group_name},
            "team": {
                "id": self.team,
                "name": self.team_name,
                "aadGroupId": self.team_object_id,
                "channels": [{"id": self.channel, "name": self.channel_name}],
            },
        }
