# SPDX-License-Identifier: Apache-2.0
#
# aiocoap_peer.py - aiocoap as a peer in tests, over UDP on loopback.
#
#   get URI OUT         the body to OUT
#   put URI FILE        the body from FILE; the answer's to FILE.answer
#   post URI FILE       the same
#   observe URI OUT     the n-th state to OUT.n, until COUNT have come
#   serve FOLDER        a server; see Site
#
# Flags before these words: -b SZX the largest block, 0 to 6; -f NUMBER the
# Content-Format of a payload; -n COUNT of states; -a a number in Accept.
#
# Prints a line for each answer: its code, its length, and its ETag ("-": none),
# "challenged" first when it had to repeat an Echo; for observe "state N" before
# them. Exit codes: 0 a 2.xx came, 1 another answer or none.
import asyncio
import getopt
import os
import sys

import aiocoap
import aiocoap.resource as resource
from aiocoap import error
from aiocoap.numbers import codes
from aiocoap.optiontypes import BlockOption

SECONDS = 150  # a busy machine, and disks that take their time


def say(*words):
    print(*words, flush=True)


def write(name, body):
    with open(name + ".part", "wb") as f:
        f.write(body)
    os.rename(name + ".part", name)  # whole, or not there


def read(name):
    with open(name, "rb") as f:
        return f.read()


# ---- client ------------------------------------------------------------------


def line(answer):
    etags = [o.value.hex() for o in answer.opt._options.get(4, [])]
    return "%s %d %s" % (
        answer.code.dotted,
        len(answer.payload),
        etags[0] if etags else "-",
    )


async def message(context, code, uri, flags, **more):
    m = aiocoap.Message(code=code, uri=uri, **more)
    if "-f" in flags:
        m.opt.content_format = int(flags["-f"])
    if "-a" in flags:
        m.opt.accept = int(flags["-a"])
    if "-b" in flags:
        await context.find_remote_and_interface(m)
        m.remote.maximum_block_size_exp = int(flags["-b"])
        if code == codes.GET:
            m.opt.block2 = BlockOption.BlockwiseTuple(0, 0, int(flags["-b"]))
    return m


async def exchange(context, code, uri, flags, **more):
    """Sends a request, and once more with the Echo when it is challenged."""
    echo = None
    while True:
        m = await message(context, code, uri, flags, **more)
        if echo is not None:
            m.opt.echo = echo
        request = context.request(m)
        answer = await asyncio.wait_for(request.response, SECONDS)
        if answer.code != codes.UNAUTHORIZED or answer.opt.echo is None or echo:
            return request, answer
        echo = answer.opt.echo
        say("challenged")


async def transfer(code, uri, name, flags):
    context = await aiocoap.Context.create_client_context(transports=["simple6"])
    try:
        payload = b"" if code == codes.GET else read(name)
        _, answer = await exchange(context, code, uri, flags, payload=payload)
        write(name if code == codes.GET else name + ".answer", answer.payload)
        say(line(answer))
        return 0 if answer.code.is_successful() else 1
    finally:
        await context.shutdown()


async def observe(uri, name, flags):
    wanted = int(flags.get("-n", "1"))
    context = await aiocoap.Context.create_client_context(transports=["simple6"])
    try:
        request, answer = await exchange(
            context, codes.GET, uri, flags, observe=0
        )
        count = 1
        write("%s.%d" % (name, count), answer.payload)
        say("state", count, line(answer))
        if not answer.code.is_successful():
            return 1
        states = request.observation.__aiter__()
        while count < wanted:
            answer = await asyncio.wait_for(states.__anext__(), SECONDS)
            count += 1
            write("%s.%d" % (name, count), answer.payload)
            say("state", count, line(answer))
        request.observation.cancel()
        # The peer learns of it by the Reset of its next notification.
        if os.environ.get("LINGER"):
            await asyncio.sleep(float(os.environ["LINGER"]))
        return 0
    finally:
        await context.shutdown()


# ---- server ------------------------------------------------------------------


def piece(body, request, etag):
    """One block of a body, as asked for, cut here and not by aiocoap."""
    block = request.opt.block2 or BlockOption.BlockwiseTuple(0, 0, 6)
    size = 16 << block.size_exponent
    at = block.block_number * size
    answer = aiocoap.Message(code=codes.CONTENT, payload=body[at : at + size])
    answer.opt.etag = etag
    answer.opt.block2 = BlockOption.BlockwiseTuple(
        block.block_number, len(body) > at + size, block.size_exponent
    )
    return answer


