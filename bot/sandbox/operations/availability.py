"""Technicians and their Microsoft users."""

from bot.sandbox.calls import Answer, Call
from bot.sandbox.world import World


async def auto_map_technicians(world: World, _call: Call) -> Answer:
    """Map every technician of the PSA to the Microsoft user of the same name.

    Whoever is mapped already stays so, and a second call maps nobody.
    """
    mapped = world.records.mapped_technicians
    fresh = [person for person in world.people if person[0] not in mapped]
    if fresh:
        mapped += [identifier for identifier, _name in fresh]
        world.changes += 1
    return Answer(
        {
            "mapped_count": len(fresh),
            "already_mapped_count": len(world.people) - len(fresh),
            "unmatched_count": 0,
            "mappings": [
                {
                    "technician_id": str(place),
                    "technician_name": name,
                    "microsoft_user_id": identifier,
                    "microsoft_user_name": name,
                }
                for place, (identifier, name) in enumerate(world.people, start=101)
            ],
        }
    )


OPERATIONS = {"autoMapTechnicians": auto_map_technicians}
