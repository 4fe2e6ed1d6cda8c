/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/api.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/file.h"

#define SERVER_DEFAULT "http://127.0.0.1:8683"
#define CONFIG_MAX 65536u
#define TOKEN_MAX 256u
#define PATH_LEN 4096u
#define URL_LEN 2048u
#define ANSWER_MAX (8u << 20) /* bytes of JSON that we take */
#define CONNECT_TIMEOUT_S 10L /* until there is a connection */
#define PATIENCE_S 30L        /* without a byte either way */
#define PATIENCE_MAX_S 3600L
#define UPLOAD_SLOWEST 4096u   /* bytes a second */
#define PROGRESS_MIN (1 << 20) /* bytes: shorter uploads need no progress */

/* ---- where the server is ------------------------------------------------- */

static bool out_of_memory(struct selv_error *error)
{
    return selv_error_set(error, SELV_EXIT_ENVIRONMENT, "out of memory");
}

/* $env/name when env is set, else ~/rest. */
static bool path_of(char out[static PATH_LEN], const char *env,
                    const char *name, const char *rest)
{
    const char *value = env != NULL ? getenv(env) : NULL;
    const char *home = getenv("HOME");
    int n;

    if (value != NULL && value[0] != '\0') {
        n = snprintf(out, PATH_LEN, "%s%s", value, name);
    } else if (home != NULL && home[0] != '\0') {
        n = snprintf(out, PATH_LEN, "%s/%s", home, rest);
    } else {
        return false;
    }
    return n > 0 && n < (int)PATH_LEN;
}

/* A member that nobody knows, or of another type, would leave the setting at
 * its default in silence. */
static bool config_check(const char *path, json_t *config,
                         struct selv_error *error)
{
    const char *name;
    json_t *value;

    json_object_foreach(config, name, value)
    {
        if (strcmp(name, "server") != 0 && strcmp(name, "token_file") != 0) {
            return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                                  "%s: \"%.100s\" is not known here; there are "
                                  "\"server\", \"token_file\"",
                                  path, name);
        }
        if (!json_is_string(value)) {
            return selv_error_set(
                error, SELV_EXIT_ENVIRONMENT,
                "%s: \"%s\" must be text, such as \"%s\"", path, name,
                strcmp(name, "server") == 0 ? SERVER_DEFAULT : "token");
        }
    }
    return true;
}

/* The configuration file's object; *config stays NULL when there is none. */
static bool config_read(json_t **config, struct selv_error *error)
{
    char path[PATH_LEN];
    struct selv_buf text;
    json_error_t why;
    const char *named = getenv("SELVAGE_CONFIG");

    if (!path_of(path, "SELVAGE_CONFIG", "", ".config/selvage/config.json") ||
        (access(path, F_OK) != 0 && (named == NULL || named[0] == '\0'))) {
        return true;
    }
    if (!selv_file_read(path, CONFIG_MAX, &text, error)) {
        return named == NULL || named[0] == '\0'
                   ? false
                   : selv_error_prefix(error, "SELVAGE_CONFIG");
    }
    *config = json_loadb((const char *)text.p, text.len, JSON_REJECT_DUPLICATES,
                         &why);
    free(text.p);
    if (!json_is_object(*config)) {
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                              "%s: line %d: %s; it must be a JSON object such "
                              "as {\"server\": \"%s\"}",
                              path, why.line, why.text, SERVER_DEFAULT);
    }
    return config_check(path, *config, error);
}

static bool token_read(struct selv_api *api, const char *file,
                       struct selv_error *error)
{
    struct selv_buf text;

    if (!selv_file_read(file, TOKEN_MAX, &text, error)) {
        size_t len = strlen(error->text);
        snprintf(error->text + len, sizeof error->text - len,
                 "; name the server's token file with --token-file "
                 "(selvaged keeps it in its state folder)");
        return false;
    }
    api->token = (char *)text.p;
    api->token[strcspn(api->token, "\r\n")] = '\0';
    for (const char *p = api->token; *p != '\0'; p++) {
        if (*p <= ' ' || *p > '~') {
            return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                                  "%s: holds no token", file);
        }
    }
    return true;
}

static bool server_set(struct selv_api *api, const char *server,
                       struct selv_error *error)
{
    size_t len = strlen(server);

    if (strncmp(server, "http://", 7) != 0 &&
        strncmp(server, "https://", 8) != 0) {
        return selv_error_set(error, SELV_EXIT_USAGE,
                              "server %s: expected http://HOST:PORT, as "
                              "selvaged prints it when it is ready",
                              server);
    }
    while (len > 0 && server[len - 1] == '/') {
        len--;
    }
    api->server = strndup(server, len);
    return api->server != NULL || out_of_memory(error);
}

