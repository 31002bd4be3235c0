"""The tenant's settings in Neo."""

from __future__ import annotations

from bot.neo.models.base import Count, NeoModel, NeoRequest, Text


class TenantSettings(NeoModel):
    """How Neo is set up for the tenant; business hours are hours of the day in ``timezone``."""

    human_friendly_client_name: Text = None
    referral_code: Text = None
    timezone: Text = None
    start_business_hours: Count = None
    end_business_hours: Count = None
    sleep_before_callback_processing_seconds: Count = None


class TenantSettingsChange(NeoRequest):
    """Settings to change; those left out stay as they are, None clears one."""

    human_friendly_client_name: str | None = None
    referral_code: str | None = None
    timezone: str | None = None
    start_business_hours: int | None = None
    end_business_hours: int | None = None
    sleep_before_callback_processing_seconds: int | None = None
