/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/mmio.h - registers of the processor and the board. Names
 * and offsets as in the ARMv7-M Architecture Reference Manual (B3) and the
 * Cortex-M System Design Kit manual (DDI 0479). */
#ifndef SELV_BOARD_MMIO_H
#define SELV_BOARD_MMIO_H

#include <stdint.h>

static inline volatile uint32_t *reg(uintptr_t address)
{
    return (volatile uint32_t *)address;
}

/* System control space */
#define SYST_CSR 0xe000e010u
#define SYST_RVR 0xe000e014u
#define SYST_CVR 0xe000e018u
#define SYST_CSR_ENABLE 1u
#define SYST_CSR_TICKINT 2u
#define SYST_CSR_CLKSOURCE 4u
#define SCB_ICSR 0xe000ed04u
#define SCB_ICSR_PENDSTCLR (1u << 25)
#define SCB_VTOR 0xe000ed08u
#define SCB_AIRCR 0xe000ed0cu
#define SCB_AIRCR_SYSRESETREQ 0x05fa0004u
#define SCB_SHCSR 0xe000ed24u
#define SCB_SHCSR_FAULTS (7u << 16) /* MemManage, BusFault, UsageFault */
#define SCB_CFSR 0xe000ed28u
#define MPU_CTRL 0xe000ed94u
#define MPU_CTRL_ENABLE 1u
#define MPU_CTRL_PRIVDEFENA 4u
#define MPU_RBAR 0xe000ed9cu
#define MPU_RBAR_VALID (1u << 4) /* and region 0 */
#define MPU_RASR 0xe000eda0u
#define MPU_RASR_ENABLE 1u
#define MPU_RASR_64M (25u << 1)
#define MPU_RASR_NORMAL (1u << 17) /* write-through */
#define MPU_RASR_ALL (3u << 24)    /* whoever it is may read and write */
#define MPU_RASR_XN (1u << 28)     /* and nobody execute */
#define SCB_CCR 0xe000ed14u
#define SCB_CCR_DIV_0_TRP (1u << 4)

/* CMSDK UART 0 */
#define UART_DATA 0x40004000u
#define UART_STATE 0x40004004u
#define UART_STATE_TX_FULL 1u
#define UART_STATE_RX_FULL 2u
#define UART_CTRL 0x40004008u
#define UART_CTRL_TX_RX 3u
#define UART_BAUDDIV 0x40004010u

/* UART 1: the same registers */
#define UART1_DATA 0x40005000u
#define UART1_STATE 0x40005004u
#define UART1_CTRL 0x40005008u
#define UART1_BAUDDIV 0x40005010u

/* CMSDK watchdog */
#define WDOG_LOAD 0x40008000u
#define WDOG_CTRL 0x40008008u
#define WDOG_CTRL_INTEN 1u
#define WDOG_CTRL_RESEN 2u
#define WDOG_INTCLR 0x4000800cu
#define WDOG_LOCK 0x40008c00u
#define WDOG_LOCK_OPEN 0x1acce551u

#endif
