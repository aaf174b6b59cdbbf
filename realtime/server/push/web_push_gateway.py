"""Web Push (RFC 8030), encrypted for the browser (RFC 8291) and signed with VAPID (RFC 8292)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from realtime.server.push.gateway import Outcome, Parcel, Push, Rejected, TryAgain
from realtime.server.push.http_outcome import outcome_of
from realtime.utils.ambient import wall_time_s

if TYPE_CHECKING:
    import httpx

MOST_BYTES = 3993
"""RFC 8291, 4: what fits into the 4096 bytes that every push service takes, encrypted."""

SIGNED_FOR_S = 12 * 3600
"""RFC 8292, 2 allows a day; half of it leaves room for clocks that are wrong."""

_MOST_SIGNED = 1000  # push services; there are about five


class _Keys(msgspec.Struct):
    p256dh: Annotated[str, Meta(min_length=86, max_length=88)]  # 65 bytes in base 64
    auth: Annotated[str, Meta(min_length=22, max_length=24)]  # 16 bytes


class _Subscription(msgspec.Struct):
    endpoint: Annotated[str, Meta(min_length=9, max_length=2048)]
    keys: _Keys


def is_public(endpoint: str) -> bool:
    """Whether an endpoint may be a push service's: https, by a public name. A subscription comes from a client."""
    try:
        url = urlsplit(endpoint)
        host, _ = url.hostname or "", url.port
    except ValueError:
        return False
    _, dot, last = host.rpartition(".")  # a last part of digits makes an address, even of 127.1
    is_name = bool(dot) and last[:1].isalpha() and last not in ("local", "localhost", "internal")
    return url.scheme == "https" and is_name and url.username is None


class WebPushGateway:
    """Sends to browsers. Needs ``httpx`` and ``pywebpush``: the extra ``server``.

    Args:
        private_key: the VAPID key, as PEM or as base 64 of its DER form; it stays the same as long as subscriptions do.
        subject: whom a push service may write to: ``mailto:…`` or ``https://…``.
        allow: tells whether an endpoint may be asked.
        timeout_s: for one request.
        concurrency: requests at the same time.
        client: instead of one of its own; you must close it.

    Attributes:
        public_key: what the page passes to ``pushManager.subscribe`` as ``applicationServerKey``.
    """

    max_batch = 100
    receipts_after_s, max_receipts = 0.0, 1
    can_withdraw = False  # a browser must show something for each push

    def __init__(
        self,
        private_key: str,
        *,
        subject: str,
        allow: Callable[[str], bool] = is_public,
        timeout_s: float = 10.0,
        concurrency: int = 20,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        from cryptography.hazmat.primitives import serialization
        from py_vapid import Vapid02

        is_pem = private_key.lstrip().startswith("-----")
        self._vapid: Any = (
            Vapid02.from_pem(private_key.encode()) if is_pem else Vapid02.from_string(private_key=private_key)
        )
        encoding, form = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        self.public_key = _base64(self._vapid.public_key.public_bytes(encoding, form))
        self._subject = subject
        self._allow = allow
        self._timeout_s = timeout_s
        self._places = asyncio.Semaphore(concurrency)
        self._given, self._client = client, client
        self._signed: dict[str, tuple[dict[str, str], float]] = {}

    def check(self, token: str) -> str | None:
        """See :class:`~realtime.server.push.gateway.Gateway`."""
        try:
            subscription = msgspec.json.decode(token, type=_Subscription)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            return f"a web token is the browser's subscription, as JSON: {error}"
        try:
            _receiver(subscription)
        except ValueError as error:
            return f"the subscription's p256dh or auth is no key: {error}"
        return None if self._allow(subscription.endpoint) else "the subscription's endpoint is no public https address"

    async def send(self, batch: Sequence[Parcel]) -> list[Outcome]:
        """See :class:`~realtime.server.push.gateway.Gateway`."""
        return list(await asyncio.gather(*map(self._send, batch)))

    async def receipts(self, tickets: Sequence[str]) -> dict[str, Outcome]:
        """See :class:`~realtime.server.push.gateway.Gateway`; it gives no tickets."""
        return {}

    async def close(self) -> None:
        """See :class:`~realtime.server.push.gateway.Gateway`."""
        if self._client is not None and self._given is None:
            client, self._client = self._client, None
            await client.aclose()

    async def _send(self, parcel: Parcel) -> Outcome:
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(timeout=self._timeout_s, follow_redirects=False)
        try:
            subscription = msgspec.json.decode(parcel.token.token, type=_Subscription)
            body = _receiver(subscription).encode(fitted(parcel.push, MOST_BYTES))["body"]
        except ValueError as error:  # one that was registered with another version
            return Rejected(f"the subscription cannot be used: {type(error).__name__}")
        endpoint = subscription.endpoint
        headers = {**self._headers(parcel.push), **self._signature(endpoint)}
        async with self._places:
            try:
                response = await self._client.post(endpoint, content=body, headers=headers)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                return TryAgain(type(error).__name__)
        return outcome_of(response, now_s=wall_time_s())

    @staticmethod
    def _headers(push: Push) -> dict[str, str]:
        headers = {
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(int(push.ttl_s)),
            "Urgency": "high" if push.is_urgent else "normal",
        }
        if push.collapse_key is not None:  # 32 characters at most, and not the room's name: the service sees it
            headers["Topic"] = _base64(hashlib.sha256(push.collapse_key.encode()).digest())[:32]
        return headers

    def _signature(self, endpoint: str) -> dict[str, str]:
        """Signing costs a millisecond, and holds for all of a push service's subscriptions."""
        url, now_s = urlsplit(endpoint), wall_time_s()
        origin = f"{url.scheme}://{url.netloc}"
        signed = self._signed.get(origin)
        if signed is None or not SIGNED_FOR_S / 2 <= signed[1] - now_s <= SIGNED_FOR_S:
            if len(self._signed) >= _MOST_SIGNED:
                self._signed.clear()
            expires = now_s + SIGNED_FOR_S
            headers = self._vapid.sign({"sub": self._subject, "aud": origin, "exp": int(expires)})
            signed = self._signed[origin] = headers, expires
        return signed[0]


def _receiver(subscription: _Subscription) -> Any:
    """What encrypts for a subscription.

    Raises:
        ValueError: its keys are none.
    """
    from cryptography.hazmat.primitives.asymmetric import ec
    from pywebpush import WebPusher, WebPushException

    try:
        pusher = WebPusher(msgspec.to_builtins(subscription))
    except WebPushException as error:
        raise ValueError(str(error)) from error
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), pusher.receiver_key)
    if len(pusher.auth_key) != 16:
        raise ValueError("auth has 16 bytes")
    return pusher


def fitted(push: Push, most_bytes: int) -> bytes:
    """A push as JSON; what is too long loses the ids of its oldest messages first, then the end of its text."""
    wire = push.to_wire()
    encoded = msgspec.json.encode(wire)
    while len(encoded) > most_bytes and (ids := wire.get("data", {}).get("messageIds")):
        wire["data"] = {**wire["data"], "messageIds": ids[len(ids) // 2 + 1 :]}
        encoded = msgspec.json.encode(wire)
    if len(encoded) > most_bytes and (body := wire.get("body")):
        room = max(0, len(msgspec.json.encode(body)) - (len(encoded) - most_bytes))
        wire["body"] = body.encode()[: room // 2].decode(errors="ignore")
        encoded = msgspec.json.encode(wire)
    return encoded


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
