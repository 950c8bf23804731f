#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 1 << 20, MOST_VALUES = 1 << 16, DEEPEST = 32 };

struct reader {
    const unsigned char *at, *end;
    char *text; /* Where the next string goes: decoded, no string is longer than in the source. */
    struct sl_value *values;
    uint32_t count, room;
};

static bool read_value(struct reader *in, int depth);

static void skip_space(struct reader *in) {
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r')) in->at++;
}

static bool take(struct reader *in, char expected) {
    if (in->at >= in->end || *in->at != (unsigned char)expected) return false;
    in->at++;
    return true;
}

static bool take_word(struct reader *in, const char *word) {
    size_t length = strlen(word);
    if ((size_t)(in->end - in->at) < length || memcmp(in->at, word, length) != 0) return false;
    in->at += length;
    return true;
}

static bool add(struct reader *in, enum sl_type type, uint32_t *index) {
    if (in->count == in->room) {
        uint32_t room = in->room == 0 ? 64 : in->room * 2;
        struct sl_value *values = room > MOST_VALUES ? NULL : realloc(in->values, room * sizeof *values);
        if (values == NULL) return false;
        in->values = values;
        in->room = room;
    }
    *index = in->count++;
    in->values[*index] = (struct sl_value){.type = type, .span = 1};
    return true;
}

/* Bytes of the UTF-8 character at `at`; 0 if there is none (RFC 3629 section 4). */
static size_t utf8_length(const unsigned char *at, size_t left) {
    unsigned char first = at[0];
    size_t length = first < 0x80                     ? 1
                    : first >= 0xC2 && first <= 0xDF ? 2
                    : (first & 0xF0) == 0xE0         ? 3
                    : first >= 0xF0 && first <= 0xF4 ? 4
                                                     : 0;
    if (length == 0 || length > left) return 0;
    for (size_t n = 1; n < length; n++)
        if ((at[n] & 0xC0) != 0x80) return 0;
    if ((first == 0xE0 && at[1] < 0xA0) || (first == 0xED && at[1] > 0x9F)) return 0;
    if ((first == 0xF0 && at[1] < 0x90) || (first == 0xF4 && at[1] > 0x8F)) return 0;
    return length;
}

static bool read_hex(struct reader *in, uint32_t *code) {
    *code = 0;
    if (in->end - in->at < 4) return false;
    for (int n = 0; n < 4; n++) {
        unsigned char digit = *in->at++;
        uint32_t value;
        if (digit >= '0' && digit <= '9') value = digit - '0';
        else if (digit >= 'a' && digit <= 'f') value = digit - 'a' + 10u;
        else if (digit >= 'A' && digit <= 'F') value = digit - 'A' + 10u;
        else return false;
        *code = *code << 4 | value;
    }
    return true;
}

