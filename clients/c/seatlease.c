#define _POSIX_C_SOURCE 200809L
#ifdef __APPLE__
#define _DARWIN_C_SOURCE
#endif

#include "seatlease.h"

#include <ctype.h>
#include <curl/curl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "json.h"
#include "offline.h"

/* ---- The protocol's numbers ---- */

#define NEVER INFINITY
static const double SECOND = 1000, MINUTE = 60 * 1000, DAY = 24 * 3600 * 1000;

/* Part of a lease that is not used, because clocks run at different speeds. */
static const double MARGIN = 0.005;
/* Tries that fit between a due heartbeat and the end of the lease. */
enum { TRIES = 3 };
static const double LATEST_DUE = 5.0 / 6, LONGEST_TIMEOUT = 10 * 1000, LEAST_TIMEOUT = 250;
static const double LONGEST_RETRY_AFTER = 5 * 60 * 1000;
static const double LONGEST_TTL_SECONDS = 90.0 * 24 * 3600, ROUNDING_SECONDS = 2;
/* The thread looks at the clocks at least so often: its timer stands still while the machine sleeps. */
static const double LONGEST_NAP = 5 * 1000;
/* So late, the thread did not run: the machine or the program slept, or a clock was set. */
static const double SLEPT = 2 * 1000;
static const double RELEASE_WITHIN = 2 * 1000, RETURN_WITHIN = 20 * 1000, EXIT_WITHIN = 900;
static const double LOAN_TIMEOUT = 5 * 1000;
/* Without `wait`, a Retry-After beyond it ends the tries. */
static const double LONGEST_PATIENCE_SECONDS = 10;
enum { OUTAGE_TRIES = 4, OUTAGE_TRIES_IF_STORED = 2, MOST_ANSWER_BYTES = 1 << 20 };

enum step { STOP, ACQUIRE, RETRY_OUTAGE, RETRY_SEAT, RETRY_REPAIR, RETRY_SEAT_WITHIN_LEASE, RETRY_REPAIR_WITHIN_LEASE };
enum backoff { OUTAGE, SEAT, REPAIR };

struct backoff_row {
    double first_ms, longest_ms;
};

struct problem_row {
    const char *code;
    enum step next, held;
};

struct ended_row {
    const char *code, *ended;
    enum step held;
};

static const struct backoff_row BACKOFFS[] = {
#define BACKOFF(name, first, longest) [name] = {first, longest},
#include "problems.inc"
};

static const struct problem_row PROBLEMS[] = {
#define PROBLEM(code, next, held) {#code, next, held},
#include "problems.inc"
};

static const struct ended_row ENDED[] = {
#define PROBLEM_ENDED(code, ended, held) {#code, #ended, held},
#include "problems.inc"
};

static const struct problem_row *find_problem(const char *code) {
    for (size_t n = 0; n < sizeof PROBLEMS / sizeof *PROBLEMS; n++)
        if (strcmp(PROBLEMS[n].code, code) == 0) return &PROBLEMS[n];
    return NULL;
}

static enum backoff backoff_of(enum step step) {
    if (step == RETRY_SEAT || step == RETRY_SEAT_WITHIN_LEASE) return SEAT;
    return step == RETRY_REPAIR || step == RETRY_REPAIR_WITHIN_LEASE ? REPAIR : OUTAGE;
}

/* ---- Errors, texts, random numbers ---- */

__attribute__((format(printf, 3, 4))) static void set_error(
    seatlease_error *error, const char *code, const char *format, ...) {
    va_list values;
    *error = (seatlease_error){.retry_after_seconds = -1};
    snprintf(error->code, sizeof error->code, "%s", code);
    va_start(values, format);
    vsnprintf(error->message, sizeof error->message, format, values);
    va_end(values);
}

static bool is_code(const seatlease_error *error, const char *code) { return strcmp(error->code, code) == 0; }

static double clamp(double value, double least, double most) { return fmin(fmax(value, least), most); }

static double random01(void) {
    uint32_t bits = 0;
    RAND_bytes((unsigned char *)&bits, sizeof bits);
    return bits / 4294967296.0;
}

static void make_uuid(char to[37]) {
    unsigned char b[16] = {0};
    RAND_bytes(b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
    snprintf(to, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3],
        b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static void write_member(FILE *to, const char *name, const char *text) {
    if (text == NULL) return;
    if (name[0] != '{') fputc(',', to);
    else fputc(*name++, to);
    sl_write_text(to, name);
    fputc(':', to);
    sl_write_text(to, text);
}

/* ---- Clocks ---- */

static double clock_ms(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

static double wall_ms(void) { return clock_ms(CLOCK_REALTIME); }

/* CLOCK_BOOTTIME also counts while the machine sleeps, CLOCK_MONOTONIC of Linux does not (golang/go#24595). */
static double monotonic_ms(void) {
#ifdef CLOCK_BOOTTIME
    return clock_ms(CLOCK_BOOTTIME);
#else
    return clock_ms(CLOCK_MONOTONIC);
#endif
}

/* Elapsed milliseconds: at least as many as each clock has counted, and never decreasing. */
struct stopwatch {
    double wall_ms, monotonic_ms, at_anchor_ms, latest_ms;
};

/* A stopwatch that starts now. Both clocks are read within 10 ms, or again: a pause between the readings would be counted by
   one clock and then by the other. */
static struct stopwatch start_stopwatch(void) {
    double before, wall, monotonic;
    int readings = 0;
    do {
        before = monotonic_ms();
        wall = wall_ms();
        monotonic = monotonic_ms();
    } while (monotonic - before >= 10 && ++readings < 3);
    return (struct stopwatch){wall, monotonic, 0, 0};
}

static double read_stopwatch(struct stopwatch *watch) {
    struct stopwatch now = start_stopwatch();
    double by_wall = now.wall_ms - watch->wall_ms, by_monotonic = now.monotonic_ms - watch->monotonic_ms;
    watch->latest_ms = fmax(watch->latest_ms, watch->at_anchor_ms + fmax(fmax(by_wall, by_monotonic), 0));
    /* Else a clock that is set back after a sleep would cancel the sleep out, and time would stop. */
    if (fabs(by_wall - by_monotonic) > 250)
        *watch = (struct stopwatch){now.wall_ms, now.monotonic_ms, watch->latest_ms, watch->latest_ms};
    return watch->latest_ms;
}

/* ---- The client and its seat ----

   Order of locks: `clients_lock`, `calling`, `saving`, `lock`. `lock` is never held during a request, a listener or a
   write to the disk, so that the state can be read at any time. */

/* A connection of one thread. */
struct channel {
    CURLM *multi;
    CURL *easy;
    atomic_bool is_canceled;
};

struct lease {
    bool is_held;
    double ends_ms, due_ms, heartbeat_ms, pause_ms;
};

enum seat_end { NOT_ENDED, ENDED_RELEASED, ENDED_LOST };

struct news {
    int count;
    seatlease_event events[4];
    char codes[4][64];
};

struct seatlease_seat {
    seatlease_client *client;
    seatlease_seat *older;
    pthread_t thread;
    bool has_thread, is_paused;
    bool releases_itself; /* The listener has released it: its thread sends that. */
    char instance_id[37];
    char *session_id, *token, *license_id;
    struct sl_terms terms;
    struct lease lease;
    enum seat_end end;
    bool is_returned; /* The server has confirmed the release. */
    bool was_granted, needs_acquire, is_within_lease;
    double borrowed_until_ms; /* 0 unless it is a loan. */
    double next_ms;
    int failures, failures_awake, retries; /* In a row; since the thread last slept; since the lease has ended. */
    seatlease_error problem;
    seatlease_state reported; /* The last state that the listener knows. */
    double grace_days, start_days;
    struct news news; /* Of before its thread began. */
};

/* The offline license, and the time judged against this machine's own clock. */
struct grace {
    struct sl_license license;
    char *token, *session_id;
    bool has_license, is_loan, is_released, has_offset;
    bool is_dirty, is_new; /* To be saved; also if nothing is stored. */
    double offset_ms; /* Server's time minus the wall clock. */
    double anchor_ms, at_anchor_ms; /* The server's time, and the stopwatch then. */
    double latest_wall_ms; /* The latest wall time that was shown. */
    double last_contact_ms; /* By the server's clock. */
    double offline_since_ms; /* 0 unless the program started offline, and the server does not know yet. */
    double start_days;
    double next_sign_ms, next_note_ms;
    int sign_failures; /* In a row. */
    char at_risk[64]; /* The cause that the listener knows. */
};

struct seatlease_client {
    seatlease_client *next;
    char *url, *license_key, *user_id, *process_id, *fingerprint, *hostname, *app_version, *state_folder, *ca_file;
    bool is_local;
    double wait_seconds;
    struct sl_keys *keys;
    char *store_path, *store_secret;
    seatlease_listener listener;
    void *context;
    pthread_mutex_t lock; /* Everything below, and every field of seats. */
    pthread_cond_t wake;
    pthread_mutex_t calling; /* Held by the one thread that acquires or releases. */
    pthread_mutex_t saving; /* Held by the one thread that changes the stored file. */
    struct stopwatch watch;
    struct channel caller, beat;
    seatlease_seat *seat; /* The latest; the older ones have ended. */
    struct grace grace;
    char next_instance[37];
    bool is_closing;
};

static double now_ms(seatlease_client *client) { return read_stopwatch(&client->watch); }

static bool is_leased(seatlease_seat *seat) {
    return seat->lease.is_held && now_ms(seat->client) < seat->lease.ends_ms;
}

/* ---- HTTP ---- */

struct reply {
    long status;
    char *body;
    size_t length;
    char request_id[64];
    long retry_after_seconds;
    char failure[CURL_ERROR_SIZE];
};

static size_t take_body(char *part, size_t size, size_t count, void *to) {
    struct reply *reply = to;
    size_t length = size * count;
    if (reply->length + length > MOST_ANSWER_BYTES) return 0;
    char *body = realloc(reply->body, reply->length + length + 1);
    if (body == NULL) return 0;
    memcpy(body + reply->length, part, length);
    reply->body = body;
    reply->length += length;
    body[reply->length] = '\0';
    return length;
}

static size_t take_header(char *line, size_t size, size_t count, void *to) {
    struct reply *reply = to;
    size_t length = size * count;
    char name[32], value[128];
    if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        reply->request_id[0] = '\0';
        reply->retry_after_seconds = -1;
    }
    const char *colon = memchr(line, ':', length);
    if (colon == NULL || (size_t)(colon - line) >= sizeof name) return length;
    snprintf(name, sizeof name, "%.*s", (int)(colon - line), line);
    const char *from = colon + 1, *end = line + length;
    while (from < end && isspace((unsigned char)*from)) from++;
    while (end > from && isspace((unsigned char)end[-1])) end--;
    snprintf(value, sizeof value, "%.*s", (int)(end - from), from);
    if (strcasecmp(name, "x-request-id") == 0) snprintf(reply->request_id, sizeof reply->request_id, "%.63s", value);
    /* A date would need synchronized clocks; the server sends seconds. */
    if (strcasecmp(name, "retry-after") == 0 && value[0] != '\0' && strlen(value) < 10 &&
        strspn(value, "0123456789") == strlen(value))
        reply->retry_after_seconds = atol(value);
    return length;
}

static bool open_channel(struct channel *channel) {
    channel->multi = curl_multi_init();
    channel->easy = curl_easy_init();
    atomic_init(&channel->is_canceled, false);
    return channel->multi != NULL && channel->easy != NULL;
}

static void close_channel(struct channel *channel) {
    curl_easy_cleanup(channel->easy);
    if (channel->multi != NULL) curl_multi_cleanup(channel->multi);
}

/* Ends a pending request at once, from another thread (curl_multi_wakeup). */
static void cancel_channel(struct channel *channel) {
    atomic_store(&channel->is_canceled, true);
    if (channel->multi != NULL) curl_multi_wakeup(channel->multi);
}

/* Sends once, without retries and redirects. False unless a complete answer of at most 1 MiB arrives in time. */
static bool send_once(seatlease_client *client, struct channel *channel, const char *method, const char *path,
    const char *body, const char *request_id, double timeout_ms, struct reply *reply) {
    CURL *easy = channel->easy;
    char url[2048], line[1024];
    CURLcode result = CURLE_OUT_OF_MEMORY;
    *reply = (struct reply){.retry_after_seconds = -1};
    curl_easy_reset(easy);
    snprintf(url, sizeof url, "%s%s", client->url, path);
    snprintf(line, sizeof line, "Authorization: License %s", client->license_key);
    struct curl_slist *headers = curl_slist_append(NULL, line);
    OPENSSL_cleanse(line, sizeof line);
    snprintf(line, sizeof line, "X-Request-Id: %s", request_id);
    const char *more[] = {line, "Content-Type: application/json", "Accept: application/json", "Expect:"};
    for (size_t n = 0; n < sizeof more / sizeof *more && headers != NULL; n++) {
        struct curl_slist *longer = curl_slist_append(headers, more[n]);
        if (longer == NULL) curl_slist_free_all(headers);
        headers = longer;
    }
    if (headers == NULL) return false;
    curl_easy_setopt(easy, CURLOPT_URL, url);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    /* Else the end waits for a name that is being looked up. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    /* One try is one request: on a connection that has been closed meanwhile, curl would send it again. */
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    /* Signals belong to the program. */
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)fmax(timeout_ms, 1));
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "seatlease-c/0.1");
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE, (long)MOST_ANSWER_BYTES);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, reply);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, reply);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reply->failure);
    /* Clear text stays on this machine: no proxy. */
    if (client->is_local) curl_easy_setopt(easy, CURLOPT_PROXY, "");
    /* Certificate and host name are verified: nothing here turns that off. */
    if (client->ca_file != NULL) curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_file);
    if (curl_multi_add_handle(channel->multi, easy) == CURLM_OK) {
        /* Not only by curl, whose clock may stop while the machine sleeps. */
        struct stopwatch watch = start_stopwatch();
        int running = 1, left;
        while (running > 0 && !atomic_load(&channel->is_canceled) && read_stopwatch(&watch) < timeout_ms + SECOND) {
            if (curl_multi_perform(channel->multi, &running) != CURLM_OK) break;
            if (running > 0) curl_multi_poll(channel->multi, NULL, 0, 1000, NULL);
        }
        result = atomic_load(&channel->is_canceled) ? CURLE_ABORTED_BY_CALLBACK : CURLE_OPERATION_TIMEDOUT;
        for (CURLMsg *message; (message = curl_multi_info_read(channel->multi, &left)) != NULL;)
            if (message->msg == CURLMSG_DONE) result = message->data.result;
        curl_multi_remove_handle(channel->multi, easy);
    }
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply->status);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
    curl_slist_free_all(headers);
    if (result == CURLE_WRITE_ERROR || result == CURLE_FILESIZE_EXCEEDED)
        snprintf(reply->failure, sizeof reply->failure, "the answer is larger than 1 MiB");
    if (reply->failure[0] == '\0') snprintf(reply->failure, sizeof reply->failure, "%s", curl_easy_strerror(result));
    return result == CURLE_OK;
}

