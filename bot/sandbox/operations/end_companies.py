"""The MSP's clients."""

from bot.sandbox.calls import Answer, Call
from bot.sandbox.companies import company_body
from bot.sandbox.envelope import ApiError, not_found
from bot.sandbox.records import EndCompany
from bot.sandbox.refusals import check_length, unprocessable
from bot.sandbox.world import World

_MOST = 500
_LONGEST_ID = 100
_LONGEST_NAME = 200
_TOLD = (
    *("psa_company_id", "psa_company_name", "tenant_id", "auto_assign_exchange_admin"),
    *("custom_instructions", "custom_instructions_for_user_facing_chat"),
    *("employee_identity_provider", "mailbox_provider", "marketplace_company_ids"),
)


async def get_end_company(world: World, call: Call) -> Answer:
    """One client, by its id in the PSA."""
    body = company_body(world, call.path["psa_company_id"])
    if body is None:
        raise not_found("There is no end-company with this id.")
    return Answer(body)


async def create_end_company(world: World, call: Call) -> Answer:
    """Add a client of the PSA; what is left out is left open."""
    identifier = str(call.body["psa_company_id"])
    check_length(identifier, "psa_company_id", _LONGEST_ID, least=1)
    check_length(call.body["psa_company_name"], "psa_company_name", _LONGEST_NAME, least=1)
    if company_body(world, identifier) is not None:
        raise ApiError(
            409,
            "end_company_exists",
            "There already is an end-company with this id.",
            {"psa_company_id": identifier},
        )
    if len(world.records.end_companies) >= _MOST:
        raise unprocessable("psa_company_id", f"At most {_MOST} end-companies can be added.")
    told = {name: call.body[name] for name in _TOLD if name in call.body}
    world.records.end_companies[identifier] = EndCompany(told=told, created_at=call.now)
    world.changes += 1
    return Answer(company_body(world, identifier))


OPERATIONS = {"createEndCompany": create_end_company, "getEndCompany": get_end_company}
