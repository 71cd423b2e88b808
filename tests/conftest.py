"""What every test shares: hypothesis' profile, and which tests this machine can run."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "ama", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("ama")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the anvil tests where there is no anvil; CI installs one and runs them by their marker."""
    if shutil.which("anvil") is not None:
        return
    kept, left_out = [], []
    for item in items:
        (left_out if item.get_closest_marker("anvil") else kept).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
