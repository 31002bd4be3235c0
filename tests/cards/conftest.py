"""Snapshots as JSON files."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension


@pytest.fixture
def as_json(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """A snapshot in a JSON file of its own, to be read in a review."""
    return snapshot.use_extension(JSONSnapshotExtension)
