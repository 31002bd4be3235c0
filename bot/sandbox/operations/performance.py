"""How agents do over a window of any length."""

from bot.sandbox import windows
from bot.sandbox.calls import Answer, Call
from bot.sandbox.world import World


async def get_performance_workflows(world: World, call: Call) -> Answer:
    """Agents' figures, as the one member of a list."""
    since, until = windows.required(call, "from", "to")
    kind = call.query.get("autonomy_type")
    agents = [agent for agent in world.agents.values() if kind in {None, agent.autonomy_type}]
    return Answer([world.figures.performance(since, until, agents)])


OPERATIONS = {"getPerformanceWorkflows": get_performance_workflows}
