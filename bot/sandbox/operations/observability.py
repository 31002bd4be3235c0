"""How Neo's machinery does: the funnel of callbacks, and the agents' times and failures."""

from datetime import timedelta

from bot.sandbox import windows
from bot.sandbox.calls import Answer, Call
from bot.sandbox.world import World

_LONGEST_FUNNEL = timedelta(days=7)


async def get_callback_funnel(world: World, call: Call) -> Answer:
    """What became of the callbacks of a window, of at most 7 days."""
    return Answer(world.figures.funnel(*windows.recent(call, longest=_LONGEST_FUNNEL)))


async def get_workflow_performance(world: World, call: Call) -> Answer:
    """Agents' figures in a window; an agent without runs has a row of zeros."""
    since, until = windows.recent(call)
    only = call.query.get("agent_id")
    agents = [agent for agent in world.agents.values() if only in {None, agent.id}]
    return Answer(world.figures.performance(since, until, agents))


OPERATIONS = {
    "getCallbackFunnel": get_callback_funnel,
    "getWorkflowPerformance": get_workflow_performance,
}
