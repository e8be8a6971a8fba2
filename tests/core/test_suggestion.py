from __future__ import annotations

from zmodel.core.suggestion import suggestion


def test_the_nearest_names_come_first_and_the_list_is_bounded():
    assert suggestion("zlayer", ["deep", "zlayers"]).endswith("There are: zlayers, deep.")
    assert "zlayers?" in suggestion("zlayer", ["deep", "zlayers"])
    assert suggestion("x", []) == "there are: none."
    many = suggestion("x", [f"name{i}" for i in range(30)])
    assert many.count("name") == 20 and "30 in all" in many
