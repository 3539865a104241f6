"""A gateway as a Python team writes it first: FastAPI, uvicorn and httpx, one process, one pool to one upstream.

    gateway.py --listen 127.0.0.1:8080 --upstream http://127.0.0.1:9000
"""

import argparse
from contextlib import asynccontextmanager

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response

# Fields of one connection end here (RFC 9110 section 7.6.1); lengths are set anew.
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
              "content-length", "content-encoding"}


def make_app(upstream, connections):
    @asynccontextmanager
    async def lifespan(app):
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=600)
        async with httpx.AsyncClient(base_url=upstream, limits=limits, timeout=30) as client:
            app.state.client = client
            yield

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    @app.api_route("/{path:path}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
    async def forward(request: Request, path: str):
        fields = [(name, value) for name, value in request.headers.items() if name not in HOP_BY_HOP]
        fields.append(("x-forwarded-for", request.client.host))
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        try:
            answer = await request.app.state.client.request(
                request.method, target, headers=fields, content=await request.body())
        except httpx.HTTPError:
            return Response(status_code=502)
        kept = {name: value for name, value in answer.headers.items() if name not in HOP_BY_HOP}
        return Response(answer.content, answer.status_code, kept)

    return app


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", default="127.0.0.1:8080")
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--connections", type=int, default=256, help="connections to the upstream")
    options = parser.parse_args()
    host, port = options.listen.rsplit(":", 1)
    uvicorn.run(make_app(options.upstream, options.connections), host=host, port=int(port), access_log=False,
                log_level="error", timeout_keep_alive=600, backlog=4096)


if __name__ == "__main__":
    main()
