/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/net/net.c - the glue between lwIP and the LAN9118. Linked
 * into lwIP's archive, so that its state lies in lwIP's memory. */
#include "net/net.h"

#include "board.h"
#include "net/lan9118.h"

#include "lwip/etharp.h"
#include "lwip/init.h"
#include "lwip/netif.h"
#include "lwip/sys.h"
#include "lwip/timeouts.h"
#include "lwip/udp.h"
#include "netif/ethernet.h"

#define FRAME_MAX 1514u

/* From the linker scripts. Addresses, never values. */
extern uint32_t board_net_start[], board_net_end[];

struct waiting {
    struct pbuf *payload;
    ip_addr_t from;
    uint16_t port;
};

static struct {
    struct netif netif;
    struct udp_pcb *pcb;
    struct waiting queue[SELV_BOARD_NET_QUEUE];
    uint8_t first; /* of the queue, a ring */
    uint8_t count;
} net;

/* lwIP's clock. It wraps, and lwIP knows that. */
u32_t sys_now(void)
{
    return (u32_t)selv_board_now_ms();
}

/* ---- frames -------------------------------------------------------------- */

static err_t frame_send(struct netif *netif, struct pbuf *frame)
{
    struct selv_board_frame_out out;

    (void)netif;
    if (!selv_board_lan9118_send_begin(&out, frame->tot_len)) {
        return ERR_MEM;
    }
    for (const struct pbuf *part = frame; part != NULL; part = part->next) {
        selv_board_lan9118_send_put(&out, part->payload, part->len);
    }
    selv_board_lan9118_send_end(&out);
    return ERR_OK;
}

static void frame_take(struct selv_board_frame_in *in, uint32_t len)
{
    struct pbuf *frame = NULL;

    if (len <= FRAME_MAX) {
        frame = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_POOL);
    }
    if (frame == NULL) {
        selv_board_lan9118_receive_end(in);
        return;
    }
    for (struct pbuf *part = frame; part != NULL; part = part->next) {
        selv_board_lan9118_receive_get(in, part->payload, part->len);
    }
    selv_board_lan9118_receive_end(in);
    if (net.netif.input(frame, &net.netif) != ERR_OK) {
        pbuf_free(frame);
    }
}

static err_t interface_init(struct netif *netif)
{
    if (!selv_board_lan9118_start(netif->hwaddr)) {
        return ERR_IF;
    }
    netif->name[0] = 'e';
    netif->name[1] = 'n';
    netif->mtu = 1500;
    netif->hwaddr_len = ETH_HWADDR_LEN;
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP |
                   NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
    netif->output = etharp_output;
    netif->linkoutput = frame_send;
    return ERR_OK;
}

/* ---- datagrams ----------------------------------------------------------- */

static void datagram_arrived(void *arg, struct udp_pcb *pcb,
                             struct pbuf *payload, const ip_addr_t *from,
                             u16_t port)
{
    struct waiting *w;

    (void)arg;
    (void)pcb;
    if (net.count == SELV_BOARD_NET_QUEUE) {
        pbuf_free(payload);
        return;
    }
    w = &net.queue[(net.first + net.count) % SELV_BOARD_NET_QUEUE];
    w->payload = payload;
    w->from = *from;
    w->port = port;
    net.count++;
}

static ip4_addr_t address_of(const uint8_t bytes[static 4])
{
    ip4_addr_t address;

    IP4_ADDR(&address, bytes[0], bytes[1], bytes[2], bytes[3]);
    return address;
}

bool selv_board_net_start(const struct selv_board_net_config *config)
{
    ip4_addr_t address = address_of(config->address);
    ip4_addr_t netmask = address_of(config->netmask);
    ip4_addr_t gateway = address_of(config->gateway);

    /* This memory is apart from the image's own (sections.ld), and start.c
     * clears that alone. */
    memset(board_net_start, 0,
           (size_t)((uintptr_t)board_net_end - (uintptr_t)board_net_start));
    lwip_init();
    if (netif_add(&net.netif, &address, &netmask, &gateway, NULL,
                  interface_init, ethernet_input) == NULL) {
        return false;
    }
    netif_set_default(&net.netif);
    netif_set_up(&net.netif);
    net.pcb = udp_new();
    if (net.pcb == NULL || udp_bind(net.pcb, IP_ADDR_ANY, config->port)) {
        return false;
    }
    udp_recv(net.pcb, datagram_arrived, NULL);
    return true;
}

void selv_board_net_poll(void)
{
    struct selv_board_frame_in in;
    uint32_t len;

    /* Frames that find no room in the queue would be lost, so they stay in
     * the controller until the reader has caught up. */
    while (net.count < SELV_BOARD_NET_QUEUE) {
        len = selv_board_lan9118_receive_begin(&in);
        if (len == 0) {
            break;
        }
        frame_take(&in, len);
    }
    sys_check_timeouts();
}

bool selv_board_net_send(const struct selv_board_net_peer *to,
                         struct selv_bytes payload)
{
    ip4_addr_t address = address_of(to->address);
    struct pbuf *p;
    bool ok;

    if (payload.len > FRAME_MAX) {
        return false;
    }
    p = pbuf_alloc(PBUF_TRANSPORT, (u16_t)payload.len, PBUF_RAM);
    if (p == NULL) {
        return false;
    }
    ok = pbuf_take(p, payload.p, (u16_t)payload.len) == ERR_OK &&
         udp_sendto(net.pcb, p, &address, to->port) == ERR_OK;
    pbuf_free(p);
    return ok;
}

bool selv_board_net_receive(struct selv_board_net_peer *from,
                            struct selv_buf *payload)
{
    while (net.count > 0) {
        struct waiting *w = &net.queue[net.first];
        bool fits = w->payload->tot_len <= payload->cap;

        if (fits) {
            payload->len = pbuf_copy_partial(w->payload, payload->p,
                                             w->payload->tot_len, 0);
            from->address[0] = ip4_addr1(&w->from);
            from->address[1] = ip4_addr2(&w->from);
            from->address[2] = ip4_addr3(&w->from);
            from->address[3] = ip4_addr4(&w->from);
            from->port = w->port;
        }
        pbuf_free(w->payload);
        net.first = (uint8_t)((net.first + 1u) % SELV_BOARD_NET_QUEUE);
        net.count--;
        if (fits) {
            return true;
        }
    }
    return false;
}
