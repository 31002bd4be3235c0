"""Neo for Teams: the agents, runs and approvals of an MSP's Neo, in Microsoft Teams."""

__version__ = "0.1.0"
