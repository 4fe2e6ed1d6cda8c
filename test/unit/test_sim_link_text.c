/* SPDX-License-Identifier: Apache-2.0
 *
 * Configurations as text: what each key means, and a table of bad ones with
 * the words that they get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "sim/link.h"

static struct sim_link_config parse(const char *text)
{
    struct sim_link_config config;
    char why[SIM_LINK_WHY_LEN];
    if (!sim_link_parse(text, &config, why)) {
        fail_msg("%s: %s", text, why);
    }
    assert_string_equal(why, "");
    return config;
}

static void test_sim_link_text_values(void **state)
{
    (void)state;
    struct sim_link_config c =
        parse("rate=250k/1.5M,rtt=101ms,queue=1500/64k,loss=10%/0.5%,"
              "jitter=1.5ms,bad=300ppm,bad-run=7,bad-loss=75%");
    assert_int_equal(c.way[0].rate_bps, 250000);
    assert_int_equal(c.way[1].rate_bps, 1500000);
    assert_int_equal(c.way[0].delay_us, 50500);
    assert_int_equal(c.way[1].delay_us, 50500);
    assert_int_equal(c.way[0].queue_len, 1500);
    assert_int_equal(c.way[1].queue_len, 65536);
    assert_int_equal(c.way[0].loss_ppm, 100000);
    assert_int_equal(c.way[1].loss_ppm, 5000);
    assert_int_equal(c.way[1].jitter_us, 1500);
    assert_int_equal(c.way[1].bad_ppm, 300);
    assert_int_equal(c.way[1].bad_run, 7);
    assert_int_equal(c.way[1].bad_loss_ppm, 750000);
    c = parse("rtt=1us");
    assert_int_equal(c.way[0].delay_us, 0);
    assert_int_equal(c.way[1].delay_us, 1);
    c = parse("delay=0/0.25s,loss=0,rate=0.5k");
    assert_int_equal(c.way[0].delay_us, 0);
    assert_int_equal(c.way[1].delay_us, 250000);
    assert_int_equal(c.way[1].rate_bps, 500);
}

static void test_sim_link_text_keys(void **state)
{
    (void)state;
    struct sim_link_config c = parse(
        "reorder=1%,reorder-delay=5ms,duplicate=2%,duty=1%,duty-window=1h,"
        "header=48,mtu=1280,frame=127,phy=6,mac=15,compressed=10,frag1=4,"
        "fragn=5,retries=3,ack=11,turn=192us,half-duplex=on,csma=on,sleep=2s,"
        "awake=10ms,awake-after=50ms,sleep-buffer=4,outage-at=2min,outage=1h,"
        "rebind-idle=30s,rebind-at=5s,rebind-every=7s");
    assert_int_equal(c.way[1].reorder_ppm, 10000);
    assert_int_equal(c.way[1].reorder_us, 5000);
    assert_int_equal(c.way[1].duplicate_ppm, 20000);
    assert_int_equal(c.way[1].duty_ppm, 10000);
    assert_int_equal(c.way[1].duty_window_us, 3600000000u);
    assert_int_equal(c.header_len, 48);
    assert_int_equal(c.mtu, 1280);
    assert_false(c.is_fragmented);
    assert_int_equal(c.frames.frame_max, 127);
    assert_int_equal(c.frames.phy_len, 6);
    assert_int_equal(c.frames.mac_len, 15);
    assert_int_equal(c.frames.compressed_len, 10);
    assert_int_equal(c.frames.frag1_len, 4);
    assert_int_equal(c.frames.fragn_len, 5);
    assert_int_equal(c.retries, 3);
    assert_int_equal(c.ack_len, 11);
    assert_int_equal(c.turn_us, 192);
    assert_true(c.is_half_duplex);
    assert_true(c.has_csma);
    assert_int_equal(c.sleep_us, 2000000);
    assert_int_equal(c.awake_us, 10000);
    assert_int_equal(c.awake_after_us, 50000);
    assert_int_equal(c.sleep_buffer, 4);
    assert_int_equal(c.outage_at_us, 120000000);
    assert_int_equal(c.outage_us, 3600000000u);
    assert_int_equal(c.rebind_idle_us, 30000000);
    assert_int_equal(c.rebind_at_us, 5000000);
    assert_int_equal(c.rebind_every_us, 7000000);
    assert_true(parse("mtu=600,long=fragment").is_fragmented);
    assert_false(parse("long=lose").is_fragmented);
    assert_int_equal(parse("").way[0].rate_bps, 0);
    assert_int_equal(parse("").header_len, 28);
    /* A preset is where one begins. */
    c = parse("802.15.4,loss=20%,csma=off,rate=20k");
    assert_int_equal(c.way[0].rate_bps, 20000);
    assert_int_equal(c.way[0].loss_ppm, 200000);
    assert_int_equal(c.frames.frame_max, 127);
    assert_false(c.has_csma);
}