class File(resource.Resource):
    """GET: what is in the file, cut into blocks by aiocoap."""

    def __init__(self, name):
        super().__init__()
        self.name = name

    async def render_get(self, request):
        answer = aiocoap.Message(payload=read(self.name))
        answer.opt.etag = b"file"
        answer.opt.content_format = 42
        return answer


class Upload(resource.Resource):
    """PUT and POST, assembled from blocks by aiocoap, to a file; POST answers
    with the body turned round, in blocks where it is long."""

    def __init__(self, name):
        super().__init__()
        self.name = name

    async def render_put(self, request):
        write(self.name, request.payload)
        return aiocoap.Message(code=codes.CHANGED)

    async def render_post(self, request):
        write(self.name, request.payload)
        return aiocoap.Message(code=codes.CHANGED, payload=request.payload[::-1])


class Seen(resource.ObservableResource):
    """A state to observe; PUT makes a new one. aiocoap cuts no notifications
    into blocks, so this does."""

    def __init__(self):
        super().__init__()
        self.body = b"first"

    async def needs_blockwise_assembly(self, request):
        return request.code == codes.PUT

    async def render_get(self, request):
        answer = piece(self.body, request, len(self.body).to_bytes(4, "big"))
        answer.opt.max_age = 30
        return answer

    async def render_put(self, request):
        self.body = request.payload
        self.updated_state()
        return aiocoap.Message(code=codes.CHANGED)

    async def add_observation(self, request, serverobservation):
        await super().add_observation(request, serverobservation)
        say("observers", len(self._observations))

    def update_observation_count(self, newcount):
        say("count", newcount)


class Swap(resource.Resource):
    """The body, and its ETag, become others once block 3 has been given."""

    def __init__(self, old, new):
        super().__init__()
        self.bodies = (read(old), read(new))
        self.is_new = False

    async def needs_blockwise_assembly(self, request):
        return False

    async def render_get(self, request):
        answer = piece(
            self.bodies[self.is_new], request, b"new" if self.is_new else b"old"
        )
        if request.opt.block2 and request.opt.block2.block_number == 3:
            self.is_new = True
        return answer


class Doubtful(resource.Resource):
    """Each block wants an Echo that is not older than five blocks."""

    def __init__(self, name):
        super().__init__()
        self.body = read(name)
        self.count = 0
        self.challenges = 0

    async def needs_blockwise_assembly(self, request):
        return False

    async def render_get(self, request):
        echo = request.opt.echo or b""
        if not 0 <= self.count - int.from_bytes(echo[1:], "big") < 5 or not echo:
            self.challenges += 1
            say("challenge", self.challenges)
            answer = aiocoap.Message(code=codes.UNAUTHORIZED)
            answer.opt.echo = b"e" + self.count.to_bytes(8, "big")
            return answer
        self.count += 1
        return piece(self.body, request, b"doubt")


async def serve(folder):
    site = resource.Site()
    site.add_resource(["file"], File(folder + "/file"))
    site.add_resource(["up"], Upload(folder + "/taken"))
    site.add_resource(["seen"], Seen())
    site.add_resource(["swap"], Swap(folder + "/file", folder + "/other"))
    site.add_resource(["swap2"], Swap(folder + "/file", folder + "/other"))
    site.add_resource(["doubt"], Doubtful(folder + "/file"))
    site.add_resource(["doubt2"], Doubtful(folder + "/file"))
    site.add_resource(
        [".well-known", "core"],
        resource.WKCResource(site.get_resources_as_linkheader),
    )
    context = await aiocoap.Context.create_server_context(
        site, bind=("127.0.0.1", 0), transports=["simplesocketserver"]
    )
    socket = context.request_interfaces[0].token_interface.message_interface
    port = socket._pool._transport.get_extra_info("sockname")[1]
    say("listening", port)
    await asyncio.get_running_loop().create_future()


def main():
    flags, words = getopt.getopt(sys.argv[1:], "a:b:f:n:")
    flags = dict(flags)
    verb = words[0]
    methods = {"get": codes.GET, "put": codes.PUT, "post": codes.POST}
    try:
        if verb == "serve":
            job = serve(words[1])
        elif verb == "observe":
            job = observe(words[1], words[2], flags)
        else:
            job = transfer(methods[verb], words[1], words[2], flags)
        return asyncio.run(job)
    except (error.Error, asyncio.TimeoutError) as e:
        say("failed", repr(e))
        return 1


sys.exit(main())
