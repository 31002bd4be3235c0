"""Alerts: what happened in Neo, told once to the conversations that follow it."""