static void test_sim_link_text_round_trip(void **state)
{
    (void)state;
    char text[SIM_LINK_TEXT_LEN];
    char again[SIM_LINK_TEXT_LEN];
    for (size_t i = 0; i < sim_link_preset_count; i++) {
        struct sim_link_config c = parse(sim_link_preset_name(i));
        struct sim_link_config d = parse(sim_link_preset_text(i));
        sim_link_text(&c, text);
        sim_link_text(&d, again);
        assert_string_equal(text, again);
        d = parse(text);
        sim_link_text(&d, again);
        assert_string_equal(text, again);
        print_message("%s: %s\n", sim_link_preset_name(i), text);
    }
    struct sim_link_config c = parse("");
    sim_link_text(&c, text);
    assert_string_equal(text, "");
    c = parse("rate=1500,rtt=3ms,loss=0.5%/12345ppm,queue=3000,long=fragment");
    sim_link_text(&c, text);
    assert_string_equal(text, "rate=1500,queue=3000,delay=1500us,"
                              "loss=5000ppm/12345ppm,long=fragment");
    /* The longest there can be. */
    c = parse("rate=99999999999/99999999998,queue=16777215/16777214,"
              "delay=999999999us/999999998us,jitter=999999999us/999999998us,"
              "loss=999999ppm/999998ppm,bad=899999ppm/899998ppm,"
              "bad-run=999999/999998,bad-loss=999999ppm/999998ppm,"
              "reorder=999999ppm/999998ppm,"
              "reorder-delay=999999999us/999999998us,"
              "duplicate=999999ppm/999998ppm,duty=999999ppm/999998ppm,"
              "duty-window=99999999999us/99999999998us,header=48,mtu=8999,"
              "frame=2047,phy=255,mac=255,compressed=255,frag1=255,fragn=255,"
              "retries=15,ack=255,turn=999999999us,csma=on,"
              "sleep=999999999us,awake=999999998us,awake-after=999999999us,"
              "sleep-buffer=65535,outage-at=99999999999us,"
              "outage=99999999999us,rebind-idle=999999999us,"
              "rebind-at=99999999999us,rebind-every=999999999us");
    sim_link_text(&c, text);
    assert_true(strlen(text) < SIM_LINK_TEXT_LEN - 100);
    struct sim_link_config d = parse(text);
    sim_link_text(&d, again);
    assert_string_equal(text, again);
}

