"""Data and notebooks are found beside the packages."""

import pytest

from realtime.utils.share import share_path


def test_data_and_notebooks_are_found():
    assert (share_path("data")).is_dir()
    assert (share_path("notebooks")).is_dir()


def test_a_missing_folder_says_what_to_do():
    with pytest.raises(FileNotFoundError, match="reinstall realtime-lab"):
        share_path("no-such-folder")
