"""Expo's push service, as React Native apps use it: one HTTP API before APNs and FCM."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from realtime.server.push.gateway import Delivered, Gone, Outcome, Parcel, Push, Rejected, TryAgain
from realtime.server.push.http_outcome import outcome_of
from realtime.utils.ambient import wall_time_s

if TYPE_CHECKING:
    import httpx

# https://docs.expo.dev/push-notifications/sending-notifications/: 100 messages in a request, 1000 receipts, which are
# there after 15 minutes at the latest, and for a day.
CHUNK = 100
RECEIPTS = 1000
RECEIPTS_AFTER_S = 900.0

# One message that is too large, or a token of another project, and Expo takes none of a request.
_FOR_ONE = ("status 400", "status 413")

_TOKEN = re.compile(r"Expo(nent)?PushToken\[[^\]\s]+\]")


class _Details(msgspec.Struct):
    error: str = ""


class _Verdict(msgspec.Struct):
    """A ticket, or a receipt."""

    status: str
    id: str = ""
    details: _Details = msgspec.field(default_factory=_Details)


class _Tickets(msgspec.Struct):
    data: list[_Verdict]


class _Receipts(msgspec.Struct):
    data: dict[str, _Verdict]


class ExpoGateway:
    """Sends by Expo's HTTP API. Needs ``httpx``: the extra ``server``.

    Args:
        url: of the service.
        access_token: of the Expo account, where it asks for one.
        receipts_after_s: when it is asked what Apple and Google made of a push.
        timeout_s: for one request.
        client: instead of one of its own; you must close it.
    """

    max_batch = CHUNK
    max_receipts = RECEIPTS
    can_withdraw = True

    def __init__(
        self,
        *,
        url: str = "https://exp.host",
        access_token: str | None = None,
        receipts_after_s: float = RECEIPTS_AFTER_S,
        timeout_s: float = 20.0,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self._url = url.rstrip("/") + "/--/api/v2/push/"
        self._headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if access_token is not None:
            self._headers["Authorization"] = f"Bearer {access_token}"
        self.receipts_after_s = receipts_after_s
        self._timeout_s = timeout_s
        self._given, self._client = client, client

    def check(self, token: str) -> str | None:
        """See :class:`~realtime.server.push.gateway.Gateway`."""
        return None if _TOKEN.fullmatch(token) else "an Expo token looks like ExponentPushToken[…]"

    async def send(self, batch: Sequence[Parcel]) -> list[Outcome]:
        """See :class:`~realtime.server.push.gateway.Gateway`."""
        answer = await self._post("send", [_message(parcel) for parcel in batch])
        if isinstance(answer, Rejected) and answer.reason in _FOR_ONE and len(batch) > 1:
            half = len(batch) // 2
            return [*await self.send(batch[:half]), *await self.send(batch[half:])]
        if not isinstance(answer, bytes):
            return [answer] * len(batch)
        try:
            tickets = msgspec.json.decode(answer, type=_Tickets).data
        except (msgspec.DecodeError, msgspec.ValidationError):
            tickets = []
        if len(tickets) != len(batch):
            return [TryAgain("the answer was not understood")] * len(batch)
        return [_meaning(ticket) for ticket in tickets]

    async def receipts(self, tickets: Sequence[str]) -> dict[str, Outcome]:
        """See :class:`~realtime.server.push.gateway.Gateway`."""
        answer = await self._post("getReceipts", {"ids": list(tickets)})
        if not isinstance(answer, bytes):
            return {}
        try:
            verdicts = msgspec.json.decode(answer, type=_Receipts).data
        except (msgspec.DecodeError, msgspec.ValidationError):
            return {}
        return {ticket: _meaning(verdict) for ticket, verdict in verdicts.items()}

    async def close(self) -> None:
        """See :class:`~realtime.server.push.gateway.Gateway`."""
        if self._client is not None and self._given is None:
            client, self._client = self._client, None
            await client.aclose()

    async def _post(self, what: str, payload: Any) -> bytes | Outcome:
        """The answer's body, or what its failure means."""
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(timeout=self._timeout_s, follow_redirects=False)
        try:
            body = msgspec.json.encode(payload)
            response = await self._client.post(self._url + what, content=body, headers=self._headers)
        except httpx.TransportError as error:
            return TryAgain(type(error).__name__)
        outcome = outcome_of(response, now_s=wall_time_s())
        if isinstance(outcome, Gone):  # of the address, not of a token
            return Rejected(outcome.reason)
        return response.content if isinstance(outcome, Delivered) else outcome


def _message(parcel: Parcel) -> dict[str, Any]:
    push, token = parcel
    message: dict[str, Any] = {"to": token.token, "ttl": int(push.ttl_s)}
    if push.withdraws:
        return message | {"data": push.to_wire(), "_contentAvailable": True}
    message |= {"title": push.title, "body": push.body, "data": _data(push), "sound": "default"}
    return message | {"priority": "high" if push.is_urgent else "default"}


def _data(push: Push) -> dict[str, Any]:
    """All but what the system shows: the app gets nothing else."""
    wire = push.to_wire()
    return {**wire["data"], **{name: value for name, value in wire.items() if name not in ("title", "body", "data")}}


def _meaning(verdict: _Verdict) -> Outcome:
    if verdict.status == "ok":
        return Delivered(verdict.id or None)
    error = verdict.details.error or "an error without a name"
    if error == "DeviceNotRegistered":
        return Gone(error)
    return TryAgain(error) if error == "MessageRateExceeded" else Rejected(error)
