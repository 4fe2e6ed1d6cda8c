/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/app_main.c - the application: prints its version and a
 * counter, and keeps the firmware consumer going over the network.
 *
 * The build sets APP_VERSION (text) and APP_STEP (what the counter goes on
 * by), so that each version is another image and behaves differently. Keys
 * on the console: s stack, c check for an update now, r reset. */
#include "app.h"
#include "board.h"
#include "boot_words.h"
#include "consumer/consumer.h"
#include "flash_nor.h"
#include "random.h"
#include "settings.h"
#include "text.h"

#define WATCHDOG_MS 4000u
#define COUNTER_MS 1000u
#define PING_MS 1000u
#define PORT_MIN 49152u /* the dynamic ports [RFC 6335 6] */
#define PORT_COUNT 16384u
#define DATAGRAM_MAX (SELV_COAP_HEADER_MAX + (16u << SELV_COAP_SZX))

static struct {
    struct selv_flash flash;
    struct selv_factory factory;
    struct selv_board_random random;
    struct selv_board_settings settings;
    struct selv_consumer_config config;
    struct selv_consumer consumer;
    struct selv_consumer_source source;
    char base[sizeof "coap://" + 24];
    uint8_t datagram[DATAGRAM_MAX];
    uint32_t counter;
    uint64_t counter_ms;
    uint64_t ping_ms;
    bool has_heard; /* a datagram came from the server */
    bool is_selftest_due;
    bool is_given_up; /* the watchdog may bite */
} app;

static void kick(void *port)
{
    (void)port;
    if (!app.is_given_up) {
        selv_board_watchdog_kick();
    }
}

static _Noreturn void stop(const char *why, enum selv_err err)
{
    selv_board_print("app: stopped, ");
    selv_board_print(why);
    selv_text_print_number(" ", (uint32_t)err);
    selv_board_print("\n");
    selv_panic(0x41505020u, (uint32_t)err); /* "APP " */
}

static _Noreturn void reboot(void)
{
    struct selv_board_reset why = {SELV_RESET_REQUESTED, 0, 0, 0};

    selv_board_reset(why);
}

/* ---- the console --------------------------------------------------------- */

static void print_start(const struct selv_boot_record *record)
{
    selv_board_print("app " APP_VERSION ": slot ");
    selv_board_print(record->slot == SELV_SLOT_A ? "A" : "B");
    selv_text_print_number(", sequence ", (uint32_t)record->sequence);
    selv_text_print_number(", accepted ", (uint32_t)record->accepted);
    selv_text_print_number(", floor ", (uint32_t)record->floor);
    selv_board_print(record->loader > SELV_LOADER_RESTS ? ", as the loader"
                     : record->is_trial                 ? ", on trial"
                                                        : ", confirmed");
    selv_board_print(", after ");
    selv_board_print(selv_text_cause(record->reset_cause));
    selv_text_print_number(", random boot ", app.random.boot);
    selv_board_print("\n");
}

/* "app: boot trial, slot A not looked at, slot B sound 1f08ab56, stack 1720":
 * what the bootloader did, found and measured, and the stack it took. */
static void print_facts(const struct selv_boot_facts *facts)
{
    selv_board_print("app: boot ");
    selv_board_print(selv_text_decision(facts->decision));
    for (size_t slot = 0; slot < SELV_SLOT_COUNT; slot++) {
        const struct selv_boot_check *check = &facts->check[slot];
        selv_board_print(slot == SELV_SLOT_A ? ", slot A " : ", slot B ");
        if (!check->is_taken) {
            selv_board_print("not looked at");
            continue;
        }
        if (check->err == SELV_OK) {
            selv_board_print("sound ");
        } else {
            selv_text_print_number("error ", check->err);
            selv_text_print_number(" section ", check->section);
            selv_board_print(" image ");
        }
        selv_board_print_hex(facts->measured[slot], 4);
    }
    selv_text_print_number(", stack ", selv_board_boot_stack_used());
    selv_board_print("\n");
}

