/* SPDX-License-Identifier: Apache-2.0
 *
 * server_echo.c - sends each datagram back to where it came from: what the
 * system alone costs, with the loop and the batches of selvaged.
 *
 * usage: bench_server_echo HOST:PORT
 * Prints "listening HOST:PORT", and runs until it is killed. */
#include <stdio.h>

#include "host/loop.h"
#include "host/udp.h"

#define BURST 8u /* batches before the loop waits again, as selvaged */

static void batch_echo(struct selv_udp *udp, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct selv_bytes in;
        const struct selv_net_address *from;
        if (!selv_udp_get(udp, i, &in, &from) || in.len > SELV_UDP_OUT_MAX) {
            continue;
        }
        struct selv_buf out = selv_udp_out(udp);
        memcpy(out.p, in.p, in.len);
        out.len = in.len;
        selv_udp_put(udp, i, &out, selv_bytes(NULL, 0));
    }
    (void)selv_udp_send(udp);
}

static void on_ready(void *user)
{
    struct selv_udp *udp = user;
    unsigned count = SELV_UDP_BATCH;
    for (unsigned n = 0; n < BURST && count == SELV_UDP_BATCH; n++) {
        count = selv_udp_receive(udp);
        batch_echo(udp, count);
    }
}

int main(int argc, char **argv)
{
    struct selv_net_address address;
    struct selv_loop loop;
    char text[SELV_NET_TEXT_LEN];
    int fd = -1;
    if (argc != 2 || !selv_net_parse(argv[1], &address)) {
        fprintf(stderr, "usage: bench_server_echo HOST:PORT\n");
        return 2;
    }
    if (selv_net_bind_shared(&address, &fd, 1) != 1 || !selv_loop_init(&loop)) {
        perror("bench_server_echo");
        return 3;
    }
    struct selv_udp *udp = selv_udp_open(fd, NULL, NULL);
    struct selv_loop_source source = {
        .fd = fd, .on_ready = on_ready, .user = udp};
    if (udp == NULL || !selv_loop_add(&loop, &source)) {
        perror("bench_server_echo");
        return 3;
    }
    selv_net_text(&address, text);
    printf("listening %s\n", text);
    fflush(stdout);
    return selv_loop_run(&loop) ? 0 : 3;
}