/* ---- One call of the API ---- */

struct answer {
    bool is_good;
    struct sl_json json; /* Of a good answer. */
    seatlease_error error;
    enum step next, held;
    double sent_ms;
};

static void free_answer(struct answer *answer) { sl_json_free(&answer->json); }

/* The only place that decides what follows a failure: by the server's table. */
static void take_steps(struct answer *answer, const char *code, const char *ended) {
    const struct problem_row *row = find_problem(code);
    bool is_outage = answer->error.status == 429 || answer->error.status >= 500;
    if (row == NULL) row = find_problem(is_outage ? "INTERNAL" : "VALIDATION_FAILED");
    answer->next = row->next;
    answer->held = row->held;
    for (size_t n = 0; n < sizeof ENDED / sizeof *ENDED && ended != NULL; n++)
        if (strcmp(ENDED[n].code, code) == 0 && strcmp(ENDED[n].ended, ended) == 0) answer->held = ENDED[n].held;
}

static void take_no_answer(
    struct answer *answer, seatlease_client *client, const struct reply *reply, const char *why) {
    set_error(&answer->error, "NO_ANSWER", "No answer from %s: %s", client->url, why);
    answer->error.status = (int)reply->status;
    take_steps(answer, "INTERNAL", NULL);
}

/* False unless it is a problem document of the license server (RFC 9457): any other error page is no answer. */
static bool take_problem(struct answer *answer, const struct sl_json *json, const struct reply *reply) {
    const char *code = sl_get_text(json->values, "code"), *type = sl_get_text(json->values, "type");
    const char *title = sl_get_text(json->values, "title"), *detail = sl_get_text(json->values, "detail");
    const char *request_id = sl_get_text(json->values, "request_id");
    char urn[128];
    double status, retry_after;
    if (code == NULL || type == NULL || code[0] == '\0' || strlen(code) >= sizeof answer->error.code) return false;
    if (strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != strlen(code)) return false;
    if (!sl_get_count(json->values, "status", 599, &status) || (long)status != reply->status) return false;
    int length = snprintf(urn, sizeof urn, "urn:seatlease:problem:%s", code);
    for (char *at = urn + sizeof "urn:seatlease:problem"; at < urn + length; at++)
        *at = *at == '_' ? '-' : (char)tolower((unsigned char)*at);
    if (strcmp(type, urn) != 0) return false;
    set_error(&answer->error, code, "%s%s%s", title == NULL ? code : title, detail == NULL ? "" : " ",
        detail == NULL ? "" : detail);
    answer->error.status = (int)reply->status;
    answer->error.retry_after_seconds =
        sl_get_count(json->values, "retry_after", 1e9, &retry_after) ? (long)retry_after : reply->retry_after_seconds;
    snprintf(answer->error.request_id, sizeof answer->error.request_id, "%.63s", request_id == NULL ? "" : request_id);
    take_steps(answer, code, sl_get_text(json->values, "ended"));
    return true;
}

/* `body` is freed. An empty 204 is good, too; `is_good` is only about HTTP, the caller reads the JSON. */
static struct answer call(seatlease_client *client, struct channel *channel, const char *method, const char *path,
    char *body, double timeout_ms) {
    struct answer answer = {0};
    struct reply reply;
    char request_id[37];
    make_uuid(request_id);
    pthread_mutex_lock(&client->lock);
    answer.sent_ms = now_ms(client);
    pthread_mutex_unlock(&client->lock);
    bool is_complete = body != NULL && send_once(client, channel, method, path, body, request_id, timeout_ms, &reply);
    if (body == NULL) reply = (struct reply){.failure = "there is no memory", .retry_after_seconds = -1};
    else OPENSSL_cleanse(body, strlen(body));
    free(body);
    struct sl_json json = {0};
    bool is_json = is_complete && reply.body != NULL && sl_json_read(&json, reply.body, reply.length);
    bool is_ours = is_complete && (reply.request_id[0] == '\0' || strcmp(reply.request_id, request_id) == 0);
    bool is_success = ((reply.status == 200 || reply.status == 201) && is_json) || reply.status == 204;
    if (is_ours && is_success) {
        answer.is_good = true;
        answer.json = json;
        json = (struct sl_json){0};
    } else if (!is_ours || reply.status < 400 || !is_json || !take_problem(&answer, &json, &reply)) {
        char why[CURL_ERROR_SIZE + 64];
        if (is_complete) snprintf(why, sizeof why, "HTTP %ld, but not as a license server answers", reply.status);
        else snprintf(why, sizeof why, "%s", reply.failure);
        take_no_answer(&answer, client, &reply, why);
    }
    sl_json_free(&json);
    free(reply.body);
    return answer;
}

/* A good answer that lacks what it must have is none. */
static void take_garbage(struct answer *answer, seatlease_client *client) {
    struct reply reply = {.status = 200, .retry_after_seconds = -1};
    sl_json_free(&answer->json);
    answer->is_good = false;
    take_no_answer(answer, client, &reply, "HTTP 200, but not as a license server answers");
}

/* ---- Reading grants and heartbeats ---- */

struct grant {
    const char *session_id, *token, *license_id;
    const struct sl_value *entitlements;
    double ttl_seconds, due_seconds, borrowed_until_ms, grace_days, start_days;
    double server_ms; /* The server's clock when it answered. */
    bool is_revived;
};

/* The server's times are compared with each other only, never with our clock. */
static bool read_lease(struct grant *grant, const struct sl_value *from, const char *ttl_name) {
    double expires_ms = sl_read_time(sl_get_text(from, "expires_at")),
           due_ms = sl_read_time(sl_get_text(from, "next_heartbeat_due"));
    if (!sl_get_count(from, ttl_name, LONGEST_TTL_SECONDS, &grant->ttl_seconds)) return false;
    double due = grant->ttl_seconds - (expires_ms - due_ms) / 1000;
    if (!(due > -ROUNDING_SECONDS && due <= grant->ttl_seconds)) return false;
    grant->due_seconds = fmax(due, 0);
    grant->server_ms = expires_ms - grant->ttl_seconds * SECOND;
    return true;
}

static bool is_filled(const char *text) { return text != NULL && text[0] != '\0' && strlen(text) <= 65536; }

static bool read_grant(seatlease_client *client, const struct answer *answer, struct grant *grant) {
    const struct sl_value *from = answer->json.values;
    const struct sl_value *borrowed = sl_get(from, "borrowed_until");
    double interval;
    *grant = (struct grant){.session_id = sl_get_text(from, "session_id"),
        .token = sl_get_text(from, "session_token"),
        .license_id = sl_get_text(from, "license_id"),
        .entitlements = sl_get(from, "entitlements")};
    if (!is_filled(grant->session_id) || !is_filled(grant->token) || !is_filled(grant->license_id) ||
        !read_lease(grant, from, "ttl"))
        return false;
    if (!sl_get_count(from, "heartbeat_interval", LONGEST_TTL_SECONDS, &interval) ||
        !sl_get_count(from, "offline_grace_days", 1e6, &grant->grace_days))
        return false;
    if (!sl_get_count(from, "offline_start_days", 1e6, &grant->start_days)) grant->start_days = 0;
    /* If the license ends before the next heartbeat, the lease is shorter than the interval. */
    if (grant->due_seconds != grant->ttl_seconds && fabs(grant->due_seconds - interval) > ROUNDING_SECONDS)
        return false;
    if (borrowed != NULL && borrowed->type != SL_NULL) {
        grant->borrowed_until_ms = borrowed->type == SL_STRING ? sl_read_time(borrowed->text) : NAN;
        if (isnan(grant->borrowed_until_ms)) return false;
    }
    /* Ids contain the name of their license: another name does not answer this request. */
    size_t length = strlen(grant->license_id) - 4;
    return sl_is_license_of(grant->license_id, client->license_key) && strncmp(grant->session_id, "ses_", 4) == 0 &&
           strncmp(grant->session_id + 4, grant->license_id + 4, length) == 0 && grant->session_id[4 + length] == '_';
}