static void print_event(const struct selv_consumer_todo *todo)
{
    selv_board_print("update: ");
    selv_board_print(selv_text_state(todo->state));
    if (todo->sequence != 0) {
        selv_text_print_number(", sequence ", (uint32_t)todo->sequence);
    }
    if (todo->state == SELV_UPDATE_DOWNLOADING) {
        selv_text_print_number(todo->is_resumed ? ", resumed at " : ", ",
                               todo->done);
        selv_text_print_number(" of ", todo->size);
    }
    if (todo->err != SELV_OK) {
        selv_text_print_number(", error ", (uint32_t)todo->err);
    }
    selv_board_print("\n");
}

static void print_stack(void)
{
    selv_text_print_number("stack: ", selv_board_stack_used());
    selv_text_print_number(" of ", selv_board_stack_size());
    selv_text_print_number(", bootloader ", selv_board_boot_stack_used());
    selv_board_print("\n");
}

static void count(uint64_t now_ms)
{
    if (now_ms >= app.counter_ms) {
        app.counter_ms = now_ms + COUNTER_MS;
        app.counter += APP_STEP;
        selv_text_print_number("app " APP_VERSION ": counter ", app.counter);
        selv_board_print("\n");
    }
}

static void keys_poll(void)
{
    switch (selv_board_read_key()) {
    case 's':
        print_stack();
        break;
    case 'c':
        selv_consumer_check_now(&app.consumer);
        break;
    case 'r':
        reboot();
    default:
        break;
    }
}

/* ---- the consumer -------------------------------------------------------- */

/* The self-test: the server speaks to this very image. A CoAP ping (an empty
 * confirmable message) must be answered, if only by a Reset [RFC 7252 4.3].
 * Until then it is sent every second; the trial's time limits that. */
static void selftest_poll(uint64_t now_ms)
{
    const uint8_t ping[4] = {0x40, 0x00, (uint8_t)(now_ms >> 8),
                             (uint8_t)now_ms};
    bool answer = false;

    if (!app.is_selftest_due) {
        return;
    }
    if (app.has_heard) {
        app.is_selftest_due = false;
        if (selv_app_selftest(true, &answer)) {
            selv_consumer_selftest(&app.consumer, answer);
        }
    } else if (now_ms >= app.ping_ms) {
        app.ping_ms = now_ms + PING_MS;
        (void)selv_board_net_send(&app.settings.server,
                                  selv_bytes(ping, sizeof ping));
    }
}

static bool is_from_server(const struct selv_board_net_peer *peer)
{
    return peer->port == app.settings.server.port &&
           memcmp(peer->address, app.settings.server.address, 4) == 0;
}

/* Give the consumer the next datagram; false when there is none. */
static bool datagram_feed(uint64_t now_ms)
{
    struct selv_buf payload = {app.datagram, sizeof app.datagram, 0};
    struct selv_board_net_peer peer;

    if (!selv_board_net_receive(&peer, &payload)) {
        return false;
    }
    if (is_from_server(&peer)) {
        app.has_heard = true;
        selv_consumer_feed(&app.consumer, 0, selv_bytes(payload.p, payload.len),
                           now_ms);
    }
    return true;
}

/* One thing that the consumer wants done. True: it waits. */
static bool consumer_step(uint64_t now_ms)
{
    struct selv_consumer_todo todo;

    switch (selv_consumer_poll(&app.consumer, now_ms, &todo)) {
    case SELV_CONSUMER_SEND:
        (void)selv_board_net_send(&app.settings.server, todo.bytes);
        return false;
    case SELV_CONSUMER_EVENT:
        print_event(&todo);
        return false;
    case SELV_CONSUMER_SELFTEST:
        app.is_selftest_due = true;
        return false;
    case SELV_CONSUMER_REBOOT:
        print_stack();
        selv_board_print("app: reset\n");
        reboot();
    case SELV_CONSUMER_GIVE_UP:
        if (!app.is_given_up) {
            selv_board_print("app: gave up, the watchdog may bite\n");
        }
        app.is_given_up = true;
        return true;
    case SELV_CONSUMER_WAIT:
    default:
        break;
    }
    return todo.until_ms > now_ms;
}

