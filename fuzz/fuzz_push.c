/* SPDX-License-Identifier: Apache-2.0
 *
 * The device's own CoAP server, over a socket on loopback, with signatures that
 * always agree (fuzz/fake_crypto.c) and a clock by hand. Whatever comes: the
 * engine is told the bytes of one envelope, in order, each as it was pushed; a
 * sender that stops is forgotten in time.
 *
 * Input: records of a byte and what follows:
 *   0 to 63      so many times 256 ms pass
 *   64 l ..      a datagram of l bytes from one sender; 65 from another
 *   66 to 80 n   the next block of a push in order, of 16 << (n % 7) bytes, or
 *                as many as the input has
 *   81 to 95 l   the same of l + 1 bytes at most, as the last one
 *   96 o         the engine wants the source from byte 16 * o on
 *   97           it takes what there is         98 s   it tells state s
 *   99 b         how the device is: resting, sparing
 *   else         the push begins again, with block 0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "posix/posix.h"
#include "posix/push.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SENT_MAX 65536u

static uint64_t clock_ms;

uint64_t selv_posix_now_ms(void)
{
    return clock_ms;
}

enum selv_err selv_posix_random(void *p, size_t len)
{
    memset(p, 5, len);
    return SELV_OK;
}

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static struct world {
    struct selv_push push;
    struct selv_push_device device;
    struct selv_factory factory;
    struct selv_boot_record record;
    int fd[2];
    uint8_t sent[SENT_MAX]; /* of the push in order */
    uint32_t sent_len;
    bool is_raw; /* something else was sent: bytes are not compared */
    uint16_t mid;
} w;

static void work(void)
{
    uint8_t drain[1500];
    for (int i = 0; i < 8; i++) {
        if (selv_push_work(&w.push, &w.device)) {
            must(w.push.state == SELV_PUSH_OFFERED);
        }
    }
    for (size_t i = 0; i < 2; i++) {
        while (recv(w.fd[i], drain, sizeof drain, MSG_DONTWAIT) >= 0) {
        }
    }
}

static void datagram_send(size_t who, const uint8_t *p, size_t len)
{
    (void)!send(w.fd[who], p, len, 0);
    work();
}

static void block_push(struct selv_bytes in, uint8_t szx, bool is_last)
{
    uint8_t datagram[1200];
    struct selv_coap_writer to;
    uint8_t token[1] = {7};
    size_t full = selv_coap_block_len(szx);
    size_t len = in.len < full ? in.len : full;
    bool more = !is_last && len == full;
    if (w.sent_len + len > SENT_MAX || w.sent_len % full != 0 || len == 0) {
        return;
    }
    const struct selv_coap_block block = {(uint32_t)(w.sent_len / full), szx,
                                          more};
    selv_coap_write_begin(&to, datagram, sizeof datagram, SELV_COAP_CON,
                          SELV_COAP_PUT, ++w.mid, selv_bytes(token, 1));
    selv_coap_write_path(&to, selv_bytes("suit/m", 6));
    selv_coap_write_block(&to, SELV_COAP_OPT_BLOCK1, &block);
    selv_coap_write_payload(&to, selv_bytes(in.p, len));
    memcpy(w.sent + w.sent_len, in.p, len);
    w.sent_len += (uint32_t)len;
    must(selv_coap_write_end(&to, &len) == SELV_OK);
    datagram_send(0, datagram, len);
    w.is_raw = w.is_raw || w.push.got != w.sent_len; /* it was refused */
}

static void engine_take(void)
{
    struct selv_source_event event;
    for (int i = 0; i < 200 && w.push.source.is_busy; i++) {
        uint32_t offset = w.push.source.offset;
        enum selv_source_action a = selv_source_poll(&w.push.source, &event);
        if (a == SELV_SOURCE_WAIT) {
            work();
            return;
        }
        if (a != SELV_SOURCE_BYTES) {
            return;
        }
        must(event.offset == offset && event.bytes.len > 0);
        must(event.bytes.len <= SELV_PUSH_HEAD_MAX);
        if (!w.is_raw) {
            must(offset + event.bytes.len <= w.sent_len);
            must(memcmp(event.bytes.p, w.sent + offset, event.bytes.len) == 0);
        }
    }
}

static void world_open(void)
{
    struct selv_posix_why why;
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    memset(&w, 0, sizeof w);
    memset(w.record.digest, 9, sizeof w.record.digest);
    w.factory.anchor.method = &selv_cose_es256;
    w.factory.component_id[0] = 0x80;
    w.factory.component_id_len = 1;
    w.device.factory = &w.factory;
    w.device.record = &w.record;
    w.device.is_resting = true;
    clock_ms = 100000;
    must(selv_push_open(&w.push, "127.0.0.1:0", false, &why));
    must(getsockname(w.push.fd, (struct sockaddr *)&at, &len) == 0);
    for (size_t i = 0; i < 2; i++) {
        w.fd[i] = socket(AF_INET, SOCK_DGRAM, 0);
        must(w.fd[i] >= 0 &&
             connect(w.fd[i], (struct sockaddr *)&at, sizeof at) == 0);
    }
}

/* The record at the head of the input; its length, without its first byte. */
static size_t step(uint8_t how, struct selv_bytes in)
{
    size_t one = in.len > 0 ? 1 : 0;
    uint8_t arg = one > 0 ? in.p[0] : 0;
    if (how < 64) {
        clock_ms += (uint64_t)how * 256;
        work();
        return 0;
    }
    if (how < 66) {
        size_t len = arg < in.len - one ? arg : in.len - one;
        w.is_raw = true;
        datagram_send(how - 64u, in.p + one, len);
        return one + len;
    }
    if (how < 96) {
        uint8_t szx = how % 7u;
        size_t len = selv_coap_block_len(szx);
        if (how > 80) {
            in = selv_bytes(in.p + one, in.len - one);
            len = arg + 1u < len ? arg + 1u : len;
        }
        len = len < in.len ? len : in.len;
        block_push(selv_bytes(in.p, len), szx, how > 80);
        return how > 80 ? one + len : len;
    }
    if (how == 96) {
        if (w.push.state == SELV_PUSH_OFFERED) {
            selv_source_start(&w.push.source, "/m/00", arg * 16u, 65536);
        }
        engine_take();
        return one;
    }
    if (how == 97) {
        engine_take();
        return 0;
    }
    if (how == 98) {
        selv_push_tell(&w.push, arg % 12u, "words");
        work();
        return one;
    }
    if (how == 99) {
        w.device.is_resting = (arg & 1) != 0;
        w.device.is_sparing = (arg & 2) != 0;
        return one;
    }
    /* An earlier push may still be under way: its bytes are not these. */
    w.is_raw = w.is_raw || w.push.state != SELV_PUSH_IDLE;
    w.sent_len = 0;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    world_open();
    for (size_t i = 0; i < size;) {
        uint8_t how = data[i++];
        i += step(how, selv_bytes(data + i, size - i));
        must(w.push.head_len <= sizeof w.push.head);
        must(w.push.parked_len <= sizeof w.push.parked);
    }
    selv_source_cancel(&w.push.source);
    for (int i = 0; i < 4; i++) {
        clock_ms += 60000;
        work();
    }
    must(w.push.state != SELV_PUSH_HEAD);
    selv_push_close(&w.push);
    close(w.fd[0]);
    close(w.fd[1]);
    return 0;
}