static bool read_heartbeat(const struct answer *answer, const char *session_id, struct grant *grant) {
    const struct sl_value *from = answer->json.values, *revived = sl_get(from, "revived");
    const char *status = sl_get_text(from, "status"), *answered = sl_get_text(from, "session_id");
    *grant = (struct grant){.token = sl_get_text(from, "session_token"),
        .entitlements = sl_get(from, "entitlements"),
        .is_revived = revived != NULL && revived->type == SL_TRUE};
    return status != NULL && strcmp(status, "heartbeat_acknowledged") == 0 && answered != NULL &&
           strcmp(answered, session_id) == 0 && is_filled(grant->token) && read_lease(grant, from, "ttl_extended_to");
}

static bool replace_text(char **field, const char *text) {
    char *copy = strdup(text);
    if (copy == NULL) return false;
    free(*field);
    *field = copy;
    return true;
}

static void take_terms(seatlease_seat *seat, const struct sl_value *entitlements) {
    struct sl_terms terms;
    if (entitlements == NULL || !sl_terms_read(&terms, entitlements)) return;
    sl_terms_free(&seat->terms);
    seat->terms = terms;
}

/* Counted from sending the request, as the lease begins then at the earliest. */
static void take_lease(seatlease_seat *seat, const struct grant *grant, double sent_ms) {
    double heartbeat_ms = fmax(fmin(grant->due_seconds, grant->ttl_seconds * LATEST_DUE) * SECOND, SECOND);
    seat->lease = (struct lease){.is_held = true,
        .heartbeat_ms = heartbeat_ms,
        .due_ms = sent_ms + heartbeat_ms,
        .ends_ms = sent_ms + grant->ttl_seconds * SECOND * (1 - MARGIN)};
    seat->lease.pause_ms = fmax((seat->lease.ends_ms - seat->lease.due_ms) / TRIES, 0);
    /* Up to a tenth earlier: programs that start together spread out their heartbeats. */
    seat->next_ms = seat->borrowed_until_ms > 0 ? NEVER : seat->lease.due_ms - heartbeat_ms * 0.1 * random01();
    seat->failures = seat->failures_awake = seat->retries = 0;
    seat->is_within_lease = seat->needs_acquire = false;
    set_error(&seat->problem, "", "%s", "");
}

/* ---- The offline grace; `lock` is held ---- */

/* Only what the server itself says: proxies replace the Date header. */
static void observe_time(seatlease_client *client, double server_ms, double sent_ms) {
    struct grace *grace = &client->grace;
    double now = now_ms(client);
    grace->has_offset = true;
    grace->latest_wall_ms = wall_ms();
    grace->last_contact_ms = server_ms;
    grace->anchor_ms = server_ms + now - sent_ms;
    grace->at_anchor_ms = now;
    grace->offset_ms = grace->anchor_ms - grace->latest_wall_ms;
}

/* The server's time. It never goes back, and while the program runs it passes, whatever the wall clock shows. */
static double corrected_ms(seatlease_client *client) {
    struct grace *grace = &client->grace;
    double now = now_ms(client), by_watch = grace->anchor_ms + (now - grace->at_anchor_ms) * (1 - MARGIN);
    grace->anchor_ms = fmax(by_watch, wall_ms() + grace->offset_ms);
    grace->at_anchor_ms = now;
    return grace->anchor_ms;
}

/* The code of why the program must not run without the server now; NULL if it may. */
static const char *why_no_grace(seatlease_client *client) {
    struct grace *grace = &client->grace;
    double wall = wall_ms();
    if (!grace->has_license || !grace->has_offset) return "NO_ANSWER";
    /* A clock is judged against itself: how wrong it is does not matter, only that it went back. */
    if (wall < grace->latest_wall_ms - 5 * MINUTE) return "CLOCK_ROLLED_BACK";
    grace->latest_wall_ms = fmax(grace->latest_wall_ms, wall);
    return corrected_ms(client) < grace->license.until_ms ? NULL : "OFFLINE_LICENSE_EXPIRED";
}

/* The same for a start: after a release it is allowed for some days only. A program that has started may go on. */
static const char *why_no_start(seatlease_client *client) {
    struct grace *grace = &client->grace;
    const char *why = why_no_grace(client);
    double until_ms = grace->last_contact_ms + grace->start_days * DAY;
    if (why != NULL || !grace->is_released || grace->is_loan || corrected_ms(client) < until_ms) return why;
    return "OFFLINE_START_NOT_ALLOWED";
}

static void forget_license(seatlease_client *client) {
    struct grace *grace = &client->grace;
    sl_license_free(&grace->license);
    free(grace->token);
    free(grace->session_id);
    grace->token = grace->session_id = NULL;
    grace->has_license = grace->is_released = false;
    grace->offline_since_ms = grace->next_sign_ms = 0;
    grace->is_dirty = true;
}

static bool take_grant(seatlease_seat *seat, const struct grant *grant, double sent_ms) {
    if (!replace_text(&seat->session_id, grant->session_id) || !replace_text(&seat->token, grant->token) ||
        !replace_text(&seat->license_id, grant->license_id))
        return false;
    seat->borrowed_until_ms = grant->borrowed_until_ms;
    seat->grace_days = grant->grace_days;
    seat->start_days = grant->start_days;
    seat->was_granted = true;
    take_terms(seat, grant->entitlements);
    take_lease(seat, grant, sent_ms);
    struct grace *grace = &seat->client->grace;
    grace->next_sign_ms = 0;
    grace->is_released = false;
    grace->is_dirty = true;
    /* What was stored before is no longer granted. */
    if (grant->grace_days == 0 && grant->borrowed_until_ms == 0) forget_license(seat->client);
    return true;
}

static const char *verify(seatlease_client *client, const char *token, struct sl_license *license) {
    struct sl_expected expected = {
        .license_key = client->license_key, .fingerprint = client->fingerprint, .is_local = client->is_local};
    return sl_verify(client->keys, token, &expected, license);
}

static bool is_true(const struct sl_value *object, const char *name) {
    const struct sl_value *value = sl_get(object, name);
    return value != NULL && value->type == SL_TRUE;
}

static double number_of(const struct sl_value *object, const char *name) {
    const struct sl_value *value = sl_get(object, name);
    return value != NULL && value->type == SL_NUMBER ? value->number : 0;
}

/* ---- The stored file ---- */

/* Against edits of the file. Someone who takes the program apart can compute it, but cannot sign the token. */
static void make_seal(seatlease_client *client, const char *content, char seal[65]) {
    unsigned char digest[32];
    sl_hmac(digest, client->store_secret, content);
    for (int n = 0; n < 32; n++) snprintf(seal + 2 * n, 3, "%02x", digest[n]);
}

enum stored { NOTHING_STORED, STORED_IS_CHANGED, STORED };

/* Reads the content of the file. `json` is freed by the caller in any case. */
static enum stored read_stored(seatlease_client *client, struct sl_json *json) {
    struct sl_json file = {0};
    char seal[65];
    size_t length = 0;
    bool is_sealed = false;
    char *text = client->keys == NULL || client->store_path == NULL ? NULL : sl_read_file(client->store_path, &length);
    if (text == NULL) return NOTHING_STORED;
    if (sl_json_read(&file, text, length)) {
        const char *content = sl_get_text(file.values, "content"), *sealed = sl_get_text(file.values, "seal");
        if (content != NULL && sealed != NULL && strlen(sealed) == 64) {
            make_seal(client, content, seal);
            is_sealed = CRYPTO_memcmp(seal, sealed, 64) == 0 && sl_json_read(json, content, strlen(content));
        }
    }
    sl_json_free(&file);
    free(text);
    return is_sealed && number_of(json->values, "v") == 1 ? STORED : STORED_IS_CHANGED;
}

/* `lock` is held. NULL without memory. */
static char *write_content(const struct grace *grace) {
    char *content = NULL;
    size_t length;
    FILE *to = open_memstream(&content, &length);
    if (to == NULL) return NULL;
    write_member(to, "{token", grace->token);
    write_member(to, "session_id", grace->session_id);
    fprintf(to, ",\"v\":1,\"is_loan\":%s,\"is_released\":%s", grace->is_loan ? "true" : "false",
        grace->is_released ? "true" : "false");
    fprintf(to, ",\"offset_ms\":%.0f,\"latest_wall_ms\":%.0f,\"last_contact_ms\":%.0f", grace->offset_ms,
        grace->latest_wall_ms, grace->last_contact_ms);
    fprintf(to, ",\"offline_since_ms\":%.0f,\"start_days\":%.0f,\"until_ms\":%.0f}", grace->offline_since_ms,
        grace->start_days, grace->license.until_ms);
    return fclose(to) == 0 ? content : NULL;
}

/* Stores what has changed, and the clock every five minutes. False if it cannot be stored. */
static bool save(seatlease_client *client) {
    struct grace *grace = &client->grace;
    struct sl_json stored = {0};
    char *content = NULL, *text = NULL, seal[65];
    size_t length;
    if (client->keys == NULL || client->store_path == NULL) return true;
    pthread_mutex_lock(&client->saving);
    pthread_mutex_lock(&client->lock);
    bool is_due = grace->is_dirty || (grace->token != NULL && now_ms(client) >= grace->next_note_ms);
    pthread_mutex_unlock(&client->lock);
    enum stored state = is_due ? read_stored(client, &stored) : NOTHING_STORED;
    bool is_loan = state == STORED && is_true(stored.values, "is_loan");
    pthread_mutex_lock(&client->lock);
    /* The loan of another program stays; one that another program has returned does not come back. */
    if (is_loan && !grace->is_loan && number_of(stored.values, "until_ms") > corrected_ms(client)) is_due = false;
    if (state == NOTHING_STORED && grace->is_loan && !grace->is_new) is_due = false;
    if (is_due && grace->token != NULL) content = write_content(grace);
    bool is_removed = is_due && grace->token == NULL;
    grace->is_dirty = grace->is_new = false;
    grace->is_loan = grace->is_loan && grace->token != NULL;
    grace->next_note_ms = is_due ? now_ms(client) + 5 * MINUTE : grace->next_note_ms;
    pthread_mutex_unlock(&client->lock);
    if (is_removed) unlink(client->store_path);
    FILE *to = content == NULL ? NULL : open_memstream(&text, &length);
    if (to != NULL) {
        make_seal(client, content, seal);
        write_member(to, "{content", content);
        write_member(to, "seal", seal);
        fputs("}\n", to);
        fclose(to);
    }
    bool is_saved = text != NULL && sl_write_file(client->state_folder, client->store_path, text, false);
    pthread_mutex_unlock(&client->saving);
    sl_json_free(&stored);
    free(text);
    free(content);
    return is_saved || content == NULL;
}

