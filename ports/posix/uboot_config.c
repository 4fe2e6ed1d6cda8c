/* SPDX-License-Identifier: Apache-2.0
 *
 * The file that says what of a U-Boot device is where; and the one fact that
 * only the kernel knows. */
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include "posix/uboot.h"

#define LINE_MAX_LEN (PATH_MAX + 64)

/* Where a key's value goes. */
static const struct key {
    const char *name;
    size_t at, cap;
    const char *standard; /* NULL: must be given */
} keys[] = {
#define KEY(name, field, standard)                                             \
    {                                                                          \
        name, offsetof(struct selv_posix_uboot_config, field),                 \
            sizeof((struct selv_posix_uboot_config *)NULL)->field, standard    \
    }
    KEY("slot-a", slot[0], NULL),
    KEY("slot-b", slot[1], NULL),
    KEY("env-config", env_config, "/etc/fw_env.config"),
    KEY("fw-printenv", printenv, "fw_printenv"),
    KEY("fw-setenv", setenv, "fw_setenv"),
    KEY("cmdline", cmdline, "/proc/cmdline"),
    KEY("cmdline-word", cmdline_word, "selvage.slot"),
    KEY("reboot", reboot, "reboot"),
    KEY("variable-slot", var_slot, "selvage_slot"),
    KEY("variable-available", var_available, "upgrade_available"),
    KEY("variable-count", var_count, "bootcount"),
    KEY("variable-limit", var_limit, "bootlimit"),
};
#define KEY_COUNT (sizeof keys / sizeof keys[0])

static char *value_of(struct selv_posix_uboot_config *c, size_t key)
{
    return (char *)c + keys[key].at;
}

static char *trim(char *text)
{
    size_t len;

    while (isspace((unsigned char)*text)) {
        text++;
    }
    len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1])) {
        text[--len] = '\0';
    }
    return text;
}

/* NULL, or what is wrong with the line. */
static const char *read_line(struct selv_posix_uboot_config *c, char *line)
{
    char *text = trim(line);
    char *equals = strchr(text, '=');
    const char *value;

    if (*text == '\0' || *text == '#') {
        return NULL;
    }
    if (!equals) {
        return "no \"key = value\"";
    }
    *equals = '\0';
    text = trim(text);
    value = trim(equals + 1);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(text, keys[i].name) != 0) {
            continue;
        }
        if (*value_of(c, i) != '\0') {
            return "the key stands there twice";
        }
        if (*value == '\0' || strlen(value) >= keys[i].cap) {
            return "the value is empty or too long";
        }
        strcpy(value_of(c, i), value);
        return NULL;
    }
    return "no such key";
}

static bool is_name(const char *text)
{
    return text[strcspn(text, "= \t#")] == '\0';
}

/* What is not given is as usual; what has no usual value is missing. */
static const char *complete(struct selv_posix_uboot_config *c)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (*value_of(c, i) == '\0') {
            if (!keys[i].standard) {
                return keys[i].name;
            }
            strcpy(value_of(c, i), keys[i].standard);
        }
        if (strncmp(keys[i].name, "variable-", 9) == 0 &&
            !is_name(value_of(c, i))) {
            return "a variable's name without blanks and '='";
        }
    }
    return strcmp(c->slot[0], c->slot[1]) == 0 ? "another slot-b than slot-a"
                                               : NULL;
}

bool selv_posix_uboot_config_read(struct selv_posix_uboot_config *c,
                                  const char *path, struct selv_posix_why *why)
{
    char line[LINE_MAX_LEN];
    unsigned number = 0;
    const char *wrong = NULL;
    FILE *f = fopen(path, "re");

    memset(c, 0, sizeof *c);
    if (!f) {
        snprintf(why->text, sizeof why->text, "%.160s: %s", path,
                 strerror(errno));
        return false;
    }
    while (!wrong && fgets(line, sizeof line, f)) {
        number++;
        wrong = strchr(line, '\n') || feof(f) ? read_line(c, line)
                                              : "the line is too long";
    }
    fclose(f);
    if (wrong) {
        snprintf(why->text, sizeof why->text, "%.160s, line %u: %s", path,
                 number, wrong);
        return false;
    }
    wrong = complete(c);
    if (wrong) {
        snprintf(why->text, sizeof why->text, "%.160s lacks %s", path, wrong);
    }
    return wrong == NULL;
}

bool selv_posix_uboot_running(const struct selv_posix_uboot_config *c,
                              uint8_t *slot, struct selv_posix_why *why)
{
    char text[4096];
    size_t word_len = strlen(c->cmdline_word);
    FILE *f = fopen(c->cmdline, "re");
    char *rest = NULL;
    size_t len = 0;

    *slot = SELV_SLOT_NONE;
    if (f) {
        len = fread(text, 1, sizeof text - 1, f);
        fclose(f);
    }
    text[len] = '\0';
    for (char *word = strtok_r(text, " \t\n", &rest); word;
         word = strtok_r(NULL, " \t\n", &rest)) {
        const char *value = word + word_len + 1;
        if (strncmp(word, c->cmdline_word, word_len) != 0 ||
            word[word_len] != '=') {
            continue;
        }
        *slot = strcmp(value, "A") == 0   ? SELV_SLOT_A
                : strcmp(value, "B") == 0 ? SELV_SLOT_B
                                          : SELV_SLOT_NONE;
    }
    if (*slot == SELV_SLOT_NONE) {
        snprintf(why->text, sizeof why->text,
                 "%.80s does not say %.63s=A or =B; U-Boot's boot command must "
                 "add it to the kernel's command line",
                 c->cmdline, c->cmdline_word);
    }
    return *slot != SELV_SLOT_NONE;
}
