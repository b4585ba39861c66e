"""An S3 store as tests see it: requests signed (Signature Version 4) by other code than ours."""

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import httpx


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Store:
    """Path style, in the region us-east-1."""

    def __init__(self, url, key, secret):
        self.url, self.key, self.secret = url, key, secret
        self.client = httpx.Client(timeout=60, limits=httpx.Limits(max_connections=8))

    def __call__(self, method, path, body=b"", query=None, headers=None):
        """The answer to one request; the path begins with the bucket and is as it is, not encoded."""
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{moment[:8]}/us-east-1/s3/aws4_request"
        path = "/" + quote(path.lstrip("/"), safe="/~")
        pairs = sorted((quote(name, safe="~"), quote(str(value), safe="~")) for name, value in (query or {}).items())
        query = "&".join(f"{name}={value}" for name, value in pairs)
        signed = {
            "host": urlsplit(self.url).netloc,
            "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
            "x-amz-date": moment,
        }
        names = ";".join(signed)
        lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
        request = "\n".join([method, path, query, lines, names, signed["x-amz-content-sha256"]])
        text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()])
        key = f"AWS4{self.secret}".encode()
        for part in scope.split("/"):
            key = sign(key, part)
        signed["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.key}/{scope},SignedHeaders={names},Signature={sign(key, text).hex()}"
        )
        url = self.url + path + (f"?{query}" if query else "")
        return self.client.request(method, url, content=body, headers={**signed, **(headers or {})})
