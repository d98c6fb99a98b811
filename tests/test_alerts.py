"""Both routers tell of shares that leave their bands, and count on one account."""

from __future__ import annotations

from pathlib import Path

import pytest

from globalapi_core.drift import Alert
from globalapi_core.hooks import on_alert
from globalapi_core.sandbox import Sandbox

pytest.importorskip("langchain_core")
pytest.importorskip("llama_index.core")

FILE = """
alerts: {shares: {glm-5: [0, 0.2]}, window: 20}
routes:
  - {name: chinese, when: {language: zh}, candidates: glm-5}
  - {name: rest, candidates: deepseek-v4-flash}
"""


def test_calls_of_both_routers_count_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten calls of each are the window of twenty; an alert comes by the call that tells it."""
    from langchain_globalapi import RouterRunnable
    from llamaindex_globalapi import GlobalAPIRouter

    file = tmp_path / "c.yaml"
    file.write_text(FILE, "utf-8")
    alerts: list[Alert] = []
    with Sandbox() as sandbox:
        monkeypatch.setenv("GLOBAL_API_BASE_URL", sandbox.base_url)
        chain, engine = RouterRunnable(config=str(file)), GlobalAPIRouter(config=str(file))
        remove = on_alert(alerts.append)
        for _ in range(9):
            chain.invoke("退款怎么办？")
            engine.complete("退款怎么办？")
        chain.invoke("退款怎么办？")
        before = list(alerts)
        list(engine.stream_complete("退款怎么办？"))
        remove()

    assert before == []
    assert [(each.model, each.share, each.is_back) for each in alerts] == [("glm-5", 1.0, False)]
