/* Signed licenses: keys, verification, and the sealed file. Internal to the client. */
#ifndef SEATLEASE_OFFLINE_H
#define SEATLEASE_OFFLINE_H

#include "json.h"

/* What a license grants. Freed by sl_terms_free. */
struct sl_terms {
    char *plan;
    char **features;
    size_t feature_count;
    char **limit_names;
    double *limit_values;
    size_t limit_count;
};

bool sl_terms_read(struct sl_terms *terms, const struct sl_value *entitlements);
void sl_terms_free(struct sl_terms *terms);

struct sl_license {
    char *license_id;
    struct sl_terms terms;
    /* Milliseconds since the epoch, by the server's clock. */
    double issued_ms, until_ms;
};

void sl_license_free(struct sl_license *license);

/* Whether a license "lic_NAME" is that of a key "slk_NAME_SECRET". */
bool sl_is_license_of(const char *license_id, const char *license_key);

struct sl_keys;

/* NULL unless `text` is a JSON Web Key Set or PEMs, with at least one RSA key of 2,048 bits or more. */
struct sl_keys *sl_keys_read(const char *text, size_t length);
void sl_keys_free(struct sl_keys *keys);

struct sl_expected {
    /* The key of the license: the license's id is a part of it. */
    const char *license_key, *fingerprint;
    /* Whether to accept the key of a local test server: anyone can generate one. */
    bool is_local;
};

/* Verifies a JWS (RS256, typ license+jwt). NULL if it is good; else why not. The caller checks when it ends. */
const char *sl_verify(
    const struct sl_keys *keys, const char *token, const struct sl_expected *expected, struct sl_license *license);

/* NaN unless it is a time as RFC 3339 writes it; milliseconds since the epoch. */
double sl_read_time(const char *text);

/* base64url without padding. `to` has room for 4/3 of the length and a NUL. */
void sl_base64url(char *to, const unsigned char *bytes, size_t length);
void sl_hmac(unsigned char to[32], const char *key, const char *text);

/* The file's text, at most 1 MiB; NULL if it cannot be read. */
char *sl_read_file(const char *path, size_t *length);
/* Writes atomically, readable by the user only, and creates the folder. `is_new`: unless the file exists. */
bool sl_write_file(const char *folder, const char *path, const char *text, bool is_new);

#endif
