"""The sales team: companies, their deals from stage to stage, contracts, and the tasks in between."""

from __future__ import annotations

from .shop_goods import PLANS, staff
from .shop_people import FAMILIES_JA, FAMILIES_LATIN, GIVEN_JA
from .shop_story import AT_ONCE, Happening, Ids, Scene, Story

CRM = "crm"
STAGES = (("qualified", "0.2"), ("meeting", "0.4"), ("proposal", "0.6"), ("negotiation", "0.8"))
INDUSTRIES = ("hotels", "manufacturing", "retail", "logistics", "care homes")
REGIONS = ("東京都", "大阪府", "愛知県", "福岡県")
COMPANIES = 60


def company(scene: Scene) -> tuple[str, Happening]:
    """One of the companies, and what the sales system knows of it."""
    number = scene.rng.randrange(COMPANIES)
    name = (
        f"{FAMILIES_LATIN[number % 24].written} Works"
        if number % 2
        else f"{FAMILIES_JA[number % 24].written}商事"
    )
    company_id = f"K-{number + 1}"
    properties: dict[str, object] = {
        "company_id": company_id,
        "name": name,
        "industry": INDUSTRIES[number % 5],
        "employees": 20 + number * 17,
        "region": REGIONS[number % 4],
        "website": f"https://company{number + 1}.example.com",
        "owner": staff(scene.rng, "account manager"),
    }
    return company_id, Happening(AT_ONCE, CRM, "company.updated", {}, properties)


def deal(scene: Scene) -> Story:
    """A deal through its stages, to the contract or to the end."""
    rng, prices = scene.rng, scene.prices
    company_id, known = company(scene)
    yield known
    owner = staff(rng, "account manager")
    contact = rng.choice(GIVEN_JA).latin
    ids: Ids = {"email": f"{contact}@company{company_id[2:]}.example.com"}
    its: dict[str, object] = {"deal_id": scene.number("D"), "company_id": company_id}
    plan, monthly = rng.choice(PLANS)
    yearly = monthly * rng.randint(6, 24)
    created = its | {
        "name": f"{plan} plan",
        "pipeline": "new business",
        "stage": STAGES[0][0],
        "product": plan,
    }
    created |= {"amount": prices.text(yearly), "currency": prices.currency, "owner": owner}
    created |= {
        "close_date": scene.day(rng.randint(30, 120)),
        "probability": STAGES[0][1],
        "source": "web form",
    }
    yield Happening(scene.soon(30), CRM, "deal.created", ids, created)
    for stage, probability in STAGES[1:]:
        yield from _touch(scene, ids, its, owner)
        if scene.chance(0.15):
            yield Happening(scene.later(24), CRM, "deal.lost", {}, its | {"reason": "no budget"})
            return
        if stage == "meeting":
            role = rng.choice(("decision_maker", "champion"))
            yield Happening(scene.soon(60), CRM, "deal.contact_added", ids, its | {"role": role})
        moved = its | {"stage": stage, "probability": probability}
        yield Happening(scene.later(24 * 3), CRM, "deal.stage_changed", {}, moved)
        if scene.chance(0.2):
            yearly += monthly
            changed = its | {"amount": prices.text(yearly), "currency": prices.currency}
            yield Happening(scene.soon(90), CRM, "deal.amount_changed", {}, changed)
        if scene.chance(0.15):
            yield Happening(
                scene.soon(90), CRM, "deal.close_date_changed", {}, its | {"close_date": scene.day(60)}
            )
        if scene.chance(0.08):
            owner = staff(rng, "account manager")
            yield Happening(scene.later(5), CRM, "deal.owner_changed", {}, its | {"owner": owner})
    if scene.chance(0.35):
        yield Happening(scene.later(24 * 5), CRM, "deal.lost", {}, its | {"reason": "another offer"})
        return
    won = its | {"amount": prices.text(yearly), "currency": prices.currency}
    yield Happening(scene.later(24 * 5), CRM, "deal.won", {}, won)
    yield from _contract(scene, company_id, str(its["deal_id"]), plan, monthly)


def _touch(scene: Scene, ids: Ids, its: dict[str, object], owner: str) -> Story:
    """A call or a meeting, and the task that follows from it."""
    activity = its | {
        "activity_id": scene.number("AC"),
        "kind": scene.rng.choice(("call", "meeting", "note", "proposal", "business_card")),
        "subject": "Offer",
        "outcome": "send proposal",
        "duration_minutes": scene.rng.randint(5, 60),
        "staff_id": owner,
    }
    yield Happening(scene.later(24), CRM, "activity.logged", ids, activity)
    task = its | {"task_id": scene.number("TK")}
    due_at = scene.opening_hour(scene.rng.randint(1, 7)).isoformat()
    created = task | {"title": "Send the proposal", "due_at": due_at, "assignee": owner, "priority": "normal"}
    yield Happening(scene.soon(120), CRM, "task.created", {}, created)
    if scene.chance(0.2):
        due_at = scene.opening_hour(8).isoformat()
        yield Happening(scene.later(20), CRM, "task.updated", {}, task | {"due_at": due_at})
    if scene.chance(0.1):
        yield Happening(scene.later(24), CRM, "task.cancelled", {}, task | {"reason": "no longer needed"})
    else:
        yield Happening(scene.later(24), CRM, "task.completed", {}, task | {"outcome": "sent"})


def _contract(scene: Scene, company_id: str, deal_id: str, plan: str, monthly: int) -> Story:
    """What a won deal becomes; some grow, some are renewed, some end."""
    prices = scene.prices
    its: dict[str, object] = {"contract_id": scene.number("CT"), "company_id": company_id}
    signed = its | {"name": f"{plan} plan", "plan": plan, "amount": prices.text(monthly), "interval": "month"}
    signed |= {"currency": prices.currency, "starts_on": scene.day(7), "ends_on": scene.day(372)}
    yield Happening(
        scene.later(48), CRM, "contract.signed", {}, signed | {"auto_renew": True, "deal_id": deal_id}
    )
    if scene.chance(0.2):
        bigger = its | {"plan": "enterprise", "amount": prices.text(420_000)}
        yield Happening(scene.later(24 * 20), CRM, "contract.plan_changed", {}, bigger)
    if scene.chance(0.3):
        notice = its | {"ends_on": scene.day(60), "reason": "insourced"}
        yield Happening(scene.later(24 * 15), CRM, "contract.notice_given", {}, notice)
        ended = its | {"ended_on": scene.day(60), "reason": "insourced"}
        yield Happening(scene.later(24 * 60), CRM, "contract.ended", {}, ended)
    elif scene.chance(0.5):
        renewed = its | {"ends_on": scene.day(737), "amount": prices.text(monthly + 5_000)}
        yield Happening(scene.later(24 * 30), CRM, "contract.renewed", {}, renewed)
