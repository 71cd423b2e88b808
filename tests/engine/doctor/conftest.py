"""The doctor on a real venue, with optional tampering in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ama_tui.engine.connect import open_signer
from ama_tui.engine.doctor.context import DoctorContext, DoctorRequest
from ama_tui.engine.doctor.result import CheckResult, CheckStatus
from ama_tui.engine.doctor.runner import Check, run_checks
from ama_tui.engine.doctor.table import CHECKS
from ama_tui.keys.wallet_source import WalletsSource
from tests.engine.doctor.meddler import Meddler
from tests.engine.rig import Rig, rig_of


@dataclass(frozen=True)
class Report:
    """The doctor's results, in order."""

    results: dict[str, CheckResult]

    def of(self, status: CheckStatus) -> list[str]:
        return [name for name, result in self.results.items() if result.status is status]

    def only(self, name: str, status: CheckStatus = CheckStatus.FAIL) -> CheckResult:
        """The one result with this status; nothing else fails or warns."""
        noted = [*self.of(CheckStatus.FAIL), *self.of(CheckStatus.WARN)]
        assert noted == [name], {one: self.results[one] for one in noted}
        result = self.results[name]
        assert result.status is status
        assert result.fix
        return result

    def assert_all_ok(self) -> None:
        assert self.of(CheckStatus.OK) == list(self.results), self.results


async def examined(request: DoctorRequest, checks: Sequence[Check] = CHECKS) -> Report:
    told: dict[str, CheckResult] = {}
    await run_checks(checks, DoctorContext(request), told.__setitem__)
    assert list(told) == [check.name for check in checks]
    return Report(told)


@dataclass
class Surgery:
    """A venue, an operator's directory, and what sits between the two. `environ` overrides the venue's settings."""

    rig: Rig
    environ: dict[str, str] = field(default_factory=dict)
    wallets_file: Path | None = None

    def request(self, **changes: object) -> DoctorRequest:
        path = self.wallets_file or self.rig.directory / "wallets.csv"
        chosen: dict[str, object] = {"market": "ETH-USD", "state_root": self.rig.directory / "state", **changes}
        return DoctorRequest(
            directory=self.rig.directory,
            environ=self.environ,
            wallets_file=path,
            open_wallets=lambda: open_signer(WalletsSource(path))[0],
            **chosen,  # type: ignore[arg-type]  # whatever a test changes
        )

    async def look(self, node: Meddler | None = None, api: Meddler | None = None, **changes: object) -> Report:
        """Run all checks, optionally with something between the doctor and the node or the API."""
        async with AsyncExitStack() as stack:
            if node is not None:
                self.environ["RPC_URL"] = await stack.enter_async_context(node.between(self.rig.venue.rpc_url))
            if api is not None:
                self.environ["APP_URL"] = await stack.enter_async_context(api.between(self.rig.venue.app_url))
            return await examined(self.request(**changes))


@pytest.fixture
async def surgery(tmp_path: Path) -> AsyncIterator[Surgery]:
    async with rig_of(tmp_path) as rig:
        yield Surgery(rig)