/* Loads what is stored; `lock` is held. False if nothing is; `error` has a code if no program may start with it. */
static bool load_store(seatlease_client *client, seatlease_error *error) {
    struct grace *grace = &client->grace;
    struct sl_json json = {0};
    struct sl_license license = {0};
    const char *problem = "It was changed after it was stored.", *why = NULL;
    enum stored state = read_stored(client, &json);
    const char *token = sl_get_text(json.values, "token"), *session_id = sl_get_text(json.values, "session_id");
    set_error(error, "", "%s", "");
    if (state == STORED && token != NULL && session_id != NULL) problem = verify(client, token, &license);
    if (problem == NULL && replace_text(&grace->token, token) && replace_text(&grace->session_id, session_id)) {
        sl_license_free(&grace->license);
        grace->license = license;
        grace->has_license = grace->has_offset = true;
        grace->is_loan = is_true(json.values, "is_loan");
        grace->is_released = is_true(json.values, "is_released");
        grace->offset_ms = number_of(json.values, "offset_ms");
        grace->latest_wall_ms = number_of(json.values, "latest_wall_ms");
        grace->last_contact_ms = number_of(json.values, "last_contact_ms");
        grace->offline_since_ms = number_of(json.values, "offline_since_ms");
        grace->start_days = number_of(json.values, "start_days");
        grace->anchor_ms = fmax(wall_ms(), grace->latest_wall_ms) + grace->offset_ms;
        grace->at_anchor_ms = now_ms(client);
        why = why_no_start(client);
    } else {
        sl_license_free(&license);
    }
    if (problem != NULL)
        set_error(error, "OFFLINE_LICENSE_INVALID", "The stored license cannot be used offline. %s", problem);
    else if (why != NULL) set_error(error, why, "The stored license cannot be used offline.");
    sl_json_free(&json);
    return state != NOTHING_STORED;
}

/* ---- State; `lock` is held ---- */

static seatlease_state state_of(seatlease_seat *seat) {
    if (seat->end == ENDED_RELEASED) return SEATLEASE_RELEASED;
    if (seat->end == ENDED_LOST) return SEATLEASE_EXPIRED;
    if (is_leased(seat)) return seat->failures < TRIES ? SEATLEASE_ONLINE : SEATLEASE_OFFLINE;
    return !seat->is_within_lease && why_no_grace(seat->client) == NULL ? SEATLEASE_OFFLINE : SEATLEASE_EXPIRED;
}

static void add_news(struct news *news, seatlease_event event, const char *code) {
    if (news->count == 4) return;
    news->events[news->count] = event;
    snprintf(news->codes[news->count++], sizeof news->codes[0], "%s", code);
}

static void lose(seatlease_seat *seat, const char *code, struct news *news) {
    seat->end = ENDED_LOST;
    forget_license(seat->client);
    if (seat->reported != SEATLEASE_EXPIRED) add_news(news, SEATLEASE_EVENT_LOST, code);
    seat->reported = SEATLEASE_EXPIRED;
}

static const char *why_expired(seatlease_seat *seat) {
    const char *grace = seat->is_within_lease ? NULL : why_no_grace(seat->client);
    return grace != NULL && strcmp(grace, "CLOCK_ROLLED_BACK") == 0 ? grace : seat->problem.code;
}

/* After a sleep or a step of the clock the lease may be over while nothing has failed: three tries come before bad
   news. */
static void look(seatlease_seat *seat, struct news *news) {
    if (seat->end != NOT_ENDED) return;
    seatlease_state state = state_of(seat), before = seat->reported;
    bool has_failed = seat->failures_awake >= TRIES;
    if (state == SEATLEASE_ONLINE && before != SEATLEASE_ONLINE) add_news(news, SEATLEASE_EVENT_ONLINE, "");
    else if (state == SEATLEASE_OFFLINE && before == SEATLEASE_ONLINE && has_failed)
        add_news(news, SEATLEASE_EVENT_OFFLINE, seat->problem.code);
    else if (state == SEATLEASE_EXPIRED && seat->borrowed_until_ms > 0) lose(seat, "OFFLINE_LICENSE_EXPIRED", news);
    else if (state == SEATLEASE_EXPIRED && before != SEATLEASE_EXPIRED && (seat->is_within_lease || has_failed))
        add_news(news, SEATLEASE_EVENT_LOST, why_expired(seat));
    else if (state != before) return;
    seat->reported = state;
}

/* The client whose listener this thread runs. */
static _Thread_local const seatlease_client *listening_to;

/* Only threads of seats call it. */
static void publish(seatlease_seat *seat, struct news *news) {
    seatlease_client *client = seat->client;
    listening_to = client;
    for (int n = 0; n < news->count && client->listener != NULL; n++)
        client->listener(seat, news->events[n], news->codes[n], client->context);
    listening_to = NULL;
    news->count = 0;
}

/* ---- Requests ---- */

static char *acquire_body(seatlease_client *client, const char *instance_id, int borrow_days) {
    char *body = NULL;
    size_t length;
    FILE *to = open_memstream(&body, &length);
    if (to == NULL) return NULL;
    write_member(to, "{fingerprint", client->fingerprint);
    write_member(to, "instance_id", instance_id);
    write_member(to, "user_id", client->user_id);
    write_member(to, "process_id", client->process_id);
    write_member(to, "hostname", client->hostname);
    write_member(to, "app_version", client->app_version);
    if (borrow_days > 0) fprintf(to, ",\"borrow_days\":%d", borrow_days);
    pthread_mutex_lock(&client->lock);
    double since_ms = client->grace.offline_since_ms;
    pthread_mutex_unlock(&client->lock);
    if (since_ms > 0) {
        time_t seconds = (time_t)(since_ms / 1000);
        struct tm parts;
        char text[32];
        gmtime_r(&seconds, &parts);
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", &parts);
        write_member(to, "offline_since", text);
    }
    fputc('}', to);
    return fclose(to) == 0 ? body : NULL;
}

static char *session_body(const char *session_id, const char *token) {
    char *body = NULL;
    size_t length;
    FILE *to = open_memstream(&body, &length);
    if (to == NULL) return NULL;
    write_member(to, "{session_id", session_id);
    write_member(to, "session_token", token);
    fputc('}', to);
    return fclose(to) == 0 ? body : NULL;
}

static struct answer send_acquire(seatlease_client *client, struct channel *channel, const char *instance_id,
    int borrow_days, double timeout_ms, struct grant *grant) {
    struct answer answer = call(client, channel, "POST", "/api/v1/licenses/acquire",
        acquire_body(client, instance_id, borrow_days), timeout_ms);
    if (answer.is_good && !read_grant(client, &answer, grant)) take_garbage(&answer, client);
    if (!answer.is_good) return answer;
    pthread_mutex_lock(&client->lock);
    observe_time(client, grant->server_ms, answer.sent_ms);
    /* The server knows now. */
    client->grace.offline_since_ms = 0;
    pthread_mutex_unlock(&client->lock);
    return answer;
}

/* Retry-After in milliseconds, or a negative number. A wrong value of hours must not keep a seat lost. */
static double asked_ms(const seatlease_error *error) {
    return fmin((double)error->retry_after_seconds * SECOND, LONGEST_RETRY_AFTER);
}

/* Waits for Retry-After, and then a random time (full jitter). A seat can be free before the next lease ends. */
static double backoff_ms(enum step step, const seatlease_error *error, int retries) {
    const struct backoff_row *row = &BACKOFFS[backoff_of(step)];
    double random_ms = random01() * fmin(row->longest_ms, row->first_ms * pow(2, fmin(retries, 30)));
    double retry_after_ms = asked_ms(error);
    if (backoff_of(step) == SEAT) return retry_after_ms < 0 ? random_ms : fmin(random_ms, retry_after_ms);
    return fmax(retry_after_ms, 0) + random_ms;
}

/* Releases a session. True if the server has confirmed it. Sends until `within_ms` have passed. */
static bool send_release(seatlease_client *client, struct channel *channel, const char *session_id, const char *token,
    double within_ms, seatlease_error *error) {
    struct stopwatch watch = start_stopwatch();
    for (int n = 0;; n++) {
        double left_ms = within_ms - read_stopwatch(&watch);
        /* Of a loan, a try may hang: another one follows. */
        double timeout_ms = within_ms > RELEASE_WITHIN ? left_ms / 2 : left_ms;
        struct answer answer =
            call(client, channel, "POST", "/api/v1/licenses/release", session_body(session_id, token), timeout_ms);
        bool is_done = answer.is_good && answer.json.count == 0;
        enum step next = answer.next;
        if (!is_done) *error = answer.error;
        free_answer(&answer);
        if (is_done) return true;
        double pause_ms = random01() * fmin(2 * SECOND, 300 * pow(2, fmin(n, 10)));
        if (next == STOP || read_stopwatch(&watch) + pause_ms >= within_ms || atomic_load(&channel->is_canceled))
            return false;
        struct timespec pause = {(time_t)(pause_ms / 1000), (long)fmod(pause_ms, 1000) * 1000000};
        nanosleep(&pause, NULL);
    }
}

/* Gets a signed license, verifies and stores it. If that fails, the news report it, once for each cause. */
static void sign_license(seatlease_seat *seat, struct channel *channel, struct news *news) {
    seatlease_client *client = seat->client;
    pthread_mutex_lock(&client->lock);
    struct grace *grace = &client->grace;
    bool is_loan = seat->borrowed_until_ms > 0;
    bool is_due = client->keys != NULL && seat->end == NOT_ENDED && is_leased(seat) && seat->failures == 0 &&
                  (seat->grace_days > 0 || is_loan) && now_ms(client) >= grace->next_sign_ms;
    char *session_id = is_due ? strdup(seat->session_id) : NULL;
    if (is_due) grace->next_sign_ms = now_ms(client) + 10 * MINUTE;
    /* It may take the time of one try of the next heartbeat, not more: two of three remain. */
    double timeout_ms = fmin(LONGEST_TIMEOUT, fmax(seat->lease.due_ms - now_ms(client), seat->lease.pause_ms));
    pthread_mutex_unlock(&client->lock);
    if (session_id == NULL) return;
    struct answer answer =
        call(client, channel, "POST", "/api/v1/licenses/sign", session_body(session_id, NULL), timeout_ms);
    const char *token = answer.is_good ? sl_get_text(answer.json.values, "license_token") : NULL;
    struct sl_license license = {0};
    if (answer.is_good && token == NULL) take_garbage(&answer, client);
    const char *problem = token == NULL ? NULL : verify(client, token, &license);
    if (problem != NULL)
        set_error(&answer.error, "OFFLINE_LICENSE_INVALID",
            "The license that the server signed cannot be used offline. %s", problem);
    pthread_mutex_lock(&client->lock);
    bool is_same = seat->end == NOT_ENDED && strcmp(seat->session_id, session_id) == 0;
    if (is_same && token != NULL && problem == NULL && replace_text(&grace->token, token) &&
        replace_text(&grace->session_id, session_id)) {
        sl_license_free(&grace->license);
        grace->license = license;
        license = (struct sl_license){0};
        grace->has_license = grace->is_dirty = grace->is_new = true;
        grace->is_released = false;
        grace->is_loan = is_loan;
        grace->start_days = seat->start_days;
        grace->at_risk[0] = '\0';
        grace->sign_failures = 0;
        grace->next_sign_ms = now_ms(client) + DAY * (1 - 0.1 * random01());
    } else if (is_same && answer.error.code[0] != '\0') {
        bool is_temporary = problem == NULL && (answer.held == RETRY_OUTAGE || answer.held == ACQUIRE);
        double retry_after_ms = (double)answer.error.retry_after_seconds * SECOND;
        grace->next_sign_ms = now_ms(client) + clamp(retry_after_ms, 10 * MINUTE, DAY);
        if ((++grace->sign_failures >= TRIES || !is_temporary) && strcmp(grace->at_risk, answer.error.code) != 0) {
            snprintf(grace->at_risk, sizeof grace->at_risk, "%s", answer.error.code);
            add_news(news, SEATLEASE_EVENT_GRACE_AT_RISK, answer.error.code);
        }
    }
    pthread_mutex_unlock(&client->lock);
    sl_license_free(&license);
    free_answer(&answer);
    free(session_id);
}

