"""What an object store's libraries raise, told as one clear error without any credentials."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from packager.errors import PackagerError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.spec.object_url import ObjectUrl

PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs"}

_KEY = "repository.path"
_FOREIGN = frozenset(
    {"botocore", "aiobotocore", "aiohttp", "s3fs", "gcsfs", "google", "adlfs", "azure", "fsspec"}
)
_NO_CREDENTIALS = frozenset(
    {
        "ClientAuthenticationError",
        "CredentialRetrievalError",
        "DefaultCredentialsError",
        "NoCredentialsError",
        "PartialCredentialsError",
        "TokenRetrievalError",
    }
)
_UNREACHABLE = frozenset(
    {
        "ClientConnectionError",
        "ConnectionError",
        "HTTPClientError",
        "ServiceRequestError",
        "TimeoutError",
    }
)


@contextlib.contextmanager
def reported(url: ObjectUrl) -> Iterator[None]:
    """Turn what goes wrong with an object store into one clear error.

    What the libraries say is not repeated: it has the endpoint's URL, which may hold a password.

    Raises:
        UnavailableError: instead of whatever the store's libraries raise.
    """
    try:
        yield
    except PackagerError:
        raise
    except Exception as error:
        told = _told(error, url)
        if told is None:
            raise
        raise UnavailableError(told[0], where=_KEY, remedy=told[1]) from error


def _told(error: Exception, url: ObjectUrl) -> tuple[str, str] | None:
    """Return problem and remedy; None where the error is not the store's."""
    names = {kind.__name__ for kind in type(error).__mro__}
    kinds = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    package = PACKAGES[url.scheme]
    access = "check the credentials, and their rights to list, read, write and delete there"
    given = "give them as the store's own tools take them: for s3 a profile, or AWS_ACCESS_KEY_ID"
    told = [
        (
            isinstance(error, ImportError),
            f"{url.scheme}:// needs the package {package}",
            f"pip install 'packager[{url.scheme}]'",
        ),
        (
            bool(names & _NO_CREDENTIALS),
            f"there are no credentials for {url}",
            f"{given} and AWS_SECRET_ACCESS_KEY",
        ),
        (
            bool(names & _UNREACHABLE),
            f"the store of {url} cannot be reached",
            "check the network, and the endpoint: for s3 AWS_ENDPOINT_URL",
        ),
        (isinstance(error, PermissionError), f"the store refuses access to {url}", access),
        (
            isinstance(error, FileNotFoundError),
            f"there is no bucket '{url.bucket}', or an object was removed meanwhile",
            "correct the name, or create the bucket with the store's own tools",
        ),
        (
            isinstance(error, OSError) or bool(kinds & _FOREIGN),
            f"the store of {url} fails ({_code(error)})",
            "try again; debug=true shows more",
        ),
    ]
    return next(((problem, remedy) for applies, problem, remedy in told if applies), None)


def _code(error: Exception) -> str:
    """Return the code of the store's own error, or else the exception's name."""
    answer = getattr(error.__cause__, "response", None) or getattr(error, "response", None)
    told = answer.get("Error", {}).get("Code") if isinstance(answer, dict) else None
    return str(told or type(error).__name__)
