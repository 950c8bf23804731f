/* The client as the conformance kit drives it: one JSON object a line on standard input, and on standard output. */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "json.h"
#include "seatlease.h"

static void say(const char *text) {
    flockfile(stdout);
    fputs(text, stdout);
    fputc('\n', stdout);
    fflush(stdout);
    funlockfile(stdout);
}

static void hear(seatlease_seat *seat, seatlease_event event, const char *code, void *context) {
    static const char *const NAMES[] = {"offline", "online", "reacquired", "grace_at_risk", "lost"};
    char line[160];
    (void)seat;
    (void)context;
    if (code[0] == '\0') snprintf(line, sizeof line, "{\"event\":\"%s\"}", NAMES[event]);
    else snprintf(line, sizeof line, "{\"event\":\"%s\",\"code\":\"%s\"}", NAMES[event], code);
    say(line);
}

static void answer(const char *what, bool is_done, const seatlease_error *error) {
    char line[256];
    if (is_done) snprintf(line, sizeof line, "{\"re\":\"%s\",\"ok\":true}", what);
    else if (error->cause[0] != '\0')
        snprintf(line, sizeof line, "{\"re\":\"%s\",\"ok\":false,\"code\":\"%s\",\"cause\":\"%s\"}", what, error->code,
            error->cause);
    else snprintf(line, sizeof line, "{\"re\":\"%s\",\"ok\":false,\"code\":\"%s\"}", what, error->code);
    say(line);
    if (!is_done) fprintf(stderr, "%s: %s: %s\n", what, error->code, error->message);
}

static void say_state(seatlease_seat *seat) {
    char *description = seat == NULL ? NULL : seatlease_describe(seat);
    char *line = NULL;
    size_t length;
    FILE *to = open_memstream(&line, &length);
    if (to == NULL) return;
    if (description == NULL) fputs("{\"re\":\"state\",\"state\":\"none\",\"may_run\":false,\"holds_lease\":false}", to);
    else fprintf(to, "{\"re\":\"state\",%s", description + 1);
    fclose(to);
    say(line);
    free(line);
    free(description);
}

static void busy(double seconds) {
    struct timespec begun, now;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    do clock_gettime(CLOCK_MONOTONIC, &now);
    while ((double)(now.tv_sec - begun.tv_sec) + (double)(now.tv_nsec - begun.tv_nsec) / 1e9 < seconds);
}

/* What a program must do itself: a signal ends it by exit(), which releases the seat. */
static void *end_by_signal(void *signals) {
    int signal = 0;
    sigwait(signals, &signal);
    exit(128 + signal);
}

static seatlease_client *client;
static seatlease_seat *seat;

/* False to end. */
static bool obey(const struct sl_value *asked) {
    const char *what = sl_get_text(asked, "do");
    seatlease_error error = {.code = "OPTION_INVALID"};
    if (what == NULL) return true;
    if (strcmp(what, "acquire") == 0) {
        const struct sl_value *wait = sl_get(asked, "wait_seconds"), *days = sl_get(asked, "borrow_days");
        double seconds = wait != NULL && wait->type == SL_NUMBER ? wait->number : SEATLEASE_WAIT_DEFAULT;
        seatlease_options options = {.listener = hear};
        if (wait != NULL && wait->type == SL_TRUE) seconds = SEATLEASE_WAIT_FOREVER;
        if (client == NULL) client = seatlease_new(&options, &error);
        seatlease_seat *taken = NULL;
        bool is_taken = client != NULL && (days != NULL && days->type == SL_NUMBER
                                                  ? seatlease_borrow(client, (int)days->number, seconds, &taken, &error)
                                                  : seatlease_acquire(client, seconds, &taken, &error));
        if (is_taken) seat = taken;
        answer(what, is_taken, &error);
    } else if (strcmp(what, "state") == 0) {
        say_state(seat);
    } else if (strcmp(what, "release") == 0) {
        answer(what, seat == NULL || seatlease_release(seat, &error), &error);
    } else if (strcmp(what, "block") == 0) {
        const struct sl_value *seconds = sl_get(asked, "seconds");
        busy(seconds != NULL && seconds->type == SL_NUMBER ? seconds->number : 0);
        say("{\"re\":\"block\"}");
    }
    return strcmp(what, "exit") != 0;
}

int main(void) {
    static sigset_t signals;
    static char line[65536];
    size_t length = 0;
    pthread_t thread;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    pthread_create(&thread, NULL, end_by_signal, &signals);
    /* Not stdio, whose lock on standard input would keep exit() waiting. */
    for (ssize_t count; (count = read(STDIN_FILENO, line + length, sizeof line - length)) > 0;) {
        length += (size_t)count;
        for (char *end; (end = memchr(line, '\n', length)) != NULL;) {
            struct sl_json json;
            bool goes_on = true;
            if (sl_json_read(&json, line, (size_t)(end - line))) {
                goes_on = obey(json.values);
                sl_json_free(&json);
            }
            length -= (size_t)(end + 1 - line);
            memmove(line, end + 1, length);
            if (!goes_on) return 0;
        }
        if (length == sizeof line) return 1;
    }
    return 0;
}