/* ---- The thread of a seat ---- */

static void take_failure(seatlease_seat *seat, const struct answer *answer, struct news *news) {
    enum step step = answer->held;
    seat->problem = answer->error;
    if (step == STOP) {
        lose(seat, answer->error.code, news);
        return;
    }
    /* Only heartbeats are followed by an acquire at once; else it would go round. */
    if (step == ACQUIRE) step = RETRY_OUTAGE;
    seat->failures++;
    seat->failures_awake++;
    if (step == RETRY_SEAT_WITHIN_LEASE || step == RETRY_REPAIR_WITHIN_LEASE) seat->is_within_lease = true;
    double now = now_ms(seat->client), last_ms = seat->lease.ends_ms - seat->lease.pause_ms;
    double retry_after_ms = backoff_of(step) == SEAT ? 0 : fmax(asked_ms(&seat->problem), 0);
    bool is_over = !seat->lease.is_held || now >= seat->lease.ends_ms;
    /* Tries that only the end of the lease asks for do not make a long backoff longer. */
    int retries = is_over ? seat->retries++ : backoff_of(step) == OUTAGE ? seat->failures - 1 : 0;
    seat->next_ms = now + backoff_ms(step, &seat->problem, retries);
    bool is_sure = seat->failures_awake >= TRIES || seat->is_within_lease;
    if (is_over) {
        /* Three tries come before bad news, so they come soon, whatever a proxy asks for. */
        if (!is_sure) seat->next_ms = clamp(seat->next_ms, now + SECOND, now + 10 * SECOND);
        return;
    }
    if (!is_sure) seat->next_ms = fmin(seat->next_ms, seat->lease.ends_ms + SECOND + 9 * SECOND * random01());
    /* Three tries fit between the time when a heartbeat is due and the end of the lease. */
    if (seat->failures < TRIES)
        seat->next_ms = fmin(seat->next_ms, fmax(answer->sent_ms + seat->lease.pause_ms, now + retry_after_ms));
    /* Whatever the backoff says, there is one more try before the lease ends. */
    if (now < last_ms) seat->next_ms = fmin(seat->next_ms, last_ms);
}

/* `lock` is held. Three tries fit into the lease. */
static double timeout_of(seatlease_seat *seat) {
    if (!is_leased(seat)) return LONGEST_TIMEOUT;
    return fmax(fmin(seat->lease.pause_ms * 0.75, LONGEST_TIMEOUT), LEAST_TIMEOUT);
}

static void beat(seatlease_seat *seat, struct news *news) {
    seatlease_client *client = seat->client;
    pthread_mutex_lock(&client->lock);
    double timeout_ms = timeout_of(seat);
    bool is_anew = seat->needs_acquire;
    char *session_id = strdup(seat->session_id), *token = seat->token == NULL ? NULL : strdup(seat->token);
    double began_ms = now_ms(client);
    seat->next_ms = began_ms + SECOND;
    pthread_mutex_unlock(&client->lock);
    /* Without memory: once more in a second. */
    if (session_id == NULL) {
        free(token);
        return;
    }
    struct grant grant = {0};
    struct answer answer = {0};
    if (!is_anew) {
        answer = call(
            client, &client->beat, "PUT", "/api/v1/licenses/heartbeat", session_body(session_id, token), timeout_ms);
        if (answer.is_good && !read_heartbeat(&answer, session_id, &grant)) take_garbage(&answer, client);
        is_anew = !answer.is_good && answer.held == ACQUIRE;
        if (is_anew) free_answer(&answer);
    }
    if (is_anew) answer = send_acquire(client, &client->beat, seat->instance_id, 0, timeout_ms, &grant);
    pthread_mutex_lock(&client->lock);
    /* A try that began before the machine slept says nothing about the time after. */
    if (now_ms(client) - began_ms > 2 * timeout_ms + SLEPT) seat->failures_awake = -1;
    bool is_canceled = !answer.is_good && atomic_load(&client->beat.is_canceled);
    bool is_unwanted = seat->end != NOT_ENDED || is_canceled;
    if (is_unwanted) {
        /* It was released meanwhile, or another thread acquires it. */
    } else if (!answer.is_good) {
        seat->needs_acquire = is_anew;
        take_failure(seat, &answer, news);
    } else if (is_anew) {
        bool was_granted = seat->was_granted;
        take_grant(seat, &grant, answer.sent_ms);
        if (was_granted) add_news(news, SEATLEASE_EVENT_REACQUIRED, "");
    } else {
        replace_text(&seat->token, grant.token);
        take_terms(seat, grant.entitlements);
        take_lease(seat, &grant, answer.sent_ms);
        observe_time(client, grant.server_ms, answer.sent_ms);
        if (grant.is_revived) add_news(news, SEATLEASE_EVENT_REACQUIRED, "");
    }
    pthread_mutex_unlock(&client->lock);
    if (is_unwanted && is_anew && answer.is_good) {
        seatlease_error ignored;
        atomic_store(&client->beat.is_canceled, false);
        send_release(client, &client->beat, grant.session_id, grant.token, EXIT_WITHIN, &ignored);
    }
    free_answer(&answer);
    free(session_id);
    free(token);
}

static void nap(seatlease_client *client, double ms) {
    struct timespec until;
#ifdef __APPLE__
    until = (struct timespec){(time_t)(ms / 1000), (long)fmod(ms, 1000) * 1000000};
    pthread_cond_timedwait_relative_np(&client->wake, &client->lock, &until);
#else
    clock_gettime(CLOCK_MONOTONIC, &until);
    double at = (double)until.tv_nsec / 1e6 + ms;
    until.tv_sec += (time_t)(at / 1000);
    until.tv_nsec = (long)(fmod(at, 1000) * 1e6);
    pthread_cond_timedwait(&client->wake, &client->lock, &until);
#endif
}

static bool give_back(seatlease_seat *seat, struct channel *channel, double within_ms, seatlease_error *error);

/* `lock` is held. Whether its thread goes on. */
static bool is_kept(const seatlease_seat *seat) {
    return seat->end == NOT_ENDED && !seat->is_paused && !seat->client->is_closing;
}

static void *hold_seat(void *argument) {
    seatlease_seat *seat = argument;
    seatlease_client *client = seat->client;
    double planned_ms = NEVER;
    pthread_mutex_lock(&client->lock);
    while (is_kept(seat)) {
        struct news news = seat->news;
        double now = now_ms(client);
        seat->news.count = 0;
        if (now > planned_ms + SLEPT) {
            seat->failures_awake = 0;
            if (seat->borrowed_until_ms == 0 && !is_leased(seat)) seat->next_ms = now;
        }
        bool is_due = now >= seat->next_ms;
        pthread_mutex_unlock(&client->lock);
        if (is_due) beat(seat, &news);
        pthread_mutex_lock(&client->lock);
        look(seat, &news);
        pthread_mutex_unlock(&client->lock);
        publish(seat, &news);
        sign_license(seat, &client->beat, &news);
        publish(seat, &news);
        save(client);
        pthread_mutex_lock(&client->lock);
        if (!is_kept(seat)) break;
        now = now_ms(client);
        double nap_ms = fmin(LONGEST_NAP, fmax(seat->next_ms - now, 0));
        if (is_leased(seat)) nap_ms = fmin(nap_ms, seat->lease.ends_ms - now + 1);
        else if (seat->reported == SEATLEASE_OFFLINE)
            nap_ms = fmin(nap_ms, fmax(client->grace.license.until_ms - corrected_ms(client), 100));
        if (client->grace.next_sign_ms > now) nap_ms = fmin(nap_ms, client->grace.next_sign_ms - now);
        planned_ms = now + nap_ms;
        if (nap_ms > 0) nap(client, nap_ms);
    }
    bool releases_itself = seat->releases_itself;
    pthread_mutex_unlock(&client->lock);
    seatlease_error ignored;
    if (releases_itself) give_back(seat, &client->beat, RELEASE_WITHIN, &ignored);
    return NULL;
}

/* `lock` is held. Someone looks at a seat whose lease has just ended: ask at once. */
static seatlease_state read_state(seatlease_seat *seat) {
    seatlease_state state = state_of(seat);
    if (state != seat->reported && seat->end == NOT_ENDED) pthread_cond_broadcast(&seat->client->wake);
    return state;
}

/* ---- Acquiring ---- */

static seatlease_seat *new_seat(seatlease_client *client, const char *instance_id) {
    seatlease_seat *seat = calloc(1, sizeof *seat);
    if (seat == NULL) return NULL;
    seat->client = client;
    seat->problem.retry_after_seconds = -1;
    snprintf(seat->instance_id, sizeof seat->instance_id, "%s", instance_id);
    return seat;
}

static void free_seat(seatlease_seat *seat) {
    sl_terms_free(&seat->terms);
    free(seat->session_id);
    free(seat->token);
    free(seat->license_id);
    free(seat);
}

/* Signals belong to the program: the thread takes none. */
static bool start_thread(seatlease_seat *seat) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    seat->has_thread = pthread_create(&seat->thread, NULL, hold_seat, seat) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return seat->has_thread;
}

/* `calling` is held. The thread of a seat is not needed while it is acquired again, or when it is released. */
static void stop_thread(seatlease_seat *seat) {
    seatlease_client *client = seat->client;
    pthread_mutex_lock(&client->lock);
    /* exit() may be called by the listener. */
    bool has_other = seat->has_thread && !pthread_equal(pthread_self(), seat->thread);
    if (has_other) seat->has_thread = false;
    seat->is_paused = true;
    pthread_cond_broadcast(&client->wake);
    pthread_mutex_unlock(&client->lock);
    if (!has_other) return;
    cancel_channel(&client->beat);
    pthread_join(seat->thread, NULL);
}

/* Starts the thread of a seat, also again. */
static bool begin_seat(seatlease_client *client, seatlease_seat *seat, seatlease_error *error) {
    pthread_mutex_lock(&client->lock);
    atomic_store(&client->beat.is_canceled, false);
    if (client->seat != seat) seat->older = client->seat;
    client->seat = seat;
    seat->is_paused = false;
    bool is_started = start_thread(seat);
    if (!is_started) seat->end = ENDED_LOST;
    pthread_mutex_unlock(&client->lock);
    if (!is_started) set_error(error, "NO_ANSWER", "No thread can be started to hold the seat.");
    return is_started;
}

