"""The route of the look-up: one profile by an identifier, whole or what the token declares of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, StringConstraints

from kizuna.processors.access import Access
from kizuna.projections.profiles import read_profile
from kizuna.schemas import identifiers
from kizuna.schemas.definitions import Token
from kizuna.schemas.disclosure import disclose
from kizuna.schemas.identifiers import COMPANY, subject_id

from .answers import Json, answer, standing
from .auth import require
from .errors import ApiError, not_found
from .examples import refusals
from .profiles import HINT
from .shapes import DisclosedAnswer, ProfileAnswer
from .snapshots import Snapshots


class Lookup(BaseModel):
    """An identifier, as it was sent: it is brought into normal form. The kind `company` finds companies."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"kind": "user_id", "value": "C-1042"}]}
    )

    kind: str
    value: Annotated[str, StringConstraints(max_length=1_000)]


def router(snapshots: Snapshots, workspace_key: str, access: Access) -> APIRouter:
    routes = APIRouter(prefix="/api", tags=["profiles"])
    holder = Depends(require(access, "lookup"))

    @routes.post("/profiles/lookup", response_model=ProfileAnswer | DisclosedAnswer, responses=refusals(404))
    def look_up_profile(lookup: Lookup, token: Token = holder) -> Json:
        """The profile of an identifier. Identifiers stay out of addresses, so this is a POST.

        A token of scope `lookup` may ask this and nothing else. It is answered the fields that it declares,
        in their places in the whole answer; no position, and no time unless it declares `as_of`."""
        if not identifiers.is_person_kind(lookup.kind) and lookup.kind != COMPANY:
            known = ", ".join((*identifiers.KINDS, "x_<system>", COMPANY))
            raise ApiError(422, "body.kind: there is no such kind of identifier.", hint=f"Use {known}.")
        try:
            value = identifiers.normalise(lookup.kind, lookup.value)
        except ValueError as error:
            raise ApiError(422, f"body.value: {error}.") from None
        with snapshots.open() as snapshot:
            found = read_profile(
                snapshot.cursor, snapshot.plan, subject_id(workspace_key, lookup.kind, value)
            )
            if found is None:
                raise not_found("profile", snapshot.cut, HINT)
            if token.scope == "lookup":
                whole = {**found, **standing(snapshot.cut)}
                return Json(disclose(whole, token.fields), headers={"cache-control": "no-store"})
            return answer(snapshot.cut, {**found})

    return routes
