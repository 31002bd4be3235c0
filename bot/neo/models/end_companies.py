"""The companies that the MSP looks after."""

from __future__ import annotations

from bot.neo.models.base import Items, NeoModel, NeoRequest, Text, Truth


class IdentityProvider(NeoModel):
    """Where a company's employees have their accounts, if that is on its own premises."""

    type: Text = None
    onprem_ad_runner_hostname: Text = None
    onprem_ad_adconnect_server_hostname: Text = None
    onprem_service_account_username: Text = None


class MailboxProvider(NeoModel):
    """Where a company's mailboxes are, if that is on its own premises."""

    type: Text = None
    onprem_exchange_runner_hostname: Text = None
    onprem_exchange_server_hostname: Text = None
    onprem_service_account_username: Text = None


class MarketplaceCompany(NeoModel):
    """What a marketplace calls a company."""

    company_id: Text = None
    marketplace: Text = None


class EndCompany(NeoModel):
    """A company; ``tenant_id`` is its own Microsoft 365 tenant."""

    psa_company_id: Text = None
    psa_company_name: Text = None
    tenant_id: Text = None
    auto_assign_exchange_admin: Truth = None
    custom_instructions: Text = None
    custom_instructions_for_user_facing_chat: Text = None
    employee_identity_provider: IdentityProvider | None = None
    mailbox_provider: MailboxProvider | None = None
    marketplace_company_ids: Items[MarketplaceCompany] = ()
    azure_application_access_granted: Truth = None
    azure_delegated_access_granted: Truth = None


class NewEndCompany(NeoRequest):
    """A company to add, as the PSA knows it."""

    psa_company_id: str
    psa_company_name: str
    tenant_id: str | None = None
    auto_assign_exchange_admin: bool | None = None
    custom_instructions: str | None = None
    custom_instructions_for_user_facing_chat: str | None = None
    employee_identity_provider: IdentityProvider | None = None
    mailbox_provider: MailboxProvider | None = None
    marketplace_company_ids: tuple[MarketplaceCompany, ...] | None = None
