"""What differs between what is and what is wanted."""

from twinplane.foundation.changes import differences


def test_members_that_are_not_wanted_may_be_anything() -> None:
    assert differences({"Name": "a", "CreatedAt": 7}, {"Name": "a"}) == ()


def test_a_difference_names_its_member() -> None:
    found = differences({"tags": {"stage": "dev"}, "list": [1, 2]}, {"tags": {"stage": "prod"}, "list": [1, 3]})
    assert [str(one) for one in found] == ["tags.stage: 'dev' -> 'prod'", "list[1]: 2 -> 3"]


def test_lists_of_other_length_differ_as_a_whole() -> None:
    assert [one.member for one in differences({"regions": ["a"]}, {"regions": ["a", "b"]})] == ["regions"]
