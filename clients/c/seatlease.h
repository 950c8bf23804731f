/*
 * Seatlease: holds a seat of a floating license while a program runs.
 *
 * Needs a POSIX system, libcurl (7.68 or newer), OpenSSL 3 and threads. Every function may be called from any thread.
 * Do not use a client in the child of a fork.
 */
#ifndef SEATLEASE_H
#define SEATLEASE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct seatlease_client seatlease_client;
/* Belongs to its client: valid until seatlease_free. */
typedef struct seatlease_seat seatlease_seat;

/* Branch on `code`: it is stable, and the server has more of them. Neither text contains credentials. */
typedef struct seatlease_error {
    char code[64];
    char message[512];
    /* Code of the last failure, after WAITED_IN_VAIN. */
    char cause[64];
    /* Give it to the vendor when you ask for help. */
    char request_id[64];
    /* HTTP status of the answer; 0 if there was none. */
    int status;
    /* -1 if the server sent none. */
    long retry_after_seconds;
} seatlease_error;

typedef enum seatlease_state {
    /* Held. */
    SEATLEASE_ONLINE,
    /* The server does not answer. The program may run. */
    SEATLEASE_OFFLINE,
    /* Do not use it. It may come back, unless it was lost for good. */
    SEATLEASE_EXPIRED,
    SEATLEASE_RELEASED
} seatlease_state;

typedef enum seatlease_event {
    /* Three tries in a row failed. seatlease_may_run is still true. */
    SEATLEASE_EVENT_OFFLINE,
    SEATLEASE_EVENT_ONLINE,
    /* The seat had been lost on the server, and was taken anew. */
    SEATLEASE_EVENT_REACQUIRED,
    /* There may be no grace at the next outage: no signed license can be had. */
    SEATLEASE_EVENT_GRACE_AT_RISK,
    /* The program must stop using the seat. It may come back: then SEATLEASE_EVENT_ONLINE follows. */
    SEATLEASE_EVENT_LOST
} seatlease_event;

/*
 * Called from a thread of the client. `code` is "" if nothing failed. It may read the seat and release it: the release
 * then goes on after it returns. It must not acquire, free the client, or wait for a thread that acquires or releases.
 */
typedef void (*seatlease_listener)(seatlease_seat *seat, seatlease_event event, const char *code, void *context);

/* Begin with {0}. NULL is the default; variables of the environment are used where an option is NULL. All are
   copied. */
typedef struct seatlease_options {
    /* Address of the license server, https. SEATLEASE_URL. Required. */
    const char *url;
    /* SEATLEASE_LICENSE_KEY. Required. */
    const char *license_key;
    /* Required if the license counts seats by user. */
    const char *user_id;
    /* Identifies this process, if the license counts seats by process. Default: generated. */
    const char *process_id;
    /* Identifies this machine, the same on every start. SEATLEASE_FINGERPRINT. Default: a digest of the machine id. */
    const char *fingerprint;
    /* Shown to the license's admins. Default: the machine's host name; "" sends none. */
    const char *hostname;
    const char *app_version;
    /* The vendor's keys, a JSON Web Key Set or PEMs: without them nothing is stored or used offline.
       SEATLEASE_PUBLIC_KEYS names a file with them, and is ignored if `url` is passed. */
    const char *public_keys;
    /* SEATLEASE_STATE_FOLDER. Default: the user's state folder. */
    const char *state_folder;
    /* A file with certificates to trust in place of the system's. */
    const char *ca_file;
    seatlease_listener listener;
    void *context;
} seatlease_options;

/* Values of `wait_seconds`. */
#define SEATLEASE_WAIT_NONE 0.0
#define SEATLEASE_WAIT_FOREVER ((double)INFINITY)
/* SEATLEASE_WAIT of the environment, seconds or "true"; without it SEATLEASE_WAIT_NONE. */
#define SEATLEASE_WAIT_DEFAULT (-1.0)

/* NULL with an error, such as OPTION_INVALID. `error` may be NULL, here and below. Sends nothing. */
seatlease_client *seatlease_new(const seatlease_options *options, seatlease_error *error);

/* Takes a seat, or returns the one that is held; one that has expired is acquired again. False with an error if
   there is none. */
bool seatlease_acquire(seatlease_client *client, double wait_seconds, seatlease_seat **seat, seatlease_error *error);

/* Borrows a seat: it needs no heartbeats, and stays taken when the program ends. */
bool seatlease_borrow(
    seatlease_client *client, int days, double wait_seconds, seatlease_seat **seat, seatlease_error *error);

/* Whether the program may run: online or offline. Check it before each operation that needs the license. */
bool seatlease_may_run(seatlease_seat *seat);
seatlease_state seatlease_state_of(seatlease_seat *seat);
/* Whether the server certainly counts this seat as ours. */
bool seatlease_holds_lease(seatlease_seat *seat);
/* Whether the license has a feature. */
bool seatlease_has(seatlease_seat *seat, const char *feature);
/* False if the license has no such limit. */
bool seatlease_limit(seatlease_seat *seat, const char *name, double *value);
/* Everything about the seat but its secrets, as JSON. The caller frees it; NULL without memory. */
char *seatlease_describe(seatlease_seat *seat);

/*
 * Releases the seat. From the call on the program must not use it, whatever the server answers. Tries for 2 s, then the
 * seat is free when its lease ends. False only for a borrowed seat that could not be returned in 20 s: call again.
 */
bool seatlease_release(seatlease_seat *seat, seatlease_error *error);

/* Releases what is held, and frees the client. exit() and the return from main release too, within 1 s. */
void seatlease_free(seatlease_client *client);

#ifdef __cplusplus
}
#endif
#endif
