"""The MSP's clients: those that were there from the start, and those that callers added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.sandbox.library import Company
from bot.sandbox.profiles import stable_id

if TYPE_CHECKING:
    from bot.sandbox.world import World

_FIRST_ID = 301


def library_companies(world: World) -> dict[str, Company]:
    """The clients that were there from the start, by their id in the PSA."""
    companies = world.planner.library.companies
    return {str(_FIRST_ID + place): company for place, company in enumerate(companies)}


def company_of_tenant(world: World, microsoft_tenant: str) -> tuple[str, str] | None:
    """Id and name of the client that a Microsoft 365 tenant belongs to; None for a stranger."""
    for identifier in (*library_companies(world), *world.records.end_companies):
        body = company_body(world, identifier)
        if body is not None and body.get("tenant_id") == microsoft_tenant:
            return identifier, str(body["psa_company_name"])
    return None


def company_body(world: World, identifier: str) -> dict[str, Any] | None:
    """A client as the API shows it; None if there is none with this id."""
    added = world.records.end_companies.get(identifier)
    if added is not None:
        nothing_granted = {
            "azure_application_access_granted": False,
            "azure_delegated_access_granted": False,
        }
        return {"auto_assign_exchange_admin": False, **added.told, **nothing_granted}
    company = library_companies(world).get(identifier)
    if company is None:
        return None
    return {
        "psa_company_id": identifier,
        "psa_company_name": company.name,
        "tenant_id": stable_id(world.seed, f"tenant of {company.domain}"),
        "auto_assign_exchange_admin": company.psa == "connectwise",
        "custom_instructions": f"Write to people of {company.name} in plain words.",
        "custom_instructions_for_user_facing_chat": "",
        "employee_identity_provider": {"type": "ENTRA_ID"},
        "mailbox_provider": {"type": "EXCHANGE_ONLINE"},
        "marketplace_company_ids": [],
        "azure_application_access_granted": True,
        "azure_delegated_access_granted": company.psa == "connectwise",
    }