/* A seat that starts offline: its own session, if it is no loan, begins at the next contact. */
static seatlease_seat *offline_seat(seatlease_client *client) {
    struct grace *grace = &client->grace;
    /* That of the tries without an answer: one of them may have been granted. */
    seatlease_seat *seat = new_seat(client, client->next_instance);
    if (seat == NULL) return NULL;
    make_uuid(client->next_instance);
    pthread_mutex_lock(&client->lock);
    seat->session_id = strdup(grace->session_id);
    seat->license_id = strdup(grace->license.license_id);
    seat->reported = SEATLEASE_OFFLINE;
    seat->borrowed_until_ms = grace->is_loan ? grace->license.until_ms : 0;
    seat->needs_acquire = !grace->is_loan;
    seat->start_days = grace->start_days;
    seat->next_ms = grace->is_loan ? NEVER : now_ms(client) + SECOND;
    seat->terms = grace->license.terms;
    grace->license.terms = (struct sl_terms){0};
    if (!grace->is_loan && grace->offline_since_ms == 0) grace->offline_since_ms = corrected_ms(client);
    grace->is_dirty = true;
    pthread_mutex_unlock(&client->lock);
    return seat;
}

/* The loan of this machine, if it is stored and has not ended: all programs use it. */
static seatlease_seat *stored_loan(seatlease_client *client) {
    seatlease_error error;
    pthread_mutex_lock(&client->lock);
    bool is_loan = load_store(client, &error) && error.code[0] == '\0' && client->grace.is_loan;
    char *session_id = is_loan ? strdup(client->grace.session_id) : NULL;
    pthread_mutex_unlock(&client->lock);
    if (session_id == NULL) return NULL;
    struct grant grant = {0};
    struct answer answer = call(
        client, &client->caller, "PUT", "/api/v1/licenses/heartbeat", session_body(session_id, NULL), LOAN_TIMEOUT);
    if (answer.is_good && !read_heartbeat(&answer, session_id, &grant)) take_garbage(&answer, client);
    seatlease_seat *seat = NULL;
    if (answer.is_good || (answer.held != STOP && answer.held != ACQUIRE)) {
        seat = offline_seat(client);
        if (seat != NULL && answer.is_good) {
            pthread_mutex_lock(&client->lock);
            observe_time(client, grant.server_ms, answer.sent_ms);
            take_lease(seat, &grant, answer.sent_ms);
            pthread_mutex_unlock(&client->lock);
            replace_text(&seat->token, grant.token);
            seat->reported = SEATLEASE_ONLINE;
        }
    } else {
        pthread_mutex_lock(&client->lock);
        forget_license(client);
        pthread_mutex_unlock(&client->lock);
        save(client);
    }
    free_answer(&answer);
    free(session_id);
    return seat;
}

/* Sleeps until the time has passed; false if the client is closed meanwhile. */
static bool sleep_for(seatlease_client *client, double ms) {
    pthread_mutex_lock(&client->lock);
    double until_ms = now_ms(client) + ms;
    for (double now; !client->is_closing && (now = now_ms(client)) < until_ms;)
        nap(client, fmin(until_ms - now, LONGEST_NAP));
    bool is_open = !client->is_closing;
    pthread_mutex_unlock(&client->lock);
    return is_open;
}

/* `again`: the seat that this acquires once more, to borrow it or because it has expired; NULL for a new one. */
static bool take_granted(seatlease_client *client, const struct answer *answer, const struct grant *grant,
    seatlease_seat *again, seatlease_seat **held, seatlease_error *error) {
    seatlease_seat *seat = again != NULL ? again : new_seat(client, client->next_instance);
    pthread_mutex_lock(&client->lock);
    /* A loan replaces the session with heartbeats. */
    bool is_replaced = again != NULL && again->token != NULL && strcmp(again->session_id, grant->session_id) != 0;
    char *session_id = is_replaced ? strdup(again->session_id) : NULL,
         *token = is_replaced ? strdup(again->token) : NULL;
    bool is_taken = seat != NULL && seat->end == NOT_ENDED && take_grant(seat, grant, answer->sent_ms);
    pthread_mutex_unlock(&client->lock);
    if (is_taken) {
        if (again == NULL) make_uuid(client->next_instance);
        /* A loan is used offline: its license is signed and stored before the seat is returned. */
        if (seat->borrowed_until_ms > 0) sign_license(seat, &client->caller, &seat->news);
        save(client);
        if (session_id != NULL) send_release(client, &client->caller, session_id, token, RELEASE_WITHIN, error);
        *held = seat;
        is_taken = begin_seat(client, seat, error);
    } else {
        send_release(client, &client->caller, grant->session_id, grant->token, RELEASE_WITHIN, error);
        /* If the listener has released it, its thread does the rest. */
        if (again != NULL) begin_seat(client, again, error);
        else if (seat != NULL) free_seat(seat);
        set_error(error, "NO_ANSWER", "The seat was released by another thread, or there is no memory for it.");
    }
    free(session_id);
    free(token);
    return is_taken;
}

/* After a request that got no answer, also with `wait`: the second time, what is stored is used. */
static bool start_offline(seatlease_client *client, int days, seatlease_seat **held, seatlease_error *error) {
    seatlease_error why;
    pthread_mutex_lock(&client->lock);
    bool is_stored = load_store(client, &why);
    bool is_usable = is_stored && why.code[0] == '\0' && (days == 0 || client->grace.is_loan);
    pthread_mutex_unlock(&client->lock);
    if (is_stored && why.code[0] != '\0') *error = why;
    if (!is_usable) return false;
    *held = offline_seat(client);
    /* Else a clock that is set back before each start would show nothing. */
    if (*held != NULL && !save(client)) {
        free_seat(*held);
        *held = NULL;
        set_error(
            error, "OFFLINE_START_NOT_ALLOWED", "The stored license cannot be used: its folder cannot be written.");
    }
    return *held != NULL && begin_seat(client, *held, error);
}

/* `calling` is held. */
static bool acquire_seat(
    seatlease_client *client, int days, double wait_seconds, seatlease_seat **held, seatlease_error *error) {
    bool is_stored = client->keys != NULL && client->store_path != NULL && access(client->store_path, R_OK) == 0;
    bool has_fresh_instance = false;
    pthread_mutex_lock(&client->lock);
    double began_ms = now_ms(client);
    pthread_mutex_unlock(&client->lock);
    for (int n = 0, unanswered = 0;; n++) {
        pthread_mutex_lock(&client->lock);
        /* A seat that has expired may come back by itself: there must not be two. */
        seatlease_seat *again = client->seat != NULL && client->seat->end == NOT_ENDED ? client->seat : NULL;
        seatlease_state state = again == NULL ? SEATLEASE_RELEASED : read_state(again);
        double left_ms = wait_seconds * SECOND - (now_ms(client) - began_ms);
        double timeout_ms = wait_seconds > 0 ? fmin(LONGEST_TIMEOUT, fmax(left_ms, SECOND)) : LONGEST_TIMEOUT;
        if (again != NULL) timeout_ms = fmin(timeout_ms, timeout_of(again));
        pthread_mutex_unlock(&client->lock);
        *held = again;
        if (days == 0 && (state == SEATLEASE_ONLINE || state == SEATLEASE_OFFLINE)) return true;
        if (n == 0 && days == 0 && again == NULL && (*held = stored_loan(client)) != NULL)
            return begin_seat(client, *held, error);
        if (again != NULL) stop_thread(again);
        struct grant grant;
        struct answer answer = send_acquire(client, &client->caller,
            again != NULL ? again->instance_id : client->next_instance, days, timeout_ms, &grant);
        if (answer.is_good) {
            bool is_held = take_granted(client, &answer, &grant, again, held, error);
            free_answer(&answer);
            return is_held;
        }
        if (again != NULL) begin_seat(client, again, error);
        *error = answer.error;
        if (is_code(error, "SESSION_ENDED") && again == NULL && !has_fresh_instance) {
            make_uuid(client->next_instance);
            has_fresh_instance = true;
            continue;
        }
        if (answer.next == STOP || answer.next == ACQUIRE) {
            /* There is no right to start offline either. */
            pthread_mutex_lock(&client->lock);
            if (answer.held == STOP && again == NULL && days == 0) forget_license(client);
            pthread_mutex_unlock(&client->lock);
            save(client);
            return false;
        }
        bool is_outage = backoff_of(answer.next) == OUTAGE;
        bool is_offline_start = is_stored && again == NULL;
        unanswered = is_outage ? unanswered + 1 : 0;
        if (unanswered >= OUTAGE_TRIES_IF_STORED && is_offline_start && start_offline(client, days, held, error))
            return true;
        if (wait_seconds == 0) {
            if (!is_outage || unanswered >= (is_offline_start ? OUTAGE_TRIES_IF_STORED : OUTAGE_TRIES)) return false;
            if (error->retry_after_seconds > LONGEST_PATIENCE_SECONDS) return false;
        }
        double pause_ms = backoff_ms(answer.next, error, n);
        pthread_mutex_lock(&client->lock);
        left_ms = wait_seconds * SECOND - (now_ms(client) - began_ms);
        pthread_mutex_unlock(&client->lock);
        bool is_in_vain = wait_seconds > 0 && pause_ms >= left_ms;
        if (!sleep_for(client, is_in_vain ? fmax(left_ms, 0) : pause_ms)) return false;
        if (!is_in_vain) continue;
        seatlease_error cause = *error;
        set_error(error, "WAITED_IN_VAIN", "No seat within %.0f seconds. %.400s", wait_seconds, cause.message);
        snprintf(error->cause, sizeof error->cause, "%s", cause.code);
        snprintf(error->request_id, sizeof error->request_id, "%s", cause.request_id);
        error->status = cause.status;
        return false;
    }
}

static bool acquire(
    seatlease_client *client, int days, double wait_seconds, seatlease_seat **held, seatlease_error *error) {
    seatlease_error ignored;
    if (error == NULL) error = &ignored;
    set_error(error, "", "%s", "");
    *held = NULL;
    if (wait_seconds < 0) wait_seconds = client->wait_seconds;
    if (isnan(wait_seconds) || days < 0 || days > 90) {
        set_error(error, "OPTION_INVALID", "%s is not valid.", isnan(wait_seconds) ? "wait_seconds" : "days");
        return false;
    }
    if (days > 0 && client->keys == NULL) {
        set_error(error, "PUBLIC_KEYS_REQUIRED", "To borrow a seat, pass public_keys: a loan is used offline.");
        return false;
    }
    if (listening_to == client) {
        set_error(error, "OPTION_INVALID", "The listener cannot acquire: it runs on the thread that holds the seat.");
        return false;
    }
    pthread_mutex_lock(&client->calling);
    atomic_store(&client->caller.is_canceled, false);
    bool is_held = acquire_seat(client, days, wait_seconds, held, error);
    pthread_mutex_unlock(&client->calling);
    if (is_held) set_error(error, "", "%s", "");
    else *held = NULL;
    return is_held;
}

bool seatlease_acquire(seatlease_client *client, double wait_seconds, seatlease_seat **seat, seatlease_error *error) {
    return acquire(client, 0, wait_seconds, seat, error);
}

bool seatlease_borrow(
    seatlease_client *client, int days, double wait_seconds, seatlease_seat **seat, seatlease_error *error) {
    return acquire(client, days < 1 ? -1 : days, wait_seconds, seat, error);
}

/* ---- Releasing ---- */

/* Releases an ended seat on the server. False only for a loan that could not be returned: it would be taken for
   days. */
