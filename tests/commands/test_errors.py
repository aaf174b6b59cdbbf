"""What a command says when it cannot do its work."""

from realtime.commands.errors import CommandError


def test_an_error_carries_its_exit_status():
    assert CommandError("no such thing").status == 1
    assert CommandError("wrong option", status=2).status == 2
    assert str(CommandError("no such thing")) == "no such thing"