/* After "\u". A NUL would end the text early: it is refused. */
static bool read_unicode(struct reader *in) {
    uint32_t code, low;
    if (!read_hex(in, &code) || code == 0 || (code >= 0xDC00 && code <= 0xDFFF)) return false;
    if (code >= 0xD800 && code <= 0xDBFF) {
        if (!take_word(in, "\\u") || !read_hex(in, &low) || low < 0xDC00 || low > 0xDFFF) return false;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    if (code < 0x80) {
        *in->text++ = (char)code;
    } else if (code < 0x800) {
        *in->text++ = (char)(0xC0 | code >> 6);
        *in->text++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *in->text++ = (char)(0xE0 | code >> 12);
        *in->text++ = (char)(0x80 | (code >> 6 & 0x3F));
        *in->text++ = (char)(0x80 | (code & 0x3F));
    } else {
        *in->text++ = (char)(0xF0 | code >> 18);
        *in->text++ = (char)(0x80 | (code >> 12 & 0x3F));
        *in->text++ = (char)(0x80 | (code >> 6 & 0x3F));
        *in->text++ = (char)(0x80 | (code & 0x3F));
    }
    return true;
}

static bool read_string(struct reader *in) {
    static const char ESCAPES[] = "\"\\/bfnrt", MEANINGS[] = "\"\\/\b\f\n\r\t";
    uint32_t index;
    if (!take(in, '"') || !add(in, SL_STRING, &index)) return false;
    in->values[index].text = in->text;
    for (;;) {
        if (in->at >= in->end || *in->at < 0x20) return false;
        if (take(in, '"')) break;
        if (take(in, '\\')) {
            if (in->at >= in->end) return false;
            if (take(in, 'u')) {
                if (!read_unicode(in)) return false;
                continue;
            }
            const char *escape = memchr(ESCAPES, *in->at++, sizeof ESCAPES - 1);
            if (escape == NULL) return false;
            *in->text++ = MEANINGS[escape - ESCAPES];
            continue;
        }
        size_t length = utf8_length(in->at, (size_t)(in->end - in->at));
        if (length == 0) return false;
        memcpy(in->text, in->at, length);
        in->text += length;
        in->at += length;
    }
    *in->text++ = '\0';
    return true;
}

static bool is_digit(const struct reader *in) { return in->at < in->end && *in->at >= '0' && *in->at <= '9'; }

/* Not strtod, which reads the decimal point of the program's locale. Exact for whole numbers up to 2^53. */
static bool read_number(struct reader *in) {
    uint32_t index;
    double number = 0;
    int scale = 0, exponent = 0;
    bool negative = take(in, '-'), below = false;
    if (!is_digit(in) || !add(in, SL_NUMBER, &index)) return false;
    if (!take(in, '0'))
        while (is_digit(in)) number = number * 10 + (*in->at++ - '0');
    if (take(in, '.')) {
        if (!is_digit(in)) return false;
        for (; is_digit(in); scale--) number = number * 10 + (*in->at++ - '0');
    }
    if (take(in, 'e') || take(in, 'E')) {
        below = take(in, '-');
        if (!below) take(in, '+');
        if (!is_digit(in)) return false;
        while (is_digit(in)) {
            int digit = *in->at++ - '0';
            if (exponent < 10000) exponent = exponent * 10 + digit;
        }
    }
    scale += below ? -exponent : exponent;
    if (number != 0 && scale != 0) number = scale < 0 ? number / pow(10, -scale) : number * pow(10, scale);
    if (!isfinite(number)) return false;
    in->values[index].number = negative ? -number : number;
    return true;
}

static bool read_members(struct reader *in, enum sl_type type, int depth) {
    const char end = type == SL_OBJECT ? '}' : ']';
    uint32_t index;
    if (depth >= DEEPEST || !add(in, type, &index)) return false;
    in->at++;
    skip_space(in);
    if (!take(in, end)) {
        do {
            skip_space(in);
            if (type == SL_OBJECT) {
                if (!read_string(in)) return false;
                skip_space(in);
                if (!take(in, ':')) return false;
            }
            if (!read_value(in, depth + 1)) return false;
            skip_space(in);
        } while (take(in, ','));
        if (!take(in, end)) return false;
    }
    in->values[index].span = in->count - index;
    return true;
}

static bool read_value(struct reader *in, int depth) {
    uint32_t index;
    skip_space(in);
    if (in->at >= in->end) return false;
    switch (*in->at) {
    case '{': return read_members(in, SL_OBJECT, depth);
    case '[': return read_members(in, SL_ARRAY, depth);
    case '"': return read_string(in);
    case 't': return take_word(in, "true") && add(in, SL_TRUE, &index);
    case 'f': return take_word(in, "false") && add(in, SL_FALSE, &index);
    case 'n': return take_word(in, "null") && add(in, SL_NULL, &index);
    default: return read_number(in);
    }
}

bool sl_json_read(struct sl_json *json, const char *text, size_t length) {
    *json = (struct sl_json){0};
    if (length > MOST_BYTES) return false;
    /* A string of no characters takes two bytes in the source, and one here. */
    char *strings = malloc(length + 1);
    if (strings == NULL) return false;
    struct reader in = {.at = (const unsigned char *)text, .text = strings};
    in.end = in.at + length;
    bool is_read = read_value(&in, 0);
    skip_space(&in);
    *json = (struct sl_json){.values = in.values, .count = in.count, .text = strings};
    if (is_read && in.at == in.end) return true;
    sl_json_free(json);
    return false;
}

void sl_json_free(struct sl_json *json) {
    free(json->values);
    free(json->text);
    *json = (struct sl_json){0};
}

const struct sl_value *sl_each(const struct sl_value *container, const struct sl_value *at) {
    if (container == NULL || (container->type != SL_ARRAY && container->type != SL_OBJECT)) return NULL;
    const struct sl_value *next = at == NULL ? container + 1 : at + at->span;
    return next < container + container->span ? next : NULL;
}

const struct sl_value *sl_get(const struct sl_value *object, const char *name) {
    const struct sl_value *found = NULL;
    if (object == NULL || object->type != SL_OBJECT) return NULL;
    for (const struct sl_value *key = sl_each(object, NULL); key != NULL; key = sl_each(object, key + 1))
        if (strcmp(key->text, name) == 0) found = key + 1;
    return found;
}

const char *sl_get_text(const struct sl_value *object, const char *name) {
    const struct sl_value *value = sl_get(object, name);
    return value != NULL && value->type == SL_STRING ? value->text : NULL;
}

bool sl_get_count(const struct sl_value *object, const char *name, double most, double *count) {
    const struct sl_value *value = sl_get(object, name);
    if (value == NULL || value->type != SL_NUMBER || !(value->number >= 0 && value->number <= most)) return false;
    *count = value->number;
    return floor(value->number) == value->number;
}

void sl_write_text(FILE *to, const char *text) {
    if (text == NULL) {
        fputs("null", to);
        return;
    }
    fputc('"', to);
    for (size_t left = strlen(text); left > 0;) {
        size_t length = utf8_length((const unsigned char *)text, left);
        if (length == 0) {
            fputs("\\ufffd", to);
            length = 1;
        } else if (length > 1) {
            fwrite(text, 1, length, to);
        } else if (*text == '"' || *text == '\\') {
            fprintf(to, "\\%c", *text);
        } else if ((unsigned char)*text < 0x20) {
            fprintf(to, "\\u%04x", (unsigned)*text);
        } else {
            fputc(*text, to);
        }
        text += length;
        left -= length;
    }
    fputc('"', to);
}