static bool settings_apply(struct selv_api *api, const char *server,
                           const char *token_file, json_t *config,
                           struct selv_error *error)
{
    char path[PATH_LEN];

    if (server == NULL) {
        server = json_string_value(json_object_get(config, "server"));
    }
    if (!server_set(api, server != NULL ? server : SERVER_DEFAULT, error)) {
        return false;
    }
    if (token_file == NULL) {
        token_file = json_string_value(json_object_get(config, "token_file"));
    }
    if (token_file == NULL) {
        if (!path_of(path, "SELVAGE_STATE", "/token",
                     ".local/state/selvage/token")) {
            return selv_error_set(error, SELV_EXIT_USAGE,
                                  "no token: name the server's token file "
                                  "with --token-file");
        }
        token_file = path;
    }
    return token_read(api, token_file, error);
}

static bool patience_read(struct selv_api *api, struct selv_error *error)
{
    const char *text = getenv("SELVAGE_TIMEOUT");
    char *end;

    api->patience_s = PATIENCE_S;
    if (text == NULL || text[0] == '\0') {
        return true;
    }
    api->patience_s = strtol(text, &end, 10);
    return (*end == '\0' && api->patience_s >= 1 &&
            api->patience_s <= PATIENCE_MAX_S) ||
           selv_error_set(error, SELV_EXIT_USAGE,
                          "SELVAGE_TIMEOUT: give seconds, 1 to %ld; not "
                          "\"%.40s\"",
                          PATIENCE_MAX_S, text);
}

bool selv_api_open(struct selv_api *api, const char *server,
                   const char *token_file, struct selv_error *error)
{
    json_t *config = NULL;
    bool is_good;

    memset(api, 0, sizeof *api);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                              "the HTTP library does not start");
    }
    is_good = patience_read(api, error) && config_read(&config, error) &&
              settings_apply(api, server, token_file, config, error);
    json_decref(config);
    if (!is_good) {
        selv_api_close(api);
    }
    return is_good;
}

void selv_api_close(struct selv_api *api)
{
    if (api->token != NULL) {
        selv_wipe(api->token, strlen(api->token));
    }
    free(api->token);
    free(api->server);
    memset(api, 0, sizeof *api);
    curl_global_cleanup();
}

/* ---- one request -----------------------------------------------------------
 */

struct exchange {
    struct selv_buf answer;
    bool is_too_long;
    char why[CURL_ERROR_SIZE];
    curl_off_t shown; /* percent */
};

static size_t take_answer(char *p, size_t size, size_t count, void *to)
{
    struct exchange *x = to;
    size_t len = size * count;
    uint8_t *grown;

    if (len > ANSWER_MAX - x->answer.len) {
        x->is_too_long = true;
        return 0;
    }
    grown = realloc(x->answer.p, x->answer.len + len);
    if (grown == NULL) {
        return 0;
    }
    x->answer.p = grown;
    memcpy(grown + x->answer.len, p, len);
    x->answer.len += len;
    return len;
}

static int show_progress(void *to, curl_off_t down_total, curl_off_t down,
                         curl_off_t up_total, curl_off_t up)
{
    struct exchange *x = to;
    curl_off_t percent = up_total > 0 ? up * 100 / up_total : 0;

    (void)down_total;
    (void)down;
    if (up_total >= PROGRESS_MIN && percent != x->shown) {
        x->shown = percent;
        fprintf(stderr, "\ruploading %3d %%%s", (int)percent,
                percent == 100 ? "\n" : "");
        fflush(stderr);
    }
    return 0;
}

static struct curl_slist *headers_of(const struct selv_api *api,
                                     const char *content_type)
{
    char line[TOKEN_MAX + 64];
    struct curl_slist *headers, *more;

    snprintf(line, sizeof line, "Authorization: Bearer %s", api->token);
    headers = curl_slist_append(NULL, line);
    selv_wipe(line, sizeof line);
    snprintf(line, sizeof line, "Content-Type: %s",
             content_type != NULL ? content_type : "application/octet-stream");
    more = headers == NULL ? NULL : curl_slist_append(headers, line);
    if (more == NULL) {
        curl_slist_free_all(headers);
    }
    return more;
}

/* What the server says of a refusal, from its problem details
 * [RFC 9457]. */
static bool refuse(long status, const char *url, json_t *answer,
                   struct selv_error *error)
{
    const char *title = json_string_value(json_object_get(answer, "title"));
    const char *detail = json_string_value(json_object_get(answer, "detail"));