static void loop(void)
{
    for (;;) {
        uint64_t now_ms = selv_board_now_ms();

        kick(NULL);
        selv_board_net_poll();
        selftest_poll(now_ms);
        count(now_ms);
        keys_poll();
        /* Datagrams wait in lwIP's memory while the consumer is busy: it
         * takes the next one only when it is done with the last. */
        if (consumer_step(now_ms) && !datagram_feed(now_ms)) {
            selv_board_sleep();
        }
    }
}

/* ---- start --------------------------------------------------------------- */

/* One application for every bootloader: what that is, its record says. */
static enum selv_board_writer writer(const struct selv_boot_record *record)
{
    if (record->loader == SELV_LOADER_RESTS) {
        return SELV_BOARD_WRITER_ASKING;
    }
    return record->slot == SELV_SLOT_A ? SELV_BOARD_WRITER_APP_A
                                       : SELV_BOARD_WRITER_APP_B;
}

static const struct selv_layout *layout(const struct selv_boot_record *record)
{
    bool installs =
        (record->boot_sections >> SELV_SUIT_SECTION_INSTALL & 1u) != 0;

    return installs ? &selv_layout_in_place : &selv_layout_default;
}

static void storage_start(const struct selv_boot_record *record)
{
    const uint8_t *factory;
    enum selv_err err;

    selv_board_flash_open(&app.flash, writer(record), kick);
    factory = app.flash.map + selv_layout_default.factory_off;
    err = selv_factory_decode(selv_bytes(factory, SELV_FACTORY_LEN),
                              &app.factory);
    if (err) {
        stop("factory data", err);
    }
    err = selv_board_random_start(&app.random, &app.flash,
                                  selv_layout_default.random_off,
                                  app.factory.seed);
    if (err) {
        stop("random counter", err);
    }
    selv_board_settings_read(factory + SELV_BOARD_SETTINGS_OFF, &app.settings);
}

static void network_start(void)
{
    uint8_t draw[2];

    if (app.settings.net.port == 0) {
        selv_board_random_draw(&app.random, draw, sizeof draw);
        app.settings.net.port =
            (uint16_t)(PORT_MIN +
                       ((uint32_t)draw[0] << 8 | draw[1]) % PORT_COUNT);
    }
    if (!selv_board_net_start(&app.settings.net)) {
        stop("network", SELV_OK);
    }
}

static void consumer_start(const struct selv_boot_record *record)
{
    struct selv_consumer_config *config = &app.config;
    enum selv_err err;

    config->flash = &app.flash;
    config->layout = layout(record);
    config->factory = &app.factory;
    config->record = record;
    config->version = selv_bytes(APP_VERSION, sizeof APP_VERSION - 1);
    selv_board_random_draw(&app.random, config->random, sizeof config->random);
    config->poll_interval_s = app.settings.poll_interval_s;
    config->trial_timeout_s = app.settings.trial_timeout_s;
    memcpy(app.base, "coap://", 7);
    app.source.base = selv_text_authority(&app.settings.server, app.base + 7);
    app.source.base = selv_bytes(app.base, app.source.base.len + 7);
    config->sources = &app.source;
    config->source_count = 1;
    err = selv_consumer_init(&app.consumer, config, selv_board_now_ms());
    if (err) {
        stop("consumer", err);
    }
}

int main(void)
{
    const struct selv_boot_record *record = &selv_board_handover;

    selv_board_console_init();
    selv_board_watchdog_start(WATCHDOG_MS);
    selv_board_clock_start();
    if (!selv_record_is_valid(record) || record->slot >= SELV_SLOT_COUNT) {
        stop("boot record", SELV_ERR_STORE_VERSION);
    }
    storage_start(record);
    selv_boot_words_print(record);
    print_start(record);
    print_facts(&record->facts);
    selv_app_start();
    network_start();
    consumer_start(record);
    loop();
    return 0;
}
