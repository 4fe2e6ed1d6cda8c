/* SPDX-License-Identifier: Apache-2.0
 *
 * host/text.h - text that anybody may have written, made safe to show. */
#ifndef SELV_HOST_TEXT_H
#define SELV_HOST_TEXT_H

#include <stddef.h>

/* Bytes of the control character at text, or 0 when there is another one or
 * the end. Controls are those of Unicode Cc, and what makes a line look like
 * another one: bidirectional controls, and characters of no width. */
size_t selv_text_control(const char *text);

/* Replace each control character by a question mark, in place: text must not
 * steer a terminal, nor look like a line of ours. */
void selv_text_clean(char *text);

#endif