    if (status == 401) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "%s: the server does not accept the token; "
                              "name its token file with --token-file",
                              url);
    }
    return selv_error_set(
        error, status >= 500 ? SELV_EXIT_ENVIRONMENT : SELV_EXIT_REFUSED,
        "the server refused (%ld %s)%s%s", status,
        title != NULL ? title : "without a reason", detail != NULL ? ": " : "",
        detail != NULL ? detail : "");
}

static bool judge(struct exchange *x, CURL *curl, CURLcode code,
                  const char *url, json_t **answer, bool *is_new,
                  struct selv_error *error)
{
    long status = 0;
    json_t *json;
    json_error_t why;

    if (code == CURLE_OPERATION_TIMEDOUT) {
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                              "%s: the server took too long (%s); is selvaged "
                              "running there? SELVAGE_TIMEOUT=SECONDS waits "
                              "longer",
                              url, x->why);
    }
    if (code != CURLE_OK) {
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                              "%s: %s; is selvaged running there? (--server)",
                              url,
                              x->is_too_long ? "the answer is too long"
                              : x->why[0]    ? x->why
                                             : curl_easy_strerror(code));
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    json = json_loadb((const char *)x->answer.p, x->answer.len, 0, &why);
    if (status != 200 && status != 201) {
        refuse(status, url, json, error);
        json_decref(json);
        return false;
    }
    if (json == NULL) {
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                              "%s: the answer is not JSON; is that selvaged?",
                              url);
    }
    if (is_new != NULL) {
        *is_new = status == 201;
    }
    if (answer != NULL) {
        *answer = json;
    } else {
        json_decref(json);
    }
    return true;
}

/* len: bytes that go up. */
static void set_common(CURL *curl, const struct selv_api *api, const char *url,
                       struct exchange *x, const struct curl_slist *headers,
                       uint64_t len)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, x->why);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, api->patience_s);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT,
                     4 * api->patience_s + (long)(len / UPLOAD_SLOWEST));
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (api->has_progress) {
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, show_progress);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, x);
    }
}

/* upload (a file of len bytes) or body, or neither: GET. */
static bool request(const struct selv_api *api, const char *path,
                    const char *content_type, FILE *upload,
                    struct selv_bytes body, uint64_t len, json_t **answer,
                    bool *is_new, struct selv_error *error)
{
    char url[URL_LEN];
    struct exchange x = {.shown = -1};
    struct curl_slist *headers = headers_of(api, content_type);
    CURL *curl = curl_easy_init();
    bool is_good = false;

    if (curl == NULL || headers == NULL) {
        out_of_memory(error);
        goto out;
    }
    if (snprintf(url, sizeof url, "%s%s", api->server, path) >=
        (int)sizeof url) {
        selv_error_set(error, SELV_EXIT_USAGE, "the server's URL is too long");
        goto out;
    }
    set_common(curl, api, url, &x, headers, len);
    if (upload != NULL) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_READDATA, upload);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)len);
    } else if (body.p != NULL) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.p);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)body.len);
    }
    is_good =
        judge(&x, curl, curl_easy_perform(curl), url, answer, is_new, error);
out:
    free(x.answer.p);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return is_good;
}

bool selv_api_get(const struct selv_api *api, const char *path, json_t **answer,
                  struct selv_error *error)
{
    return request(api, path, NULL, NULL, selv_bytes(NULL, 0), 0, answer, NULL,
                   error);
}

bool selv_api_put(const struct selv_api *api, const char *path,
                  struct selv_bytes bytes, json_t **answer, bool *is_new,
                  struct selv_error *error)
{
    FILE *in = tmpfile();
    bool is_good = in != NULL &&
                   fwrite(bytes.p, 1, bytes.len, in) == bytes.len &&
                   fseek(in, 0, SEEK_SET) == 0;

    is_good = is_good
                  ? request(api, path, NULL, in, selv_bytes(NULL, 0), bytes.len,
                            answer, is_new, error)
                  : selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                                   "no temporary file: %s", strerror(errno));
    if (in != NULL) {
        fclose(in);
    }
    return is_good;
}

bool selv_api_put_file(const struct selv_api *api, const char *path,
                       const char *file, uint64_t len, json_t **answer,
                       bool *is_new, struct selv_error *error)
{
    FILE *in = fopen(file, "rb");
    bool is_good;

    if (in == NULL) {
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT, "%s: %s", file,
                              strerror(errno));
    }
    is_good = request(api, path, NULL, in, selv_bytes(NULL, 0), len, answer,
                      is_new, error);
    fclose(in);
    return is_good;
}

bool selv_api_post(const struct selv_api *api, const char *path,
                   const char *content_type, struct selv_bytes body,
                   json_t **answer, bool *is_new, struct selv_error *error)
{
    return request(api, path, content_type, NULL, body, 0, answer, is_new,
                   error);
}
