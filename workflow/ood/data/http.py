"""What a web server answers, as far as a download needs it: the right file or a reason, and its bytes as they come."""

from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests import Response, Session

CHUNK = 1 << 20
TIMEOUTS = (10.0, 60.0)  # seconds to wait for a connection, and for the next byte
REDIRECTS = 5
TRANSIENT = {408, 429, 500, 502, 503, 504}


class Failed(Exception):
    """Why this source does not give the file. Another one may."""


class Interrupted(Failed):
    """A failure that another try may fix; ``wait``: the seconds that the server asks for before it."""

    def __init__(self, why: str, wait: float = 0):
        super().__init__(why)
        self.wait = wait


def _cause(error: BaseException) -> str:
    """The innermost reason: 'Connection refused', not the three exceptions that libraries put around it."""
    while error.__context__:
        error = error.__context__
    return str(error) or type(error).__name__


def get(session: Session, url: str, headers: dict[str, str]) -> Response:
    """The head of the answer. Redirects are followed, but https stays https, and http does not pass for it.

    Raises Interrupted when there is no answer, Failed when the redirects lead nowhere.
    """
    scheme = urlsplit(url).scheme
    for _ in range(REDIRECTS + 1):
        try:
            response = session.get(url, headers=headers, stream=True, timeout=TIMEOUTS, allow_redirects=False)
        except (requests.ConnectionError, requests.Timeout) as error:
            raise Interrupted(f"no answer: {_cause(error)}") from None
        except requests.RequestException as error:
            raise Failed(str(error)) from None
        target = session.get_redirect_target(response)
        if target is None:
            return response
        response.close()
        url = urljoin(url, target)
        if urlsplit(url).scheme != scheme:
            raise Failed(f"redirects to another scheme, {url}, which is not followed")
    raise Failed(f"redirects more than {REDIRECTS} times")


def _asked(response: Response) -> float:
    """Seconds after which the server wants to be asked again (Retry-After)."""
    try:
        return urllib3.Retry().get_retry_after(response.raw) or 0
    except urllib3.exceptions.InvalidHeader:
        return 0


def check(response: Response, size: int | None) -> None:
    """Refuse what cannot be a file of ``size`` bytes, before the first one is read. Raises Failed or Interrupted."""
    status = f"{response.status_code} {response.reason}"
    if response.status_code in TRANSIENT:
        raise Interrupted(status, wait=_asked(response))
    if response.status_code not in (200, 206):
        raise Failed(status)
    if response.headers.get("Content-Type", "").lower().startswith("text/html"):
        raise Failed("is a web page, not the file")
    if size is not None and total(response) not in (None, size):
        raise Failed(f"has {total(response)} bytes instead of {size}")


def version(response: Response) -> str:
    """What the server calls this version of the file, as If-Range takes it (no weak ETag); empty if it does not say."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")


def total(response: Response) -> int | None:
    """Bytes of the whole file, if the answer says so."""
    if response.status_code in (206, 416):
        said = response.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        said = response.headers.get("Content-Length", "")
    return int(said) if said.isdecimal() else None


def body(response: Response, most: int | None) -> Iterator[bytes]:
    """The bytes as sent (not decoded) and as soon as they come, so that none are lost when the connection breaks.

    Ends one byte after ``most``, for the caller to see that there are more. Raises Interrupted when it breaks.
    """
    left = None if most is None else most + 1
    while left != 0:
        try:
            chunk = response.raw.read1(CHUNK, decode_content=False)[:left]
        except urllib3.exceptions.HTTPError as error:
            raise Interrupted(f"broke off: {_cause(error)}") from None
        if not chunk:
            return
        left = None if left is None else left - len(chunk)
        yield chunk
