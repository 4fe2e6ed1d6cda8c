/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/net/lwipopts.h - lwIP as small as UDP over Ethernet with a
 * static address allows: no operating system, TCP, DNS, DHCP, fragments. */
#ifndef SELV_BOARD_LWIPOPTS_H
#define SELV_BOARD_LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_SOCKET 0
#define LWIP_NETCONN 0
#define LWIP_NETIF_API 0

#define LWIP_IPV4 1
#define LWIP_IPV6 0
#define LWIP_UDP 1
#define LWIP_ICMP 1
#define LWIP_TCP 0
#define LWIP_RAW 0
#define LWIP_DHCP 0
#define LWIP_ACD 0
#define LWIP_AUTOIP 0
#define LWIP_DNS 0
#define LWIP_IGMP 0
#define IP_REASSEMBLY 0 /* CoAP blocks fit one frame */
#define IP_FRAG 0
#define LWIP_STATS 0
#define LWIP_NETIF_LOOPBACK 0

/* Memory. A frame that comes is read into pool buffers, straight from the
 * controller: a block of 512 bytes with its headers takes three. One that
 * goes is built in the heap and written to the controller from there. */
#define MEM_ALIGNMENT 4
#define MEM_SIZE 1600
#define PBUF_POOL_SIZE 12
#define PBUF_POOL_BUFSIZE 256
#define MEMP_NUM_PBUF 4
#define MEMP_NUM_UDP_PCB 1
#define MEMP_NUM_SYS_TIMEOUT 2
#define ARP_TABLE_SIZE 4
#define ARP_QUEUEING 0 /* the newest waiting datagram is kept, CoAP repeats */
#define ETH_PAD_SIZE 0

#endif
