#define _POSIX_C_SOURCE 200809L

#include "offline.h"

#include <errno.h>
#include <math.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_KEYS = 32, LEAST_KEY_BITS = 2048, MOST_FILE_BYTES = 1 << 20 };

/* Prefix of keys that `npm start` generates on a developer's machine. */
static const char NOT_FOR_PRODUCTION[] = "not-for-production";

/* ---- Terms ---- */

bool sl_terms_read(struct sl_terms *terms, const struct sl_value *from) {
    *terms = (struct sl_terms){0};
    const struct sl_value *features = sl_get(from, "features"), *limits = sl_get(from, "limits");
    const char *plan = sl_get_text(from, "plan");
    if (from == NULL || from->type != SL_OBJECT) return false;
    if (plan != NULL && (terms->plan = strdup(plan)) == NULL) return false;
    for (const struct sl_value *at = NULL; (at = sl_each(features, at)) != NULL;)
        terms->feature_count += at->type == SL_STRING;
    for (const struct sl_value *at = sl_each(limits, NULL); at != NULL; at = sl_each(limits, at + 1))
        terms->limit_count += at[1].type == SL_NUMBER;
    terms->features = calloc(terms->feature_count + 1, sizeof *terms->features);
    terms->limit_names = calloc(terms->limit_count + 1, sizeof *terms->limit_names);
    terms->limit_values = calloc(terms->limit_count + 1, sizeof *terms->limit_values);
    bool is_complete = terms->features != NULL && terms->limit_names != NULL && terms->limit_values != NULL;
    size_t n = 0;
    for (const struct sl_value *at = NULL; is_complete && (at = sl_each(features, at)) != NULL;)
        if (at->type == SL_STRING) is_complete = (terms->features[n++] = strdup(at->text)) != NULL;
    n = 0;
    for (const struct sl_value *at = sl_each(limits, NULL); is_complete && at != NULL; at = sl_each(limits, at + 1)) {
        if (at[1].type != SL_NUMBER) continue;
        terms->limit_values[n] = at[1].number;
        is_complete = (terms->limit_names[n++] = strdup(at->text)) != NULL;
    }
    if (!is_complete) sl_terms_free(terms);
    return is_complete;
}

void sl_terms_free(struct sl_terms *terms) {
    for (size_t n = 0; terms->features != NULL && n < terms->feature_count; n++) free(terms->features[n]);
    for (size_t n = 0; terms->limit_names != NULL && n < terms->limit_count; n++) free(terms->limit_names[n]);
    free(terms->plan);
    free(terms->features);
    free(terms->limit_names);
    free(terms->limit_values);
    *terms = (struct sl_terms){0};
}

void sl_license_free(struct sl_license *license) {
    sl_terms_free(&license->terms);
    free(license->license_id);
    *license = (struct sl_license){0};
}

bool sl_is_license_of(const char *license_id, const char *license_key) {
    size_t length = strlen(license_id);
    return length > 4 && strncmp(license_id, "lic_", 4) == 0 && strncmp(license_key, "slk_", 4) == 0 &&
           strncmp(license_id + 4, license_key + 4, length - 4) == 0 && license_key[length] == '_';
}

/* ---- Text and bytes ---- */

static const char BASE64URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void sl_base64url(char *to, const unsigned char *bytes, size_t length) {
    for (size_t n = 0; n < length; n += 3) {
        size_t left = length - n;
        unsigned long group = (unsigned long)bytes[n] << 16;
        if (left > 1) group |= (unsigned long)bytes[n + 1] << 8;
        if (left > 2) group |= bytes[n + 2];
        for (size_t digit = 0; digit < (left > 2 ? 4 : left + 1); digit++)
            *to++ = BASE64URL[group >> (18 - 6 * digit) & 63];
    }
    *to = '\0';
}

