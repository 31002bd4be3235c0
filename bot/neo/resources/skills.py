"""Skills: files that teach agents how something is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.neo.models.skills import Skill, SkillEdit, SkillFile
from bot.neo.operation import Operation
from bot.neo.resource import Resource


class Skills(Resource):
    """Files that teach agents how something is done. Source: Neo API reference, Skills.

    Neither write may be repeated: creating twice is two skills, and a text may be found again in
    what was put in its place.
    """

    CREATE = Operation(
        "skills.create", "POST", "/public-api/skills", Skill, sends=("files", "name", "slug")
    )
    EDIT = Operation(
        "skills.edit", "PATCH", "/public-api/skills/{skill_id}", Skill, sends=("edits",)
    )

    async def create(
        self,
        name: str,
        slug: str,
        files: Sequence[SkillFile],
        *,
        description: str | None = None,
        run: str | None = None,
    ) -> Skill:
        """Make a skill.

        Shape: ``POST /public-api/skills`` {name, slug, files, description, source_run_id} -> skill.

        Args:
            name: For people.
            slug: For agents; its short name.
            files: Each with its path and content.
            description: When it is of use.
            run: The run that it was learnt from.

        Raises:
            NeoInvalid: ``field`` is not as Neo takes it.
            NeoConflict: there is one with this slug.
            NeoUnavailable: nobody knows whether it was made.
        """
        body: dict[str, Any] = {
            "name": name,
            "slug": slug,
            "files": [file.model_dump(mode="json", exclude_unset=True) for file in files],
        }
        told = {"description": description, "source_run_id": run}
        body |= {name: one for name, one in told.items() if one is not None}
        return await self._one(self.CREATE, body=body)

    async def edit(
        self, skill: str, edits: Sequence[SkillEdit], *, base_hash: str | None = None
    ) -> Skill:
        """Change parts of a skill's files; what no edit names stays.

        Shape: ``PATCH /public-api/skills/{skill_id}`` {edits, base_hash} -> skill.

        Args:
            skill: Its id.
            edits: What to put where.
            base_hash: Neo's hash of what was read: refuses the edits if it is no longer so.

        Raises:
            NeoConflict: somebody changed the skill since.
            NeoInvalid: a text to replace is not there, or is there several times.
            NeoNotFound: no skill with this id.
            NeoUnavailable: nobody knows whether it was changed.
        """
        body: dict[str, Any] = {"edits": [edit.body() for edit in edits]}
        if base_hash is not None:
            body["base_hash"] = base_hash
        return await self._one(self.EDIT, body=body, skill_id=skill)