static const struct {
    const char *text;
    const char *why;
} bad[] = {
    {"loss", "loss: neither KEY=VALUE nor a preset at the head"},
    {"zigbee", "zigbee: neither KEY=VALUE nor a preset at the head"},
    {"loss=5%,lossy", "lossy: neither KEY=VALUE nor a preset at the head"},
    {"los=5%", "no such key: los"},
    {"=5%", "no such key: "},
    {"Loss=5%", "no such key: Loss"},
    {" loss=5%", "no such key: ?loss"},
    {"loss=", "loss=: not a share, such as 10%, 0.5% or 300ppm"},
    {"loss=5", "loss=5: not a share, such as 10%, 0.5% or 300ppm"},
    {"loss=-5%", "loss=-5%: not a share, such as 10%, 0.5% or 300ppm"},
    {"loss=.5%", "loss=.5%: not a share, such as 10%, 0.5% or 300ppm"},
    {"loss=5.%", "loss=5.%: not a share, such as 10%, 0.5% or 300ppm"},
    {"loss=1.2.3%", "loss=1.2.3%: not a share, such as 10%, 0.5% or 300ppm"},
    {"loss=0.00001%",
     "loss=0.00001%: not a share, such as 10%, 0.5% or 300ppm"},
    {"loss=100.0001%", "loss=100.0001%: too large"},
    {"loss=101%", "loss=101%: too large"},
    {"loss=5%/", "loss=: not a share, such as 10%, 0.5% or 300ppm"},
    {"loss=5%/6%/7%", "loss=6%/7%: not a share, such as 10%, 0.5% or 300ppm"},
    {"loss=5%,loss=6%", "loss: given twice"},
    {"loss=5%,", "nothing between two commas, or at an end"},
    {",loss=5%", "nothing between two commas, or at an end"},
    {"lossy,", "nothing after the last comma"},
    {"lossy,,rate=1", "nothing between two commas, or at an end"},
    {"rtt=5ms,delay=2ms", "delay: given twice (rtt is delay twice)"},
    {"rtt=5", "rtt=5: not a time with its unit, such as 100ms, 250us or 1.5s"},
    {"rtt=5ns",
     "rtt=5ns: not a time with its unit, such as 100ms, 250us or 1.5s"},
    {"rtt=0.5us",
     "rtt=0.5us: not a time with its unit, such as 100ms, 250us or 1.5s"},
    {"rtt=5ms/6ms", "rtt: is not one for each direction"},
    {"delay=1001s", "delay=1001s: too large"},
    {"rate=fast", "rate=fast: not bit/s, such as 250k or 1.5M"},
    {"rate=250K", "rate=250K: not bit/s, such as 250k or 1.5M"},
    {"rate=0.5", "rate=0.5: not bit/s, such as 250k or 1.5M"},
    {"rate=101G", "rate=101G: too large"},
    {"rate=99999999999999999999999",
     "rate=99999999999999999999999: not bit/s, such as 250k or 1.5M"},
    {"rate=999999999999999999G",
     "rate=999999999999999999G: not bit/s, such as 250k or 1.5M"},
    {"queue=17M", "queue=17M: too large"},
    {"mtu=126", "mtu is not 127 to 9000"},
    {"mtu=9001", "mtu=9001: too large"},
    {"mtu=600/700", "mtu: is not one for each direction"},
    {"mtu=1k", "mtu=1k: not a whole number"},
    {"header=61", "header=61: too large"},
    {"long=cut", "long=cut: not lose or fragment"},
    {"csma=yes", "csma=yes: not on or off"},
    {"frame=127,mtu=1280,long=fragment",
     "long=fragment does not go with frame: frames have fragments of their "
     "own"},
    {"header=0,long=fragment", "long=fragment needs a header of 28 or 48"},
    {"frame=20,mac=15", "frame has no room for a fragment"},
    {"frame=40,mac=15,frag1=20,compressed=10",
     "frame has no room for a fragment"},
    {"retries=3", "retries need ack: nobody knows what was lost"},
    {"retries=16,ack=11", "retries=16: too large"},
    {"rate=1k/2k,half-duplex=on", "half-duplex is one medium with one rate"},
    {"sleep=1s", "sleep without awake or awake-after: nothing would ever come"},
    {"sleep=1s,awake=2s", "awake is longer than sleep, the whole period"},
    {"bad=91%", "bad=91%: too large"},
    {"bad=80%,bad-run=3",
     "bad runs this short cannot have such a share: bad is at most bad-run / "
     "(bad-run + 1)"},
    {"bad-run=0", "bad-run is not 1 to 1000000"},
    {"sleep-buffer=65537", "sleep-buffer=65537: too large"},
    {"loss=\n\x80\xff", "loss=???: not a share, such as 10%, 0.5% or 300ppm"},
    {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx=1",
     "no such key: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
};

static void test_sim_link_text_bad(void **state)
{
    (void)state;
    struct sim_link_config config;
    char why[SIM_LINK_WHY_LEN];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (sim_link_parse(bad[i].text, &config, why)) {
            fail_msg("%s: taken", bad[i].text);
        }
        if (strcmp(why, bad[i].why) != 0) {
            fail_msg("%s\n  says %s\n  not  %s", bad[i].text, why, bad[i].why);
        }
    }
}

/* What text cannot say, a struct can. */
static void test_sim_link_text_bad_struct(void **state)
{
    (void)state;
    struct sim_link_config good;
    struct sim_link_config c;
    char why[SIM_LINK_WHY_LEN];
    sim_link_defaults(&good);
    assert_true(sim_link_check(&good, why));
#define BAD(field, value)                                                      \
    c = good;                                                                  \
    c.field = value;                                                           \
    assert_false(sim_link_check(&c, why));                                     \
    assert_true(why[0] != 0);                                                  \
    assert_null(sim_link_new(&c, 1, 0))
    BAD(way[0].rate_bps, UINT64_MAX);
    BAD(way[1].queue_len, UINT32_MAX);
    BAD(way[1].delay_us, 1000000001);
    BAD(way[0].jitter_us, 1000000001);
    BAD(way[0].reorder_us, 1000000001);
    BAD(way[1].loss_ppm, 1000001);
    BAD(way[1].bad_ppm, 900001);
    BAD(way[1].bad_loss_ppm, 1000001);
    BAD(way[1].reorder_ppm, 1000001);
    BAD(way[1].duplicate_ppm, 1000001);
    BAD(way[1].duty_ppm, 1000001);
    BAD(way[1].bad_run, 0);
    BAD(way[1].bad_run, 1000001);
    BAD(way[1].duty_window_us, UINT64_MAX);
    BAD(header_len, 61);
    BAD(mtu, 126);
    BAD(mtu, 9001);
    BAD(frames.frame_max, 7);
    BAD(retries, 1);
    BAD(turn_us, 1000000001);
    BAD(sleep_us, 1000000001);
    BAD(awake_us, 1);
    BAD(awake_after_us, 1000000001);
    BAD(sleep_buffer, 65537);
    BAD(outage_at_us, UINT64_MAX);
    BAD(outage_us, UINT64_MAX);
    BAD(rebind_idle_us, UINT32_MAX);
    BAD(rebind_every_us, UINT32_MAX);
    BAD(rebind_at_us, UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sim_link_text_values),
        cmocka_unit_test(test_sim_link_text_keys),
        cmocka_unit_test(test_sim_link_text_round_trip),
        cmocka_unit_test(test_sim_link_text_bad),
        cmocka_unit_test(test_sim_link_text_bad_struct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