static bool give_back(seatlease_seat *seat, struct channel *channel, double within_ms, seatlease_error *error) {
    seatlease_client *client = seat->client;
    pthread_mutex_lock(&client->lock);
    bool is_loan = seat->borrowed_until_ms > 0;
    bool has_session = !seat->is_returned && seat->session_id != NULL && (seat->token != NULL || is_loan);
    char *session_id = has_session ? strdup(seat->session_id) : NULL;
    char *token = has_session && seat->token != NULL ? strdup(seat->token) : NULL;
    pthread_mutex_unlock(&client->lock);
    bool is_returned = session_id == NULL ||
                       send_release(client, channel, session_id, token, is_loan ? RETURN_WITHIN : within_ms, error);
    pthread_mutex_lock(&client->lock);
    if (is_returned && session_id != NULL) {
        seat->is_returned = client->grace.is_dirty = true;
        client->grace.start_days = seat->start_days;
        client->grace.is_released = !is_loan && seat->start_days > 0 && client->grace.has_license;
        if (!client->grace.is_released) forget_license(client);
    }
    pthread_mutex_unlock(&client->lock);
    save(client);
    free(session_id);
    free(token);
    return is_returned || !is_loan;
}

/* `lock` is held. Returns whether there is something to give back. */
static bool end_seat(seatlease_seat *seat) {
    bool was_lost = seat->end == ENDED_LOST;
    seat->end = ENDED_RELEASED;
    seat->is_returned = seat->is_returned || was_lost;
    pthread_cond_broadcast(&seat->client->wake);
    return !seat->is_returned;
}

bool seatlease_release(seatlease_seat *seat, seatlease_error *error) {
    seatlease_client *client = seat->client;
    seatlease_error ignored;
    if (error == NULL) error = &ignored;
    set_error(error, "", "%s", "");
    /* At once, also if another thread is waiting for a seat. */
    pthread_mutex_lock(&client->lock);
    seat->releases_itself = end_seat(seat) && listening_to == client;
    pthread_mutex_unlock(&client->lock);
    /* Another thread may wait for the end of this one. */
    if (listening_to == client) return true;
    pthread_mutex_lock(&client->calling);
    atomic_store(&client->caller.is_canceled, false);
    stop_thread(seat);
    bool is_released = give_back(seat, &client->caller, RELEASE_WITHIN, error);
    pthread_mutex_unlock(&client->calling);
    if (is_released) set_error(error, "", "%s", "");
    return is_released;
}

/* ---- Reading ---- */

seatlease_state seatlease_state_of(seatlease_seat *seat) {
    pthread_mutex_lock(&seat->client->lock);
    seatlease_state state = read_state(seat);
    pthread_mutex_unlock(&seat->client->lock);
    return state;
}

bool seatlease_may_run(seatlease_seat *seat) {
    seatlease_state state = seatlease_state_of(seat);
    return state == SEATLEASE_ONLINE || state == SEATLEASE_OFFLINE;
}

bool seatlease_holds_lease(seatlease_seat *seat) {
    pthread_mutex_lock(&seat->client->lock);
    read_state(seat);
    bool is_held = seat->end == NOT_ENDED && is_leased(seat);
    pthread_mutex_unlock(&seat->client->lock);
    return is_held;
}

bool seatlease_has(seatlease_seat *seat, const char *feature) {
    bool is_found = false;
    pthread_mutex_lock(&seat->client->lock);
    for (size_t n = 0; n < seat->terms.feature_count; n++)
        is_found = is_found || strcmp(seat->terms.features[n], feature) == 0;
    pthread_mutex_unlock(&seat->client->lock);
    return is_found;
}

bool seatlease_limit(seatlease_seat *seat, const char *name, double *value) {
    bool is_found = false;
    pthread_mutex_lock(&seat->client->lock);
    for (size_t n = 0; n < seat->terms.limit_count; n++)
        if (strcmp(seat->terms.limit_names[n], name) == 0) {
            *value = seat->terms.limit_values[n];
            is_found = true;
        }
    pthread_mutex_unlock(&seat->client->lock);
    return is_found;
}

/* A JSON number, whatever the decimal point of the program's locale is. */
static void write_number(FILE *to, double value) {
    char text[64];
    snprintf(text, sizeof text, "%.17g", value);
    for (char *at = text; *at != '\0'; at++)
        if (strchr("0123456789+-e", *at) == NULL) *at = '.';
    fputs(text, to);
}

static void write_time(FILE *to, const char *name, double ms) {
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char text[32];
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    write_member(to, name, text);
}

char *seatlease_describe(seatlease_seat *seat) {
    static const char *const STATES[] = {"online", "offline", "expired", "released"};
    char *text = NULL;
    size_t length;
    FILE *to = open_memstream(&text, &length);
    if (to == NULL) return NULL;
    pthread_mutex_lock(&seat->client->lock);
    seatlease_state state = read_state(seat);
    const struct sl_terms *terms = &seat->terms;
    write_member(to, "{state", STATES[state]);
    fprintf(to, ",\"may_run\":%s", state == SEATLEASE_ONLINE || state == SEATLEASE_OFFLINE ? "true" : "false");
    fprintf(to, ",\"holds_lease\":%s", seat->end == NOT_ENDED && is_leased(seat) ? "true" : "false");
    write_member(to, "session_id", seat->session_id);
    write_member(to, "license_id", seat->license_id);
    write_member(to, "plan", terms->plan);
    fputs(",\"features\":[", to);
    for (size_t n = 0; n < terms->feature_count; n++) {
        if (n > 0) fputc(',', to);
        sl_write_text(to, terms->features[n]);
    }
    fputs("],\"limits\":{", to);
    for (size_t n = 0; n < terms->limit_count; n++) {
        if (n > 0) fputc(',', to);
        sl_write_text(to, terms->limit_names[n]);
        fputc(':', to);
        write_number(to, terms->limit_values[n]);
    }
    fputc('}', to);
    if (seat->borrowed_until_ms > 0) write_time(to, "borrowed_until", seat->borrowed_until_ms);
    if (seat->end == NOT_ENDED && seat->client->grace.has_license)
        write_time(to, "offline_until", seat->client->grace.license.until_ms);
    if (seat->problem.code[0] != '\0') write_member(to, "problem", seat->problem.code);
    pthread_mutex_unlock(&seat->client->lock);
    fputc('}', to);
    return fclose(to) == 0 ? text : NULL;
}

/* ---- The end of the program ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t clients_lock = PTHREAD_MUTEX_INITIALIZER;
static seatlease_client *clients;

static void release_at_exit(void) {
    pthread_mutex_lock(&clients_lock);
    for (seatlease_client *client = clients; client != NULL; client = client->next) {
        seatlease_error ignored;
        pthread_mutex_lock(&client->lock);
        seatlease_seat *seat = client->seat;
        client->is_closing = true;
        pthread_cond_broadcast(&client->wake);
        bool is_wanted = seat != NULL && seat->borrowed_until_ms == 0 && end_seat(seat);
        pthread_mutex_unlock(&client->lock);
        cancel_channel(&client->caller);
        /* Busy only if the program ends while another thread acquires: that request was canceled just now. */
        struct timespec pause = {0, 10 * 1000000};
        bool is_free = false;
        for (int n = 0; n < 50 && !(is_free = pthread_mutex_trylock(&client->calling) == 0); n++)
            nanosleep(&pause, NULL);
        if (!is_free) continue;
        atomic_store(&client->caller.is_canceled, false);
        /* Also that of a loan: OpenSSL is freed next. */
        if (seat != NULL) stop_thread(seat);
        if (is_wanted) give_back(seat, &client->caller, EXIT_WITHIN, &ignored);
        pthread_mutex_unlock(&client->calling);
    }
    pthread_mutex_unlock(&clients_lock);
}

/*
 * OpenSSL 3 frees itself in an exit handler, and handlers run in reverse order: it must be initialized before ours is
 * registered (curl/curl#12153, mpv-player/mpv#18505).
 */
static void initialize(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
    atexit(release_at_exit);
}

/* ---- Options ---- */

static bool is_printable(const char *text, size_t longest) {
    size_t length = strlen(text);
    for (size_t n = 0; n < length; n++)
        if (text[n] <= ' ' || text[n] > '~') return false;
    return length > 0 && length <= longest;
}

static bool is_loopback(const char *host) {
    int a, b, c;
    char rest;
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (sscanf(host, "127.%3d.%3d.%3d%c", &a, &b, &c, &rest) == 3 && strspn(host, "0123456789.") == strlen(host));
}

/* Copies an address without the slash at its end. NULL unless it is https, or http to this machine. */
static char *read_url(const char *text, bool *is_local, const char **problem) {
    CURLU *url = curl_url();
    char *scheme = NULL, *host = NULL, *user = NULL, *query = NULL, *whole = NULL, *copy = NULL;
    *problem = "is no address such as https://licenses.example.com";
    if (url != NULL && curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
        curl_url_get(url, CURLUPART_USER, &user, 0);
        curl_url_get(url, CURLUPART_QUERY, &query, 0);
        curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
        *is_local = is_loopback(host);
        bool is_https = strcmp(scheme, "https") == 0, is_http = strcmp(scheme, "http") == 0;
        if (!is_https && !is_http) *problem = "must begin with https://";
        else if (is_http && !*is_local)
            *problem = "must begin with https://: only this machine can be asked without encryption";
        else if (user != NULL || query != NULL) *problem = "must have neither credentials nor a query";
        else if (curl_url_get(url, CURLUPART_URL, &whole, 0) == CURLUE_OK && strlen(whole) < 1024) copy = strdup(whole);
    }
    for (size_t length = copy == NULL ? 0 : strlen(copy); length > 0 && copy[length - 1] == '/'; length--)
        copy[length - 1] = '\0';
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_free(query);
    curl_free(whole);
    curl_url_cleanup(url);
    return copy;
}

/* The name of an option in errors: that of the variable, if the value comes from there. */
static const char *read_option(const char *option, const char *name, const char *variable, const char **named) {
    const char *set = option != NULL ? NULL : getenv(variable);
    *named = set == NULL || set[0] == '\0' ? name : variable;
    return option != NULL ? option : set != NULL && set[0] != '\0' ? set : NULL;
}

static bool read_wait(seatlease_client *client, seatlease_error *error) {
    const char *text = getenv("SEATLEASE_WAIT");
    char *end;
    if (text == NULL || text[0] == '\0' || strcmp(text, "false") == 0) return true;
    if (strcmp(text, "true") == 0) client->wait_seconds = INFINITY;
    else {
        long seconds = strtol(text, &end, 10);
        if (!isdigit((unsigned char)text[0]) || *end != '\0' || seconds > 1000000000) {
            set_error(error, "OPTION_INVALID", "SEATLEASE_WAIT must be seconds, or true. It is \"%.40s\".", text);
            return false;
        }
        client->wait_seconds = (double)seconds;
    }
    return true;
}

static char *join(const char *folder, const char *name) {
    size_t room = strlen(folder) + strlen(name) + 2;
    char *path = malloc(room);
    if (path != NULL) snprintf(path, room, "%s/%s", folder, name);
    return path;
}

/* The folder of the SDK, as the XDG Base Directory Specification says; NULL without a home. */
static char *state_folder(const char *option) {
    const char *named, *given = read_option(option, "state_folder", "SEATLEASE_STATE_FOLDER", &named);
    const char *home = getenv("HOME"), *state = getenv("XDG_STATE_HOME");
    if (given != NULL) return strdup(given);
#ifdef __APPLE__
    return home == NULL || home[0] != '/' ? NULL : join(home, "Library/Application Support/seatlease");
#else
    if (state != NULL && state[0] == '/') return join(state, "seatlease");
    return home == NULL || home[0] != '/' ? NULL : join(home, ".local/state/seatlease");
#endif
}

