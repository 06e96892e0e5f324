"""The command line: what cannot start says so in one line."""

import socket

import pytest

from app.__main__ import main
from tests.app.conftest import photos


def test_what_cannot_start_says_so_in_one_line(tmp_path, network):
    with pytest.raises(SystemExit, match=r"app: gone: no such folder; name folders of pictures: make app FOLDERS="):
        main(["gone"])
    photos(tmp_path / "a")
    with pytest.raises(SystemExit, match=r"app: .*params.json: paints no texture; name a folder of train_san_pg"):
        main([str(tmp_path / "a"), "--model", str(network), "--texture", str(network), "--port", "0"])
    with pytest.raises(SystemExit, match=r"app: .*params.json"):
        main([str(tmp_path / "a"), "--model", str(tmp_path), "--port", "0"])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with pytest.raises(SystemExit, match=f"app: port {port}: .*name another: make app PORT="):
            main([str(tmp_path / "a"), "--model", str(network), "--port", port])
