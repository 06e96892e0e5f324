"""The pipeline's door in a terminal, where it needs no server."""

import pytest

from flows import run


def test_workers_need_a_server(monkeypatch, capsys):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(SystemExit) as ended:
        run.main(["report", "--workers"])
    assert ended.value.code == 2
    assert "Set PREFECT_API_URL" in capsys.readouterr().err


def test_help_says_what_the_flags_do(capsys):
    with pytest.raises(SystemExit):
        run.main(["--help"])
    told = capsys.readouterr().out
    assert all(flag in told for flag in ("targets", "--set", "--force", "--pull", "--workers"))
