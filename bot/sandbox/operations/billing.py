"""Credits: those of a month, and which agent used them."""

from bot.sandbox import params
from bot.sandbox.calls import Answer, Call
from bot.sandbox.reports import usage, usage_by_agent
from bot.sandbox.world import World


async def get_billing_usage(world: World, call: Call) -> Answer:
    """Credits of a month."""
    return Answer(usage(world, params.month(call)))


async def get_billing_usage_by_agent(world: World, call: Call) -> Answer:
    """Credits of a month by agent."""
    return Answer(usage_by_agent(world, params.month(call)))


OPERATIONS = {
    "getBillingUsage": get_billing_usage,
    "getBillingUsageByAgent": get_billing_usage_by_agent,
}
