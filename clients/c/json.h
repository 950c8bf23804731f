/* A strict, bounded reader of JSON (RFC 8259), for answers of a server and for tokens. Internal to the client. */
#ifndef SEATLEASE_JSON_H
#define SEATLEASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum sl_type { SL_NULL, SL_FALSE, SL_TRUE, SL_NUMBER, SL_STRING, SL_ARRAY, SL_OBJECT };

/* A value and, right behind it, the values in it: those of an object are names and values by turns. */
struct sl_value {
    enum sl_type type;
    /* Of a string: ends with a NUL, and contains none. */
    const char *text;
    double number;
    /* Values from this one to the end of what it contains. */
    uint32_t span;
};

struct sl_json {
    struct sl_value *values;
    uint32_t count;
    char *text;
};

/* False for anything but one complete JSON text of at most 1 MiB. Then there is nothing to free. */
bool sl_json_read(struct sl_json *json, const char *text, size_t length);
void sl_json_free(struct sl_json *json);

/* The last member of that name, as in JavaScript; NULL if `object` is NULL, no object, or has none. */
const struct sl_value *sl_get(const struct sl_value *object, const char *name);
/* NULL unless the member is a string. */
const char *sl_get_text(const struct sl_value *object, const char *name);
/* False unless the member is a whole number from 0 to `most`. */
bool sl_get_count(const struct sl_value *object, const char *name, double most, double *count);
/* Values of an array, or names and values of an object: `at` NULL for the first; NULL after the last. */
const struct sl_value *sl_each(const struct sl_value *container, const struct sl_value *at);

/* Writes a JSON string, or null for NULL. Invalid UTF-8 is replaced. */
void sl_write_text(FILE *to, const char *text);

#endif