/* A file for a name, as the SDK names it: the first half of its SHA-256. */
static char *state_path(const char *folder, const char *name) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char file[48];
    SHA256((const unsigned char *)name, strlen(name), digest);
    for (int n = 0; n < 16; n++) snprintf(file + 2 * n, 3, "%02x", digest[n]);
    snprintf(file + 32, 6, ".json");
    return join(folder, file);
}

static bool read_machine_file(const char *path, char id[64]) {
    size_t length;
    char *text = sl_read_file(path, &length);
    bool is_id =
        text != NULL && strspn(text, "0123456789abcdef") == 32 && strspn(text + 32, " \t\r\n") == strlen(text + 32);
    if (is_id) snprintf(id, 64, "%.32s", text);
    free(text);
    return is_id;
}

#ifdef __APPLE__
static bool read_machine_id(char id[64]) {
    char line[512];
    bool is_found = false;
    FILE *from = popen("/usr/sbin/ioreg -rd1 -c IOPlatformExpertDevice", "r");
    while (from != NULL && fgets(line, sizeof line, from) != NULL)
        if (!is_found && strstr(line, "\"IOPlatformUUID\"") != NULL)
            is_found = sscanf(line + strcspn(line, "="), "= \"%63[A-Za-z0-9-]", id) == 1;
    if (from != NULL) pclose(from);
    return is_found;
}
#else
/* In an image that was not booted yet, the file contains "uninitialized", or is empty. */
static bool read_machine_id(char id[64]) {
    return read_machine_file("/etc/machine-id", id) || read_machine_file("/var/lib/dbus/machine-id", id);
}
#endif

static bool is_uuid(const char *text) {
    for (size_t n = 0; n < 36; n++) {
        bool is_dash = n == 8 || n == 13 || n == 18 || n == 23;
        if (text[n] == '\0' || strchr(is_dash ? "-" : "0123456789abcdef", text[n]) == NULL) return false;
    }
    return text[36] == '\0';
}

/* A random id, for a machine that has none: stored and read back, or it would be another machine at each start. */
static bool read_stored_id(const char *folder, char id[64]) {
    char *path = folder == NULL ? NULL : state_path(folder, "machine"), fresh[37];
    bool is_stored = false;
    size_t length;
    for (int n = 0; n < 2 && path != NULL && !is_stored; n++) {
        char *text = sl_read_file(path, &length);
        is_stored = text != NULL && is_uuid(text);
        if (is_stored) snprintf(id, 64, "%s", text);
        else if (text != NULL) unlink(path);
        free(text);
        make_uuid(fresh);
        /* Of programs that start at the same time, one writes it. */
        if (!is_stored) sl_write_file(folder, path, fresh, true);
    }
    free(path);
    return is_stored;
}

static char *machine_fingerprint(const char *folder) {
    char id[64], text[48];
    unsigned char digest[32];
    if (!read_machine_id(id) && !read_stored_id(folder, id)) return NULL;
    /* Only a digest of the machine id leaves the machine (machine-id(5)). */
    sl_hmac(digest, id, "seatlease fingerprint");
    sl_base64url(text, digest, sizeof digest);
    return strdup(text);
}

/* If the app passes the address, a user who sets the variable would bring keys for the vendor's server. */
static bool read_keys(seatlease_client *client, const seatlease_options *options, seatlease_error *error) {
    const char *option = options->public_keys, *path = NULL;
    if (option == NULL && options->url == NULL) path = getenv("SEATLEASE_PUBLIC_KEYS");
    size_t length = option == NULL ? 0 : strlen(option);
    char *text = path == NULL || path[0] == '\0' ? NULL : sl_read_file(path, &length);
    if (option == NULL && (path == NULL || path[0] == '\0')) return true;
    if (option != NULL || text != NULL) client->keys = sl_keys_read(option != NULL ? option : text, length);
    if (client->keys == NULL) {
        if (option != NULL)
            set_error(error, "OPTION_INVALID", "public_keys has no RSA key: pass a JSON Web Key Set or PEMs.");
        else
            set_error(
                error, "OPTION_INVALID", "SEATLEASE_PUBLIC_KEYS: %.300s has no RSA key, or cannot be read.", path);
    }
    free(text);
    return client->keys != NULL;
}

static bool copy_option(char **field, const char *text) {
    return text == NULL || text[0] == '\0' || (*field = strdup(text)) != NULL;
}

static bool read_names(seatlease_client *client, const seatlease_options *options) {
    char text[256], uuid[37];
    make_uuid(uuid);
    snprintf(text, sizeof text, "%ld.%s", (long)getpid(), uuid);
    bool is_read = copy_option(&client->process_id, options->process_id != NULL ? options->process_id : text);
    if (gethostname(text, sizeof text) != 0) text[0] = '\0';
    text[sizeof text - 1] = '\0';
    return is_read && copy_option(&client->hostname, options->hostname != NULL ? options->hostname : text) &&
           copy_option(&client->user_id, options->user_id) && copy_option(&client->app_version, options->app_version) &&
           copy_option(&client->ca_file, options->ca_file);
}

static bool name_store(seatlease_client *client) {
    char *secret = NULL;
    size_t length;
    FILE *to = open_memstream(&secret, &length);
    if (to == NULL) return false;
    fputs("seatlease offline license ", to);
    const char *parts[] = {client->url, client->license_key, client->user_id, client->fingerprint};
    for (size_t n = 0; n < sizeof parts / sizeof *parts; n++) sl_write_text(to, parts[n]);
    if (fclose(to) != 0) return false;
    client->store_secret = secret;
    if (client->state_folder != NULL) client->store_path = state_path(client->state_folder, secret);
    return client->state_folder == NULL || client->store_path != NULL;
}

static bool read_options(seatlease_client *client, const seatlease_options *options, seatlease_error *error) {
    const char *named, *problem, *text;
    text = read_option(options->url, "url", "SEATLEASE_URL", &named);
    if (text == NULL) set_error(error, "OPTION_INVALID", "url is missing: pass it, or set SEATLEASE_URL.");
    else if ((client->url = read_url(text, &client->is_local, &problem)) == NULL)
        set_error(error, "OPTION_INVALID", "%s %s: \"%.200s\".", named, problem,
            strpbrk(text, "@?") == NULL ? text : "(not shown)");
    if (client->url == NULL) return false;
    text = read_option(options->license_key, "license_key", "SEATLEASE_LICENSE_KEY", &named);
    if (text == NULL)
        set_error(error, "OPTION_INVALID", "license_key is missing: pass it, or set SEATLEASE_LICENSE_KEY.");
    else if (!is_printable(text, 512)) set_error(error, "OPTION_INVALID", "%s is no license key.", named);
    else client->license_key = strdup(text);
    if (client->license_key == NULL || !read_wait(client, error) || !read_keys(client, options, error)) return false;
    client->state_folder = state_folder(options->state_folder);
    text = read_option(options->fingerprint, "fingerprint", "SEATLEASE_FINGERPRINT", &named);
    client->fingerprint = text != NULL ? strdup(text) : machine_fingerprint(client->state_folder);
    if (client->fingerprint == NULL) {
        set_error(error, "FINGERPRINT_UNAVAILABLE",
            "This machine has no id, and none can be stored: set SEATLEASE_FINGERPRINT.");
        return false;
    }
    if (read_names(client, options) && name_store(client)) return true;
    set_error(error, "NO_ANSWER", "There is no memory for the client.");
    return false;
}

static void free_client(seatlease_client *client) {
    for (seatlease_seat *seat = client->seat, *older; seat != NULL; seat = older) {
        older = seat->older;
        free_seat(seat);
    }
    close_channel(&client->caller);
    close_channel(&client->beat);
    sl_keys_free(client->keys);
    sl_license_free(&client->grace.license);
    if (client->license_key != NULL) OPENSSL_cleanse(client->license_key, strlen(client->license_key));
    if (client->store_secret != NULL) OPENSSL_cleanse(client->store_secret, strlen(client->store_secret));
    char *texts[] = {client->url, client->license_key, client->user_id, client->process_id, client->fingerprint,
        client->hostname, client->app_version, client->state_folder, client->ca_file, client->store_path,
        client->store_secret, client->grace.token, client->grace.session_id};
    for (size_t n = 0; n < sizeof texts / sizeof *texts; n++) free(texts[n]);
    pthread_mutex_destroy(&client->lock);
    pthread_mutex_destroy(&client->calling);
    pthread_mutex_destroy(&client->saving);
    pthread_cond_destroy(&client->wake);
    free(client);
}

seatlease_client *seatlease_new(const seatlease_options *options, seatlease_error *error) {
    static const seatlease_options NONE = {0};
    seatlease_error ignored;
    if (error == NULL) error = &ignored;
    if (options == NULL) options = &NONE;
    set_error(error, "", "%s", "");
    pthread_once(&once, initialize);
    seatlease_client *client = calloc(1, sizeof *client);
    if (client == NULL) return NULL;
    client->watch = start_stopwatch();
    client->listener = options->listener;
    client->context = options->context;
    make_uuid(client->next_instance);
    pthread_mutex_init(&client->lock, NULL);
    pthread_mutex_init(&client->calling, NULL);
    pthread_mutex_init(&client->saving, NULL);
#ifdef __APPLE__
    pthread_cond_init(&client->wake, NULL);
#else
    pthread_condattr_t by_monotonic;
    pthread_condattr_init(&by_monotonic);
    pthread_condattr_setclock(&by_monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&client->wake, &by_monotonic);
    pthread_condattr_destroy(&by_monotonic);
#endif
    bool is_open = open_channel(&client->caller) && open_channel(&client->beat);
    if (!is_open) set_error(error, "NO_ANSWER", "libcurl cannot be initialized.");
    if (!is_open || !read_options(client, options, error)) {
        free_client(client);
        return NULL;
    }
    pthread_mutex_lock(&clients_lock);
    client->next = clients;
    clients = client;
    pthread_mutex_unlock(&clients_lock);
    return client;
}

void seatlease_free(seatlease_client *client) {
    seatlease_error ignored;
    if (client == NULL) return;
    pthread_mutex_lock(&clients_lock);
    for (seatlease_client **at = &clients; *at != NULL; at = &(*at)->next)
        if (*at == client) {
            *at = client->next;
            break;
        }
    pthread_mutex_unlock(&clients_lock);
    pthread_mutex_lock(&client->lock);
    client->is_closing = true;
    seatlease_seat *seat = client->seat;
    bool is_wanted = seat != NULL && seat->borrowed_until_ms == 0 && end_seat(seat);
    pthread_cond_broadcast(&client->wake);
    pthread_mutex_unlock(&client->lock);
    cancel_channel(&client->caller);
    pthread_mutex_lock(&client->calling);
    atomic_store(&client->caller.is_canceled, false);
    if (is_wanted) {
        stop_thread(seat);
        give_back(seat, &client->caller, RELEASE_WITHIN, &ignored);
    }
    pthread_mutex_unlock(&client->calling);
    cancel_channel(&client->beat);
    for (seat = client->seat; seat != NULL; seat = seat->older)
        if (seat->has_thread) pthread_join(seat->thread, NULL);
    free_client(client);
}