/* base64url without padding (RFC 7515). Returns the bytes, which end with a NUL that is not counted; NULL otherwise. */
static unsigned char *from_base64url(const char *text, size_t length, size_t *size) {
    unsigned char *bytes = length % 4 == 1 ? NULL : malloc(length / 4 * 3 + 3);
    if (bytes == NULL) return NULL;
    unsigned long group = 0;
    size_t bits = 0;
    *size = 0;
    for (size_t n = 0; n < length; n++) {
        const char *digit = text[n] == '\0' ? NULL : strchr(BASE64URL, text[n]);
        if (digit == NULL) {
            free(bytes);
            return NULL;
        }
        group = (group << 6 | (unsigned long)(digit - BASE64URL)) & 0xFFFFFF;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        bytes[(*size)++] = (unsigned char)(group >> bits & 0xFF);
    }
    bytes[*size] = '\0';
    return bytes;
}

void sl_hmac(unsigned char to[32], const char *key, const char *text) {
    unsigned length = 32;
    HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)text, strlen(text), to, &length);
}

static bool read_digits(const char **at, int digits, int *value) {
    *value = 0;
    for (; digits > 0; digits--) {
        if (**at < '0' || **at > '9') return false;
        *value = *value * 10 + (*(*at)++ - '0');
    }
    return true;
}

