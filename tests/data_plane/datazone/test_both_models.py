"""Answers of DataZone fit both models that clients have: AWS's public one, and the one bundled in `sagemaker_studio`.

Every plane of our tests checks each of its answers against the public model (required members, unions with exactly one
member: `wire/answers.py`). Here the two models are compared, so that what fits the one fits the other.
"""

from collections.abc import Iterator

from botocore.model import Shape

from tests.data_plane.wire.test_bundled_models import bundled_model, client_model, served

# What only the bundled model requires, and why an answer may lack it: its clients read nothing of it.
MORE = {
    ("AthenaPropertiesOutput", "workgroupName"): "an Athena connection is made with its work group or not at all",
    ("GetDomainUnitOutput", "ancestorDomainUnitIds"): "internal: the public model has no such member",
    ("UpdateDomainUnitOutput", "ancestorDomainUnitIds"): "internal: the public model has no such member",
    ("ProjectMember", "type"): "internal: the public model has no such member",
    ("SnowflakePropertiesOutput", "policySync"): "internal: the public model has no such member",
}


def pairs(bundled: Shape, public: Shape, seen: set[tuple[str, str]]) -> Iterator[tuple[Shape, Shape]]:
    """The structures that both models have at the same place of an answer."""
    assert bundled.type_name == public.type_name, (bundled.name, public.name)
    if bundled.type_name == "list":
        yield from pairs(bundled.member, public.member, seen)
    elif bundled.type_name == "map":
        yield from pairs(bundled.value, public.value, seen)
    elif bundled.type_name == "structure" and (bundled.name, public.name) not in seen:
        seen.add((bundled.name, public.name))
        yield bundled, public
        for name in bundled.members.keys() & public.members.keys():
            yield from pairs(bundled.members[name], public.members[name], seen)


def answers() -> list[tuple[Shape, Shape]]:
    """Both models' shapes of all that served operations answer."""
    public, bundled, found = client_model("datazone"), bundled_model("datazone"), []
    seen: set[tuple[str, str]] = set()
    for operation in served("datazone"):
        if operation in public.operation_names:
            shapes = [model.operation_model(operation).output_shape for model in (bundled, public)]
            if None not in shapes:
                found += pairs(shapes[0], shapes[1], seen)
    return found


def test_what_the_bundled_model_requires_the_public_one_does_too_but_for_what_is_known() -> None:
    more = {
        (bundled.name, member)
        for bundled, public in answers()
        for member in set(bundled.required_members) - set(public.required_members)
    }
    assert more == set(MORE)


def test_unions_of_both_models_are_the_same_and_hold_what_is_answered() -> None:
    unions = [(b, p) for b, p in answers() if b.is_tagged_union or p.is_tagged_union]
    assert [(b.name, p.name) for b, p in unions if not (b.is_tagged_union and p.is_tagged_union)] == []
    more = [(b.name, set(p.members) - set(b.members)) for b, p in unions if set(p.members) - set(b.members)]
    assert more == [("SourceLocation", {"s3Files"})]  # of notebooks, which the library only reads parameters of
    assert len(unions) > 15
