# SPDX-License-Identifier: Apache-2.0
#
# aiocoap_tcp.py - aiocoap as a peer in tests, over TCP on loopback.
#
#   get URI OUT           the body to OUT, in blocks of aiocoap's choice
#   post URI FILE         prints the answer's body
#   observe URI OUT N     the n-th state to OUT.n, until N have come
#   serve PORT FILE       /file is FILE; /up takes a PUT; /count counts, and is
#                         observable
#
# Prints a line for each answer: its code, and its length. Exit codes: 0 a 2.xx
# came, 1 another answer or none.
import asyncio
import os
import sys

import aiocoap
import aiocoap.resource as resource
from aiocoap.numbers import codes

SECONDS = 20


def say(*words):
    print(*words, flush=True)


def write(name, body):
    with open(name + ".part", "wb") as f:
        f.write(body)
    os.rename(name + ".part", name)  # whole, or not there


def read(name):
    with open(name, "rb") as f:
        return f.read()


async def transfer(code, uri, name):
    context = await aiocoap.Context.create_client_context(
        transports=["tcpclient"]
    )
    m = aiocoap.Message(code=code, uri=uri)
    if code == codes.POST:
        m.payload = read(name)
        m.opt.content_format = 60
    answer = await asyncio.wait_for(context.request(m).response, SECONDS)
    say(answer.code.dotted, len(answer.payload))
    if code == codes.GET:
        write(name, answer.payload)
    else:
        say(answer.payload.decode())
    await context.shutdown()
    return 0 if answer.code.is_successful() else 1


async def observe(uri, name, wanted):
    context = await aiocoap.Context.create_client_context(
        transports=["tcpclient"]
    )
    request = context.request(
        aiocoap.Message(code=codes.GET, uri=uri, observe=0)
    )
    answer = await asyncio.wait_for(request.response, SECONDS)
    states = request.observation.__aiter__()
    for n in range(1, wanted + 1):
        if n > 1:
            answer = await asyncio.wait_for(states.__anext__(), SECONDS)
        write("%s.%d" % (name, n), answer.payload)
        say("state", n, answer.code.dotted)
    request.observation.cancel()
    await context.shutdown()
    return 0


class File(resource.Resource):
    def __init__(self, name):
        super().__init__()
        self.name = name

    async def render_get(self, request):
        return aiocoap.Message(payload=read(self.name))


class Up(resource.Resource):
    async def render_put(self, request):
        write(sys.argv[3] + ".taken", request.payload)
        return aiocoap.Message(code=codes.CHANGED)


class Count(resource.ObservableResource):
    def __init__(self):
        super().__init__()
        self.count = 0

    def go_on(self):
        self.count += 1
        self.updated_state()
        asyncio.get_event_loop().call_later(0.3, self.go_on)

    async def render_get(self, request):
        return aiocoap.Message(payload=b"%d" % self.count)


async def serve(port, name):
    site = resource.Site()
    site.add_resource(["file"], File(name))
    site.add_resource(["up"], Up())
    count = Count()
    site.add_resource(["count"], count)
    await aiocoap.Context.create_server_context(
        site, bind=("127.0.0.1", port), transports=["tcpserver"]
    )
    count.go_on()
    say("listening", port)
    await asyncio.get_running_loop().create_future()


def main():
    verb, first, second = sys.argv[1:4]
    if verb == "serve":
        work = serve(int(first), second)
    elif verb == "observe":
        work = observe(first, second, int(sys.argv[4]))
    else:
        code = codes.GET if verb == "get" else codes.POST
        work = transfer(code, first, second)
    sys.exit(asyncio.run(work))


main()