/* Days since 1970 of a date of the Gregorian calendar. */
static double days_since_epoch(int year, int month, int day) {
    static const int BEFORE[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int past = year - 1;
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return 365.0 * (year - 1970) + (past / 4 - past / 100 + past / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400) +
           BEFORE[month - 1] + (month > 2 && is_leap ? 1 : 0) + (day - 1);
}

double sl_read_time(const char *at) {
    int year, month, day, hour, minute, second, offset_hour = 0, offset_minute = 0, digit;
    double part = 0, unit = 100;
    if (at == NULL || !read_digits(&at, 4, &year) || *at++ != '-' || !read_digits(&at, 2, &month) || *at++ != '-' ||
        !read_digits(&at, 2, &day))
        return NAN;
    if ((*at != 'T' && *at != 't') || (at++, !read_digits(&at, 2, &hour)) || *at++ != ':' ||
        !read_digits(&at, 2, &minute) || *at++ != ':' || !read_digits(&at, 2, &second))
        return NAN;
    if (*at == '.') {
        at++;
        if (*at < '0' || *at > '9') return NAN;
        for (; read_digits(&at, 1, &digit); unit /= 10) part += digit * unit;
    }
    int sign = *at == '-' ? -1 : 1;
    if (*at == '+' || *at == '-') {
        at++;
        if (!read_digits(&at, 2, &offset_hour) || *at++ != ':' || !read_digits(&at, 2, &offset_minute)) return NAN;
    } else if (*at != 'Z' && *at != 'z') {
        return NAN;
    } else {
        at++;
    }
    if (*at != '\0' || year < 1 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 ||
        second > 60 || offset_hour > 23 || offset_minute > 59)
        return NAN;
    double seconds = days_since_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60 + second -
                     sign * (offset_hour * 3600 + offset_minute * 60);
    return seconds * 1000 + floor(part);
}

/* ---- Keys ---- */

struct sl_keys {
    size_t count;
    EVP_PKEY *keys[MOST_KEYS];
    /* NULL for a PEM, which has no key id. */
    char *ids[MOST_KEYS];
};

static void add_key(struct sl_keys *keys, EVP_PKEY *key, const char *id) {
    bool is_usable =
        key != NULL && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= LEAST_KEY_BITS && keys->count < MOST_KEYS;
    char *copy = is_usable && id != NULL ? strdup(id) : NULL;
    if (!is_usable || (id != NULL && copy == NULL)) {
        EVP_PKEY_free(key);
        return;
    }
    keys->keys[keys->count] = key;
    keys->ids[keys->count++] = copy;
}

static BIGNUM *read_number_of(const struct sl_value *jwk, const char *name) {
    const char *text = sl_get_text(jwk, name);
    size_t size;
    unsigned char *bytes = text == NULL ? NULL : from_base64url(text, strlen(text), &size);
    BIGNUM *number = bytes == NULL ? NULL : BN_bin2bn(bytes, (int)size, NULL);
    free(bytes);
    return number;
}

/* Other fields are ignored: the algorithm is fixed, never read from the key set. */
static EVP_PKEY *read_jwk(const struct sl_value *jwk) {
    const char *kind = sl_get_text(jwk, "kty");
    EVP_PKEY *key = NULL;
    if (kind == NULL || strcmp(kind, "RSA") != 0) return NULL;
    BIGNUM *n = read_number_of(jwk, "n"), *e = read_number_of(jwk, "e");
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (n != NULL && e != NULL && build != NULL && context != NULL &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) && (params = OSSL_PARAM_BLD_to_param(build)) != NULL &&
        EVP_PKEY_fromdata_init(context) > 0) {
        if (EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0) key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return key;
}

struct sl_keys *sl_keys_read(const char *text, size_t length) {
    struct sl_keys *keys = calloc(1, sizeof *keys);
    struct sl_json json;
    if (keys == NULL) return NULL;
    /* The program's own calls of OpenSSL must not find the errors of these. */
    ERR_set_mark();
    if (sl_json_read(&json, text, length)) {
        const struct sl_value *set = sl_get(json.values, "keys");
        for (const struct sl_value *at = NULL; (at = sl_each(set, at)) != NULL;)
            add_key(keys, read_jwk(at), sl_get_text(at, "kid"));
        sl_json_free(&json);
    } else {
        BIO *in = BIO_new_mem_buf(text, (int)length);
        EVP_PKEY *key;
        while (in != NULL && (key = PEM_read_bio_PUBKEY(in, NULL, NULL, NULL)) != NULL) add_key(keys, key, NULL);
        BIO_free(in);
    }
    ERR_pop_to_mark();
    if (keys->count > 0) return keys;
    sl_keys_free(keys);
    return NULL;
}

void sl_keys_free(struct sl_keys *keys) {
    for (size_t n = 0; keys != NULL && n < keys->count; n++) {
        EVP_PKEY_free(keys->keys[n]);
        free(keys->ids[n]);
    }
    free(keys);
}

/* ---- Tokens ---- */

static bool is_signed_by(EVP_PKEY *key, const char *text, size_t length, const unsigned char *signature, size_t size) {
    ERR_set_mark();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    /* RSASSA-PKCS1-v1_5 is the padding unless another one is set. */
    bool is_signed = context != NULL && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                     EVP_DigestVerify(context, signature, size, (const unsigned char *)text, length) == 1;
    EVP_MD_CTX_free(context);
    ERR_pop_to_mark();
    return is_signed;
}

static bool read_part(struct sl_json *json, const char *text, size_t length) {
    size_t size;
    unsigned char *bytes = from_base64url(text, length, &size);
    bool is_read = bytes != NULL && sl_json_read(json, (const char *)bytes, size);
    free(bytes);
    return is_read;
}

static bool is_text(const char *text, const char *expected) { return text != NULL && strcmp(text, expected) == 0; }

static const char *read_claims(
    const struct sl_value *claims, const struct sl_expected *expected, struct sl_license *license) {
    const struct sl_value *about = sl_get(claims, "license");
    const char *license_id = sl_get_text(about, "license_id"), *fingerprint = sl_get_text(about, "fingerprint");
    double expires, issued_ms = sl_read_time(sl_get_text(about, "issued_at")),
                    until_ms = sl_read_time(sl_get_text(about, "offline_until"));
    if (license_id == NULL || fingerprint == NULL || isnan(issued_ms) || isnan(until_ms) ||
        !sl_get_count(claims, "exp", 1e12, &expires))
        return "It lacks fields of a license.";
    if (strcmp(fingerprint, expected->fingerprint) != 0) return "It is for another machine.";
    if (!sl_is_license_of(license_id, expected->license_key)) return "It is for another license.";
    *license = (struct sl_license){
        .license_id = strdup(license_id), .issued_ms = issued_ms, .until_ms = fmin(until_ms, (expires + 1) * 1000)};
    if (license->license_id != NULL && sl_terms_read(&license->terms, about)) return NULL;
    sl_license_free(license);
    return "There is no memory to read it.";
}

const char *sl_verify(
    const struct sl_keys *keys, const char *token, const struct sl_expected *expected, struct sl_license *license) {
    const char *problem = "It is not a signed license.";
    const char *first = strchr(token, '.'), *second = first == NULL ? NULL : strchr(first + 1, '.');
    struct sl_json head = {0}, claims = {0};
    if (second == NULL || strchr(second + 1, '.') != NULL || !read_part(&head, token, (size_t)(first - token)))
        return problem;
    const char *id = sl_get_text(head.values, "kid");
    size_t size;
    unsigned char *signature = from_base64url(second + 1, strlen(second + 1), &size);
    if (id == NULL || signature == NULL || !is_text(sl_get_text(head.values, "alg"), "RS256") ||
        !is_text(sl_get_text(head.values, "typ"), "license+jwt") || sl_get(head.values, "crit") != NULL) {
        problem = "It is not a signed license.";
    } else if (strncmp(id, NOT_FOR_PRODUCTION, sizeof NOT_FOR_PRODUCTION - 1) == 0 && !expected->is_local) {
        problem = "It is signed by the key of a local test server.";
    } else {
        bool is_signed = false;
        for (size_t n = 0; n < keys->count && !is_signed; n++)
            if (keys->ids[n] == NULL || strcmp(keys->ids[n], id) == 0)
                is_signed = is_signed_by(keys->keys[n], token, (size_t)(second - token), signature, size);
        problem = "It is not signed by a key of the vendor.";
        /* The claims are read only after the signature was verified. */
        if (is_signed)
            problem = read_part(&claims, first + 1, (size_t)(second - first - 1))
                          ? read_claims(claims.values, expected, license)
                          : "It lacks fields of a license.";
    }
    free(signature);
    sl_json_free(&claims);
    sl_json_free(&head);
    return problem;
}

/* ---- Files ---- */

char *sl_read_file(const char *path, size_t *length) {
    FILE *file = fopen(path, "re");
    char *text = file == NULL ? NULL : malloc(MOST_FILE_BYTES + 1);
    if (text != NULL) {
        *length = fread(text, 1, MOST_FILE_BYTES + 1, file);
        if (ferror(file) || *length > MOST_FILE_BYTES) {
            free(text);
            text = NULL;
        } else {
            text[*length] = '\0';
        }
    }
    if (file != NULL) fclose(file);
    return text;
}

static void make_folders(char *path) {
    for (char *at = path + 1; *at != '\0'; at++) {
        if (*at != '/') continue;
        *at = '\0';
        mkdir(path, 0700);
        *at = '/';
    }
    mkdir(path, 0700);
}

/* A hard link fails if the file exists; some file systems have none. */
static bool publish_file(const char *draft, const char *path, bool is_new) {
    if (is_new && (link(draft, path) == 0 || errno == EEXIST)) return unlink(draft) == 0;
    return rename(draft, path) == 0;
}

bool sl_write_file(const char *folder, const char *path, const char *text, bool is_new) {
    size_t length = strlen(text), room = strlen(path) + 16;
    char *draft = malloc(room), *parents = strdup(folder);
    bool is_written = false;
    if (draft != NULL && parents != NULL) {
        make_folders(parents);
        snprintf(draft, room, "%s.XXXXXX", path);
        /* Mode 0600. */
        int file = mkstemp(draft);
        if (file >= 0) {
            is_written = write(file, text, length) == (ssize_t)length && fsync(file) == 0;
            is_written = close(file) == 0 && is_written && publish_file(draft, path, is_new);
            if (!is_written) unlink(draft);
        }
    }
    free(draft);
    free(parents);
    return is_written;
}
