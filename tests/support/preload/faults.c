/* FAULTS: what happens to calls; preload.c explains it. */
#undef _POSIX_C_SOURCE /* it hides RTLD_NEXT on BSD */
#undef _FORTIFY_SOURCE /* its headers define some of these functions, too */
#define _GNU_SOURCE    /* RTLD_NEXT */
#include "preload.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

_Noreturn void refuse(const char *why, const char *text)
{
    warnx("%s: %s", why, text);
    _exit(2); /* what exit(3) does the program may not be ready for */
}

void sleep_ms(long ms)
{
    struct timespec left = {.tv_sec = ms / 1000,
                            .tv_nsec = ms % 1000 * 1000000};

    while (nanosleep(&left, &left) == -1 && errno == EINTR)
        ;
}

/* Errors, and what they are called. */
#define CODE(name) #name, name
static const struct {
    const char *name;
    int value;
} codes[] = {
    {CODE(EACCES)},       {CODE(EADDRINUSE)},   {CODE(EADDRNOTAVAIL)},
    {CODE(EAFNOSUPPORT)}, {CODE(EAGAIN)},       {CODE(ECONNABORTED)},
    {CODE(ECONNREFUSED)}, {CODE(ECONNRESET)},   {CODE(EHOSTUNREACH)},
    {CODE(EINTR)},        {CODE(EINVAL)},       {CODE(EIO)},
    {CODE(EMFILE)},       {CODE(ENETUNREACH)},  {CODE(ENFILE)},
    {CODE(ENOBUFS)},      {CODE(ENOMEM)},       {CODE(EPERM)},
    {CODE(EPIPE)},        {CODE(EPROTO)},       {CODE(ETIMEDOUT)},
    {CODE(EBADF)},        {CODE(EINPROGRESS)},  {CODE(EISCONN)},
    {CODE(ENOTCONN)},     {CODE(ENOTSOCK)},     {CODE(EOPNOTSUPP)},
    {CODE(EDESTADDRREQ)}, {CODE(EMSGSIZE)},     {CODE(EFAULT)},
    {CODE(EALREADY)},     {CODE(EDEADLK)},      {CODE(ENOENT)},
    {CODE(EAI_AGAIN)},    {CODE(EAI_BADFLAGS)}, {CODE(EAI_FAIL)},
    {CODE(EAI_FAMILY)},   {CODE(EAI_MEMORY)},   {CODE(EAI_NONAME)},
    {CODE(EAI_SERVICE)},  {CODE(EAI_SYSTEM)},
#ifdef EAI_NODATA
    {CODE(EAI_NODATA)},
#endif
};

int code_of(const char *name)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        if (strcmp(codes[i].name, name) == 0)
            return codes[i].value;
    return 0;
}

const char *name_of(int code)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        if (codes[i].value == code)
            return codes[i].name;
    return "?";
}

static struct fault {
    char call[16];
    long first, last; /* of the calls, counted from 1 */
    long late_ms;
    long most;         /* bytes; 0: all */
    int error;         /* 0: none */
    atomic_long count; /* of the calls so far, in the first fault of a call */
} faults[16];
static size_t fault_count;
static atomic_bool accepting;       /* accept has been called */
static bool searches;               /* for leaks, at SIGTERM */
static _Thread_local bool injected; /* the error of the latest call */

static bool read_fault(struct fault *fault, const char *word)
{
    static const char *const calls[] = {
        "accept", "connect",     "listen",         "socket",
        "close",  "getaddrinfo", "pthread_create", "thread",
        "send",   "recv",        "buffers",        "timeouts",
    };
    char what[32], more[3] = "", *end;

    fault->first = 1;
    fault->last = LONG_MAX;
    int found = sscanf(word, "%15[^=]=%31[^@]@%ld%2s", fault->call, what,
                       &fault->first, more);
    if (found < 2 || (found == 2 && strchr(word, '@')) ||
        (found == 4 && strcmp(more, "-") != 0) || fault->first < 1)
        return false;
    if (found == 3)
        fault->last = fault->first;

    size_t i = 0;
    while (strcmp(calls[i], fault->call) != 0)
        if (++i == sizeof(calls) / sizeof(*calls))
            return false;
    bool looks_up = strcmp(fault->call, "getaddrinfo") == 0;
    bool begins = strcmp(fault->call, "thread") == 0;
    bool moves = strstr("send recv buffers timeouts", fault->call) != NULL;

    long number = strtol(what, &end, 10);
    if (*end) {
        fault->error = code_of(what);
        return fault->error && !begins &&
               looks_up == (strncmp(what, "EAI_", strlen("EAI_")) == 0);
    }
    bool late = what[0] == '+';
    *(late ? &fault->late_ms : &fault->most) = number;
    return number > 0 && (late || moves);
}

void read_faults(const char *text)
{
    char word[64];
    int len;

    for (; text && sscanf(text, " %63s%n", word, &len) == 1; text += len)
        if (strcmp(word, "leaks=SIGTERM") == 0)
            searches = true;
        else if (fault_count == sizeof(faults) / sizeof(*faults) ||
                 !read_fault(&faults[fault_count++], word))
            refuse("not understood in FAULTS", word);
}

/* In a thread of its own, not a signal handler: others may hold locks just then
   that the search needs. */
static void *search_at_sigterm(void *arg)
{
    void (*search)(void);
    sigset_t *signals = arg;
    int signal_number;

    sigwait(signals, &signal_number);
    *(void **)(&search) = dlsym(RTLD_DEFAULT, "__lsan_do_leak_check");
    if (search)
        search(); /* ends the program with a report, if there is one */
    _exit(128 + signal_number);
}

/* What ends by a signal is not searched otherwise. */
static void await_sigterm(void)
{
    static sigset_t sigterm;
    pthread_t thread;

    NEXT(pthread_create);
    if (!searches)
        return;
    sigemptyset(&sigterm);
    sigaddset(&sigterm, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &sigterm, NULL);
    next(&thread, NULL, search_at_sigterm, &sigterm);
}

int meddle(const char *call, int fd, int flags, size_t *len)
{
    int error = 0, saved = errno, type = SOCK_STREAM;
    socklen_t size = sizeof(type);
    long count = 0;

    if (strcmp(call, "accept") == 0 && !atomic_exchange(&accepting, true))
        await_sigterm();
    bool thread =
        strcmp(call, "thread") == 0 || strcmp(call, "pthread_create") == 0;
    if (fault_count == 0 || (thread && !accepting))
        return 0;
    bool meant = !len || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
    bool whole = type != SOCK_STREAM || flags & (MSG_PEEK | MSG_WAITALL);
    for (struct fault *f = faults; meant && f < faults + fault_count; f++) {
        if (strcmp(f->call, call) != 0)
            continue;
        if (count == 0)
            count = atomic_fetch_add(&f->count, 1) + 1;
        if (count < f->first || count > f->last)
            continue;
        sleep_ms(f->late_ms);
        if (f->most && !whole && *len > (size_t)f->most)
            *len = (size_t)f->most;
        if (error == 0)
            error = f->error;
    }
    errno = saved;
    injected = error != 0;
    return error;
}

bool was_injected(void)
{
    bool was = injected;

    injected = false;
    return was;
}

bool fails(const char *call, int fd, int flags, size_t *len)
{
    int error = meddle(call, fd, flags, len);

    if (error)
        errno = error;
    return error != 0;
}
