"""The customers of the simulated shop: made-up persons, each a pure function of the seed and a number.

Names are common name parts put together by chance, mail addresses end in the example domains, and phone
numbers come from the ranges that numbering authorities keep for fiction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from typing import NamedTuple


class Name(NamedTuple):
    """A name part: as written, in kana (Japanese names only), and in Latin letters for addresses."""

    written: str
    kana: str
    latin: str


def _japanese(text: str) -> tuple[Name, ...]:
    return tuple(Name(*word.split("/")) for word in text.split())


def _latin(text: str) -> tuple[Name, ...]:
    return tuple(Name(word, "", word.lower()) for word in text.split())


FAMILIES_JA = _japanese(
    "佐藤/サトウ/sato 鈴木/スズキ/suzuki 高橋/タカハシ/takahashi 田中/タナカ/tanaka 伊藤/イトウ/ito "
    "渡辺/ワタナベ/watanabe 山本/ヤマモト/yamamoto 中村/ナカムラ/nakamura 小林/コバヤシ/kobayashi "
    "加藤/カトウ/kato 吉田/ヨシダ/yoshida 山田/ヤマダ/yamada 佐々木/ササキ/sasaki "
    "山口/ヤマグチ/yamaguchi 松本/マツモト/matsumoto 井上/イノウエ/inoue 木村/キムラ/kimura "
    "林/ハヤシ/hayashi 清水/シミズ/shimizu 森/モリ/mori 池田/イケダ/ikeda 橋本/ハシモト/hashimoto "
    "石川/イシカワ/ishikawa 前田/マエダ/maeda"
)
GIVEN_JA = _japanese(
    "花子/ハナコ/hanako 美咲/ミサキ/misaki 陽菜/ヒナ/hina 結衣/ユイ/yui 葵/アオイ/aoi 凛/リン/rin "
    "さくら/サクラ/sakura 七海/ナナミ/nanami 優花/ユウカ/yuka 真由美/マユミ/mayumi 恵子/ケイコ/keiko "
    "直子/ナオコ/naoko 太郎/タロウ/taro 健一/ケンイチ/kenichi 翔太/ショウタ/shota "
    "大輔/ダイスケ/daisuke 拓也/タクヤ/takuya 誠/マコト/makoto 蓮/レン/ren 悠真/ユウマ/yuma "
    "陸/リク/riku 隆/タカシ/takashi 浩/ヒロシ/hiroshi 学/マナブ/manabu"
)
FAMILIES_LATIN = _latin(
    "Martin Garcia Rossi Novak Schmidt Jansen Silva Kowalski Larsen Dubois Murphy Fischer Costa "
    "Weber Moreau Berg Walker Keller Lopez Conti Horvat Nilsen Petrov Laurent"
)
GIVEN_LATIN = _latin(
    "Anna Clara Elena Ines Julia Lea Maria Nina Sofia Laura Emma Sara Adam David Felix Hugo Jonas "
    "Leo Lucas Marco Max Oscar Paul Tom"
)
PLACES_JA = (
    ("150-0001", "東京都", "渋谷区"),
    ("104-0061", "東京都", "中央区"),
    ("220-0011", "神奈川県", "横浜市"),
    ("460-0008", "愛知県", "名古屋市"),
    ("530-0001", "大阪府", "大阪市"),
    ("600-8001", "京都府", "京都市"),
    ("650-0021", "兵庫県", "神戸市"),
    ("810-0001", "福岡県", "福岡市"),
)
PLACES_LATIN = (("75001", "FR", "Paris"), ("10115", "DE", "Berlin"), ("1011", "NL", "Amsterdam"))

# Kept for drama by the United Kingdom's regulator, a thousand numbers each; and 555-01xx of the North
# American plan, a hundred numbers in each area code.
_BRITISH = (
    "+447700900", "+442079460", "+441134960", "+441144960", "+441154960", "+441164960", "+441174960",
    "+441184960", "+441214960", "+441314960", "+441414960", "+441514960", "+441614960", "+441914980",
)  # fmt: skip
_AMERICAN = (
    202,
    206,
    212,
    213,
    214,
    215,
    216,
    301,
    303,
    305,
    310,
    312,
    313,
    314,
    404,
    408,
    415,
    502,
    503,
    504,
)
PHONES = 1000 * len(_BRITISH) + 100 * len(_AMERICAN)


def fictional_phone(number: int) -> str | None:
    """The E.164 phone of customer `number`; None beyond the numbers that there are."""
    if number < 1000 * len(_BRITISH):
        return f"{_BRITISH[number // 1000]}{number % 1000:03}"
    number -= 1000 * len(_BRITISH)
    return f"+1{_AMERICAN[number // 100]}55501{number % 100:02}" if number < 100 * len(_AMERICAN) else None


@dataclass(slots=True)
class Customer:
    """One person, and what the shop has seen of them so far in this simulation.

    `drop_out` is the chance to leave for good after a purchase, as in the BG/NBD model.
    """

    number: int
    user_id: str
    card: str
    email: str
    phone: str | None
    profile: dict[str, object]
    devices: tuple[str, ...]
    reads_mail: float
    shops_in_store: float
    drop_out: float
    registered: bool
    member: bool
    subscribed: bool
    gone: bool = False
    known_devices: set[str] = field(default_factory=set)


class Customers:
    """The pool: customers are made when first met, and met as often as their own rate says."""

    def __init__(self, seed: int, size: int) -> None:
        self._seed = seed
        rates = Random(f"{seed}:rates")
        # Gamma-distributed purchase rates: many buy seldom, a few very often.
        self._rates = list(accumulate(rates.gammavariate(0.8, 1.0) + 0.02 for _ in range(size)))
        self._met: dict[int, Customer] = {}

    def meet(self, rng: Random) -> Customer:
        """Somebody who has not left; after a few who have, one of them comes back."""
        for _ in range(6):
            number = rng.choices(range(len(self._rates)), cum_weights=self._rates)[0]
            customer = self._met.get(number) or self._met.setdefault(number, _made(self._seed, number))
            if not customer.gone:
                return customer
        customer.gone = False
        return customer


def _made(seed: int, number: int) -> Customer:
    rng = Random(f"{seed}:{number}")
    japanese = rng.random() < 0.7
    family = rng.choice(FAMILIES_JA if japanese else FAMILIES_LATIN)
    given = rng.choice(GIVEN_JA if japanese else GIVEN_LATIN)
    domain = "example.jp" if japanese else "example.com"
    email = f"{given.latin}.{family.latin}{number + 1}@{domain}"
    phone = fictional_phone(number) if rng.random() < 0.8 else None
    profile: dict[str, object] = {"family_name": family.written, "given_name": given.written}
    if japanese:
        profile |= {"family_name_kana": family.kana, "given_name_kana": given.kana}
    profile["email"] = email
    if phone:
        profile["phone"] = phone
    if rng.random() < 0.6:
        profile["birthday"] = f"{rng.randint(1945, 2007)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    profile["address"] = _address(rng, japanese)
    profile["language"] = "ja" if japanese else "en"
    profile["preferred_channel"] = rng.choice(("email", "email", "line", "post", "phone"))
    return Customer(
        number=number,
        user_id=f"C-{number + 1:05}",
        card=f"99{number + 1:08}",
        email=email,
        phone=phone,
        profile=profile,
        devices=tuple(f"{rng.getrandbits(64):016x}" for _ in range(rng.choice((1, 1, 2)))),
        reads_mail=rng.betavariate(1.2, 2.5),
        shops_in_store=rng.betavariate(0.8, 1.4),
        drop_out=rng.betavariate(1.0, 12.0),
        registered=rng.random() < 0.6,
        member=rng.random() < 0.7,
        subscribed=rng.random() < 0.6,
    )


def _address(rng: Random, japanese: bool) -> dict[str, object]:
    if japanese:
        postal_code, region, city = rng.choice(PLACES_JA)
        return {"postal_code": postal_code, "country": "JP", "region": region, "city": city}
    postal_code, country, city = rng.choice(PLACES_LATIN)
    return {"postal_code": postal_code, "country": country, "city": city}
