"""Skills: files that teach agents something, and edits of a part of them."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from bot.sandbox.calls import Answer, Call
from bot.sandbox.envelope import ApiError, invalid, not_found
from bot.sandbox.records import Skill, SkillFile
from bot.sandbox.refusals import check_length, unprocessable
from bot.sandbox.runs import stamp
from bot.sandbox.world import World

_MOST = 50
_MOST_FILES = 50
_MOST_EDITS = 200
_LONGEST_NAME = 200
_LONGEST_PATH = 300
_LONGEST_FILE = 200_000
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


async def create_skill(world: World, call: Call) -> Answer:
    """Add a skill with its files."""
    name, slug = call.body["name"].strip(), call.body["slug"]
    check_length(name, "name", _LONGEST_NAME, least=1)
    check_length(slug, "slug", _LONGEST_NAME)
    if not _SLUG.fullmatch(slug):
        raise invalid("slug", "slug must be lower-case words joined by hyphens.")
    _check_files(call.body["files"])
    for skill in world.records.skills.values():
        if skill.slug == slug:
            raise ApiError(
                409, "skill_exists", "There already is a skill with this slug.", {"id": skill.id}
            )
    source = call.body.get("source_run_id")
    if source is not None and world.run(source) is None:
        raise not_found("There is no execution with the id in source_run_id.")
    if len(world.records.skills) >= _MOST:
        raise unprocessable("name", f"There are {_MOST} skills already.")
    skill = Skill(
        id=str(call.new_id()),
        name=name,
        slug=slug,
        description=call.body.get("description"),
        source_run_id=source,
        files=[
            SkillFile(id=str(call.new_id()), path=file["path"], content=file["content"])
            for file in call.body["files"]
        ],
        updated_at=call.now,
    )
    world.records.skills[skill.id] = skill
    world.changes += 1
    return Answer(_body(skill))


async def patch_skill(world: World, call: Call) -> Answer:
    """Replace texts in files, all of them or, where one does not fit, none.

    ``base_hash`` is the skill's ``hash`` as the caller read it.
    """
    skill = world.records.skills.get(call.path["skill_id"])
    if skill is None:
        raise not_found("There is no skill with this id.")
    base = call.body.get("base_hash")
    if base is not None and base != _hash(skill):
        message = "The skill was changed in the meantime. Read it again, then edit it."
        raise ApiError(409, "skill_edit_conflict", message, {"hash": _hash(skill)})
    edits = call.body["edits"]
    if not 0 < len(edits) <= _MOST_EDITS:
        raise invalid("edits", f"There must be 1 to {_MOST_EDITS} edits.")
    contents = {file.id: file.content for file in skill.files}
    for place, edit in enumerate(edits):
        file = _file(skill, edit, f"edits.{place}")
        contents[file.id] = _edited(contents[file.id], edit, f"edits.{place}")
    for file in skill.files:
        if contents[file.id] != file.content:
            file.content = contents[file.id]
            file.version += 1
            skill.updated_at = call.now
            world.changes += 1
    return Answer(_body(skill))


def _check_files(files: list[Mapping[str, str]]) -> None:
    if not 0 < len(files) <= _MOST_FILES:
        raise invalid("files", f"A skill has 1 to {_MOST_FILES} files.")
    for file in files:
        check_length(file["path"], "files.path", _LONGEST_PATH, least=1)
        check_length(file["content"], "files.content", _LONGEST_FILE)
    if len({file["path"] for file in files}) < len(files):
        raise invalid("files.path", "Each file needs a path of its own.")


def _file(skill: Skill, edit: Mapping[str, Any], field: str) -> SkillFile:
    wanted = edit.get("file_id")
    if wanted is None and len(skill.files) == 1:
        return skill.files[0]
    if wanted is None:
        raise invalid(f"{field}.file_id", "The skill has several files: file_id must name one.")
    for file in skill.files:
        if file.id == wanted:
            return file
    raise not_found("There is no file with this id in the skill.")


def _edited(content: str, edit: Mapping[str, Any], field: str) -> str:
    old, new = edit.get("old_string") or "", edit.get("new_string") or ""
    if not old:
        raise invalid(f"{field}.old_string", "old_string must name the text to replace.")
    found = content.count(old)
    if not found:
        raise unprocessable(f"{field}.old_string", "old_string does not stand in the file.")
    if found > 1 and not edit.get("replace_all"):
        message = f"old_string stands {found} times in the file: say more, or set replace_all."
        raise unprocessable(f"{field}.old_string", message)
    # Counted before it is made: many short texts could become very long ones.
    if len(content) + found * (len(new) - len(old)) > _LONGEST_FILE:
        raise unprocessable(
            f"{field}.new_string", f"A file has at most {_LONGEST_FILE} characters."
        )
    return content.replace(old, new)


def _hash(skill: Skill) -> str:
    digest = hashlib.sha256()
    for file in skill.files:
        for text in (file.path, file.content):
            raw = text.encode("utf-8", "surrogatepass")
            digest.update(len(raw).to_bytes(8) + raw)
    return digest.hexdigest()


def _body(skill: Skill) -> dict[str, Any]:
    body = {
        "id": skill.id,
        "name": skill.name,
        "slug": skill.slug,
        "description": skill.description,
        "files": [file.model_dump() for file in skill.files],
        "source_run_id": skill.source_run_id,
        "hash": _hash(skill),
        "updated_at": stamp(skill.updated_at),
    }
    return {name: value for name, value in body.items() if value is not None}


OPERATIONS = {"createSkill": create_skill, "patchSkill": patch_skill}
