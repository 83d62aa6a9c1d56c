"""What the simulated shop sells, where, by whom, and what it writes to its customers about."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import NamedTuple


class Product(NamedTuple):
    """A product; `yen` is its price with tax, in yen."""

    product_id: str
    name: str
    category: str
    yen: int


def _products(text: str) -> tuple[Product, ...]:
    rows = (row.split(",") for row in text.strip().splitlines())
    return tuple(
        Product(f"P-{number}", name, category, int(yen))
        for number, (name, category, yen) in enumerate(rows, start=20)
    )


PRODUCTS = _products("""\
Linen shirt,shirts,6900
Oxford shirt,shirts,7900
Striped tee,shirts,3900
麻のシャツ,shirts,8800
Wide trousers,trousers,9800
Slim jeans,trousers,10800
Corduroy trousers,trousers,11800
Wool coat,coats,38800
Rain coat,coats,24800
ダウンジャケット,coats,29800
Canvas sneakers,shoes,8900
Leather boots,shoes,26800
Sandals,shoes,5900
Merino socks,socks,1500
Cotton socks,socks,700
Tote bag,bags,4800
Leather wallet,bags,12800
Silk scarf,accessories,9800
Straw hat,accessories,5400
Hair oil,hair care,3200
Shampoo,hair care,2400
ヘアマスク,hair care,2800
""")

MENU = (
    ("Cut", 5500, 45),
    ("Colour", 8800, 90),
    ("Perm", 11000, 120),
    ("Treatment", 4400, 30),
    ("ヘッドスパ", 6600, 40),
)
"""What the salon does: name, price in yen, minutes."""

PLANS = (("team", 120_000), ("business", 180_000), ("enterprise", 420_000))
"""What the sales team sells to companies: plan, yen a month."""


class Store(NamedTuple):
    store_id: str
    name: str
    region: str
    city: str
    till: str


STORES = (
    Store("ginza", "Ginza", "東京都", "中央区", "till-1"),
    Store("umeda", "Umeda", "大阪府", "大阪市", "till-2"),
)
SALON = "salon"


class Staff(NamedTuple):
    staff_id: str
    name: str
    role: str
    store_id: str | None


STAFF = (
    Staff("S-1", "Aoi Mori", "sales assistant", "ginza"),
    Staff("S-2", "Tom Berg", "sales assistant", "umeda"),
    Staff("S-3", "Rin Hayashi", "stylist", "ginza"),
    Staff("S-4", "Nina Costa", "stylist", "ginza"),
    Staff("S-8", "Yui Kimura", "support", None),
    Staff("S-9", "Leo Keller", "support", None),
    Staff("S-11", "Ken Ikeda", "account manager", None),
    Staff("S-12", "Sara Conti", "account manager", None),
)


def staff(rng: Random, role: str) -> str:
    """The id of somebody with that role."""
    return rng.choice([one.staff_id for one in STAFF if one.role == role])


CAMPAIGNS = (
    ("spring", "Spring collection", "New in: light shirts"),
    ("members", "Members' week", "会員様限定セール"),
    ("salon", "Salon offers", "Time for a new colour?"),
    ("basics", "Basics", "Socks for every day"),
)
"""Id, name and subject line of the mailings."""

COUPON = "WELCOME10"


@dataclass(frozen=True, slots=True)
class Prices:
    """Yen amounts in the currency of the shop, as text."""

    currency: str

    def amount(self, yen: int) -> Decimal:
        if self.currency == "JPY":
            return Decimal(yen)
        return (Decimal(yen) / 150).quantize(Decimal("0.01"))

    def text(self, yen: int) -> str:
        return str(self.amount(yen))


class Basket(NamedTuple):
    """Some products, and how many of each."""

    items: tuple[tuple[Product, int], ...]

    def total(self, prices: Prices) -> Decimal:
        return sum((prices.amount(product.yen) * pieces for product, pieces in self.items), Decimal(0))

    def lines(self, prices: Prices) -> list[dict[str, object]]:
        return [
            {
                "product_id": product.product_id,
                "name": product.name,
                "category": product.category,
                "quantity": pieces,
                "unit_price": prices.text(product.yen),
                "tax_rate": "0.1",
                "unit_cost": prices.text(product.yen * 2 // 5),
            }
            for product, pieces in self.items
        ]


def basket(rng: Random) -> Basket:
    """One to four different products, mostly one piece each."""
    chosen = rng.sample(PRODUCTS, rng.choice((1, 1, 1, 2, 2, 3, 4)))
    return Basket(tuple((product, rng.choice((1, 1, 1, 2, 3))) for product in chosen))
