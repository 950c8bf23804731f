/* Feeds changed answers, tokens and times to the readers, under the sanitizers: fuzz SEED SECONDS. */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "offline.h"

static const char *const SEEDS[] = {
    "{\"session_id\":\"ses_1\",\"ttl\":360,\"entitlements\":{\"plan\":\"pro\",\"features\":[\"a\",\"b\"],\"limits\":{"
    "\"seats\":1.5e3}},\"expires_at\":\"2026-11-29T17:00:00.000Z\",\"borrowed_until\":null}",
    "{\"type\":\"urn:seatlease:problem:seats-exhausted\",\"status\":409,\"code\":\"SEATS_EXHAUSTED\",\"detail\":"
    "\"\\u00e4\\ud83d\\ude00 \\\"5\\\" of 5\",\"retry_after\":12}",
    "[[[[{\"a\":[true,false,null,-0.5E-2,1e308]}]]],\"\xf0\x9f\x98\x80\"]",
    "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"one\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
    "eyJhbGciOiJSUzI1NiIsInR5cCI6ImxpY2Vuc2Urand0Iiwia2lkIjoib25lIn0.eyJleHAiOjEsImxpY2Vuc2UiOnt9fQ.AAAA",
    "2026-11-29T17:00:00.123+01:30",
    "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAK\n-----END PUBLIC KEY-----\n",
};
static const char PIECES[][8] = {"\"", "\\", "\\u", "{", "}", "[", "]", ":", ",", ".", "-", "e", "0", "9", "\\ud800",
    "\xc3", "\xed\xa0\x80", "\xff", "null", "  "};

static unsigned long long state;

/* xorshift64: the same cases for the same seed on every system. */
static size_t below(size_t bound) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)(state % bound);
}

static size_t change(char *text, size_t length, size_t room) {
    for (size_t n = below(8); n > 0; n--) {
        size_t at = below(length + 1), count = below(4) == 0 ? below(length - at + 1) : 0;
        const char *piece = PIECES[below(sizeof PIECES / sizeof *PIECES)];
        size_t added = below(3) == 0 ? 0 : strlen(piece);
        if (length - count + added >= room) continue;
        memmove(text + at + added, text + at + count, length - at - count);
        memcpy(text + at, piece, added);
        length = length - count + added;
        if (length > 0 && below(2) == 0) text[below(length)] ^= (char)(1 << below(8));
    }
    return length;
}

static void read_all(const struct sl_value *value) {
    for (const struct sl_value *at = NULL; (at = sl_each(value, at)) != NULL;) read_all(at);
}

/* What was read must be written so that it is read again. */
static void check_json(const char *text, size_t length) {
    struct sl_json json, again;
    struct sl_terms terms;
    char *written = NULL;
    size_t size;
    double count;
    if (!sl_json_read(&json, text, length)) return;
    if (json.values->span != json.count) abort();
    read_all(json.values);
    sl_get_count(json.values, "ttl", 1e9, &count);
    if (sl_terms_read(&terms, sl_get(json.values, "entitlements"))) sl_terms_free(&terms);
    for (uint32_t n = 0; n < json.count; n++) {
        if (json.values[n].type != SL_STRING) continue;
        FILE *to = open_memstream(&written, &size);
        sl_write_text(to, json.values[n].text);
        fclose(to);
        if (!sl_json_read(&again, written, size) || strcmp(again.values->text, json.values[n].text) != 0) abort();
        sl_json_free(&again);
        free(written);
    }
    sl_json_free(&json);
}

int main(int count, char **arguments) {
    if (count != 3) return 64;
    state = strtoull(arguments[1], NULL, 10) * 2654435761u + 1;
    const double seconds = atof(arguments[2]);
    const struct sl_expected expected = {.license_key = "slk_1_x", .fingerprint = "f", .is_local = true};
    const time_t until = time(NULL) + (time_t)seconds;
    unsigned long cases = 0;
    static char work[4096];
    struct sl_keys *pinned = NULL;
    size_t length = 0;
    char *file = getenv("FUZZ_KEYS") == NULL ? NULL : sl_read_file(getenv("FUZZ_KEYS"), &length);
    if (file != NULL) pinned = sl_keys_read(file, length);
    free(file);
    while (time(NULL) < until) {
        for (int n = 0; n < 1000; n++, cases++) {
            const char *seed = SEEDS[below(sizeof SEEDS / sizeof *SEEDS)];
            length = change(memcpy(work, seed, strlen(seed)), strlen(seed), sizeof work - 1);
            work[length] = '\0';
            /* Of its own size, so that a step beyond its end is seen. */
            char *text = malloc(length + 1);
            if (text == NULL) return 1;
            memcpy(text, work, length + 1);
            check_json(text, length);
            if (strstr(text, "RSA") != NULL || strstr(text, "BEGIN") != NULL) sl_keys_free(sl_keys_read(text, length));
            double time_ms = sl_read_time(text);
            if (!isnan(time_ms) && fabs(time_ms) > 1e15) abort();
            struct sl_license license;
            /* Nothing that was changed may be good. */
            if (pinned != NULL && sl_verify(pinned, text, &expected, &license) == NULL) abort();
            free(text);
        }
    }
    sl_keys_free(pinned);
    printf("%lu cases\n", cases);
    return 0;
}
