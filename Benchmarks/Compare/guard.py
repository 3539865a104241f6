"""The guarded column: the same token, limit and breaker in front of the upstream, in each proxy's own configuration.

What is asked of each: a JSON Web Token signed with ES256 is checked, its expiry too; requests of one address are
counted against a limit that is never reached; a breaker watches the upstream. One token comes with every request, as
with real clients. Sluice and Envoy may remember that they have verified it (Envoy: jwt_cache_config); HAProxy 2.6 has
no such memory and verifies it each time, which is most of its cost. nginx from Debian has no JWT, and Go's
ReverseProxy is no gateway: they are not in this column.
"""

import base64
import http.client
import json
import subprocess
import time

ISSUER = "https://issuer.example"
KEY_ID = "bench"
REQUESTS_A_SECOND_MAX = 1_000_000


class Guard:
    """A key, its public half as PEM and as a key set, and a token, in the site's folder."""

    def __init__(self, site):
        self.key = site.path("guard-key.pem")
        self.public = site.path("guard-public.pem")
        run = lambda *words: subprocess.run(words, check=True, capture_output=True).stdout  # noqa: E731
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.key)
        run("openssl", "ec", "-in", self.key, "-pubout", "-out", self.public)
        # The last 64 bytes of the public key in DER are the point's coordinates.
        point = run("openssl", "ec", "-in", self.key, "-pubout", "-outform", "DER")[-64:]
        keys = {"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": KEY_ID,
                          "x": _base64(point[:32]), "y": _base64(point[32:])}]}
        self.key_set = json.dumps(keys)
        self.key_set_file = site.write("guard-jwks.json", self.key_set)
        self.token = self.sign({"iss": ISSUER, "sub": "bench", "exp": int(time.time()) + 24 * 3600})
        self.expired = self.sign({"iss": ISSUER, "sub": "bench", "exp": int(time.time()) - 24 * 3600})

    def sign(self, claims):
        signed = _base64(json.dumps({"alg": "ES256", "kid": KEY_ID, "typ": "JWT"}).encode()) + "." + _base64(
            json.dumps(claims).encode())
        der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=signed.encode(), check=True,
                             capture_output=True).stdout
        return signed + "." + _base64(_integers(der))

    @property
    def header(self):
        return f"Authorization: Bearer {self.token}"

    def sluice_middlewares(self):
        """name -> definition, in one line of YAML."""
        return {
            "who": f"{{jwt: {{algorithms: [ES256], jwks: {{file: '{self.key_set_file}'}}, issuer: ['{ISSUER}']}}}}",
            "limit": f"{{rateLimit: {{average: {REQUESTS_A_SECOND_MAX}, burst: {REQUESTS_A_SECOND_MAX}}}}}",
            "breaker": "{circuitBreaker: {failureRatio: 0.5, minimumRequests: 10}}",
        }

    def haproxy(self, port):
        """A frontend, and the backend behind it but for its server line's address."""
        return f"""
frontend guarded
  bind 127.0.0.1:{port} backlog 4096
  stick-table type ip size 100k expire 10s store http_req_rate(1s)
  http-request track-sc0 src
  http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt {REQUESTS_A_SECOND_MAX} }}
  http-request set-var(txn.token) http_auth_bearer
  http-request set-var(txn.algorithm) http_auth_bearer,jwt_header_query('$.alg')
  http-request set-var(txn.issuer) http_auth_bearer,jwt_payload_query('$.iss')
  http-request set-var(txn.expiry) http_auth_bearer,jwt_payload_query('$.exp','int')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 unless {{ var(txn.algorithm) -m str ES256 }}
  http-request deny deny_status 401 unless {{ var(txn.issuer) -m str {ISSUER} }}
  http-request deny deny_status 401 unless {{ http_auth_bearer,jwt_verify(txn.algorithm,"{self.public}") 1 }}
  http-request deny deny_status 401 if {{ var(txn.expiry),sub(txn.now) lt 0 }}
  default_backend guarded
"""

    def envoy_filters(self, extensions):
        """The HTTP filters before the router, indented for the list they stand in."""
        keys = self.key_set.replace("'", "''")
        return f"""
            - name: envoy.filters.http.jwt_authn
              typed_config:
                "@type": {extensions}.filters.http.jwt_authn.v3.JwtAuthentication
                providers:
                  bench:
                    issuer: {ISSUER}
                    local_jwks: {{inline_string: '{keys}'}}
                    jwt_cache_config: {{jwt_cache_size: 100}}
                    forward: true
                rules: [{{match: {{prefix: "/"}}, requires: {{provider_name: bench}}}}]
            - name: envoy.filters.http.local_ratelimit
              typed_config:
                "@type": {extensions}.filters.http.local_ratelimit.v3.LocalRateLimit
                stat_prefix: limit
                token_bucket:
                  {{max_tokens: {REQUESTS_A_SECOND_MAX}, tokens_per_fill: {REQUESTS_A_SECOND_MAX}, fill_interval: 1s}}
                filter_enabled: {{default_value: {{numerator: 100, denominator: HUNDRED}}}}
                filter_enforced: {{default_value: {{numerator: 100, denominator: HUNDRED}}}}"""

    def envoy_cluster(self):
        """What makes a breaker of a cluster, indented for it."""
        return """
      circuit_breakers: {thresholds: [{max_connections: 1024, max_pending_requests: 1024, max_requests: 1024}]}
      outlier_detection: {consecutive_5xx: 5, interval: 1s, base_ejection_time: 10s}"""


def check_guard(peer, small):
    """Proves that the door is one: the list of what is wrong; empty when all is right."""
    guard = peer.site.guard
    other = guard.token[:-8] + ("A" if guard.token[-8] != "A" else "B") + guard.token[-7:]
    wrong = []
    try:
        # The token twice: the second time it may be remembered.
        for what, token, wanted in (("the token", guard.token, 200), ("no token", None, 401),
                                    ("the token again", guard.token, 200), ("an expired token", guard.expired, 401),
                                    ("a changed token", other, 401)):
            connection = http.client.HTTPConnection("127.0.0.1", peer.guarded_port, timeout=10)
            connection.request("GET", "/", headers={"Authorization": f"Bearer {token}"} if token else {})
            answer = connection.getresponse()
            length = len(answer.read())
            connection.close()
            if answer.status != wanted or (wanted == 200 and length != small):
                wrong.append(f"guarded, {what}: status {answer.status} with {length} bytes, not {wanted}")
    except (OSError, http.client.HTTPException) as error:
        wrong.append(f"guarded: {type(error).__name__} {error}")
    return wrong


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _integers(der):
    """The two numbers of an ECDSA signature in DER, each in 32 bytes, as RFC 7518 section 3.4 has them."""
    numbers, place = [], 2
    for _ in range(2):
        length = der[place + 1]
        numbers.append(der[place + 2:place + 2 + length].lstrip(b"\0").rjust(32, b"\0"))
        place += 2 + length
    return b"".join(numbers)


