"""Skills: files that teach agents how something is done."""

from __future__ import annotations

from bot.neo.models.base import Count, Id, Items, Moment, NeoModel, NeoRequest, Text


class SkillFile(NeoModel):
    """A file of a skill; a new one has a path and its content."""

    id: Text = None
    path: Text = None
    content: Text = None
    version: Count = None


class Skill(NeoModel):
    """Files that teach agents how something is done. Source: Skills."""

    id: Id
    name: Text = None
    slug: Text = None
    description: Text = None
    files: Items[SkillFile] = ()
    source_run_id: Text = None
    updated_at: Moment = None


class SkillEdit(NeoRequest):
    """In one file, put a text in another's place; everywhere with ``replace_all``."""

    file_id: str
    old_string: str
    new_string: str
    replace_all: bool = False
