/* TRACE: what is called, in the order in which it happens; calls.c reads it. */
#undef _POSIX_C_SOURCE /* it hides RTLD_NEXT on BSD */
#undef _FORTIFY_SOURCE /* its headers define some of these functions, too */
#define _GNU_SOURCE    /* RTLD_NEXT */
#include "preload.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PREVIEW = 48, TEXT = 4 * PREVIEW + 8, ADDRESS = 64, NOTES_MAX = 2000 };

static atomic_int trace = -1;     /* the file */
static _Thread_local long thread; /* its number, 0 for the first */

static void note(const char *format, ...)
{
    static atomic_long count;
    char line[1024];
    struct timespec t;
    int saved = errno;
    va_list arguments;

    if (atomic_fetch_add(&count, 1) >= NOTES_MAX) {
        trace = -1; /* nobody looks at more of them */
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &t);
    int n = snprintf(line, sizeof(line), "%lld %ld %ld ",
                     (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000,
                     (long)getpid(), thread);
    va_start(arguments, format);
    n += vsnprintf(line + n, sizeof(line) - (size_t)n, format, arguments);
    va_end(arguments);
    if (n >= (int)sizeof(line))
        n = sizeof(line) - 1;
    line[n - 1] = '\n';

    /* In one write, so that the lines of several programs do not mix. */
    NEXT(write);
    ssize_t written = next(trace, line, (size_t)n);
    (void)written;
    errno = saved;
}

/* Writes "127.0.0.1:8080", or "-" for what is no Internet address. */
static const char *text_of(const struct sockaddr *address, char *text)
{
    char ip[INET6_ADDRSTRLEN];
    const union address {
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } *any = (const void *)address;
    bool in6 = address->sa_family == AF_INET6;

    snprintf(text, ADDRESS, "-");
    if (!in6 && address->sa_family != AF_INET)
        return text;
    inet_ntop(address->sa_family,
              in6 ? (const void *)&any->in6.sin6_addr : &any->in.sin_addr, ip,
              sizeof(ip));
    const char *mapped = strncmp(ip, "::ffff:", 7) == 0 ? ip + 7 : NULL;
    snprintf(text, ADDRESS, in6 && !mapped ? "[%s]:%u" : "%s:%u",
             mapped ? mapped : ip, ntohs(any->in.sin_port));
    return text;
}

/* Writes both ends of a connection: "127.0.0.1:8080 127.0.0.1:40000". */
static const char *ends_of(int fd, char *text)
{
    char own[ADDRESS], other[ADDRESS];
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    int saved = errno;

    snprintf(text, 2 * ADDRESS, "- -");
    if (getsockname(fd, (struct sockaddr *)&address, &size) == 0) {
        text_of((struct sockaddr *)&address, own);
        size = sizeof(address);
        bool connected =
            getpeername(fd, (struct sockaddr *)&address, &size) == 0;
        snprintf(text, 2 * ADDRESS, "%s %s", own,
                 connected ? text_of((struct sockaddr *)&address, other) : "-");
    }
    errno = saved;
    return text;
}

/* Quotes the first bytes. */
static const char *quote(const void *data, size_t len, char *text)
{
    static const char special[] = "\n\r\t\\\"", letters[] = "nrt\\\"";
    const unsigned char *bytes = data;
    char *to = text;

    *to++ = '"';
    for (size_t i = 0; i < len && i < PREVIEW; i++) {
        const char *found = bytes[i] ? strchr(special, bytes[i]) : NULL;
        if (found)
            to += snprintf(to, 3, "\\%c", letters[found - special]);
        else if (bytes[i] < 0x20 || bytes[i] == 0x7f)
            to += snprintf(to, 5, "\\%o", bytes[i]);
        else
            *to++ = (char)bytes[i];
    }
    memcpy(to, len > PREVIEW ? "..." : "\"", len > PREVIEW ? 4 : 2);
    return text;
}

/* A descriptor that no socket is matters only as stdin. */
static bool is_traced(int fd)
{
    int type, saved = errno;
    socklen_t size = sizeof(type);

    if (trace == -1)
        return false;
    bool is_socket = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
    errno = saved;
    return is_socket || fd == STDIN_FILENO;
}

bool begins(const char *call, int fd, size_t len, const char *detail)
{
    char ends[2 * ADDRESS];
    bool traced = is_traced(fd);

    if (traced)
        note("( %s %d %s %zu %s\n", call, fd, ends_of(fd, ends), len, detail);
    return traced;
}

void begins_sending(const char *call, int fd, const void *bytes, size_t len)
{
    char text[TEXT];

    if (is_traced(fd) && fd != STDIN_FILENO)
        begins(call, fd, len, quote(bytes, len, text));
}

void begins_with(const char *call, int fd, const struct sockaddr *address)
{
    char text[ADDRESS];

    if (trace != -1)
        begins(call, fd, 0, text_of(address, text));
}

static void ended(int fd, long result, const char *text)
{
    char ends[2 * ADDRESS];

    note(") %ld %s %s %s\n", result, result == -1 ? name_of(errno) : "-",
         ends_of(fd, ends), text);
}

void ends(int on, int fd, long result)
{
    if (is_traced(on))
        ended(fd, result, "");
}

void ends_receiving(int fd, const void *bytes, long result)
{
    char text[TEXT];

    if (is_traced(fd))
        ended(fd, result, result > 0 ? quote(bytes, (size_t)result, text) : "");
}

void begins_waiting(const char *call, long count, long timeout_ms)
{
    if (trace != -1)
        note("( %s %ld - - %ld \n", call, count, timeout_ms);
}

void ends_waiting(long result)
{
    if (trace != -1)
        note(") %ld %s - - \n", result, result == -1 ? name_of(errno) : "-");
}

void begins_lookup(const char *host, const char *service)
{
    if (trace != -1)
        note("( getaddrinfo -1 - - 0 %s %s\n", host ? host : "NULL",
             service ? service : "NULL");
}

void ends_lookup(int error, const struct addrinfo *list)
{
    long count = 0;

    if (trace == -1)
        return;
    for (; error == 0 && list; list = list->ai_next)
        count++;
    note(") %ld %s - - \n", error ? -1 : count, error ? name_of(error) : "-");
}

long new_thread(void)
{
    static atomic_long created;

    return atomic_fetch_add(&created, 1) + 1;
}

long thread_number(void)
{
    return thread;
}

void begins_thread(long number, long creator)
{
    thread = number;
    if (trace != -1)
        note("thread %ld\n", creator);
}

void open_trace(const char *path)
{
    const char *name = getenv("TRACE_NAME");
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);

    if (fd == -1)
        refuse("cannot write TRACE", path);
    /* Far from the numbers that the program gets. */
    trace = fcntl(fd, F_DUPFD_CLOEXEC, 200);
    close(fd);
#ifdef __linux__
    if (name == NULL)
        name = program_invocation_short_name;
#endif
    note("start %s\n", name ? name : "program");
}

__attribute__((destructor)) static void note_exit(void)
{
    if (trace != -1)
        note("exit \n");
}
