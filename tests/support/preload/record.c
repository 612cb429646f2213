/*
 * TRACE: what is called, in the order in which it happens; trace.c reads it. A
 * line begins with microseconds, process and thread, and goes on with one of
 *     start NAME                      the program, or a child of it
 *     ( CALL FD OWN OTHER LEN TEXT    a call begins: OWN and OTHER are the ends
 *                                     of its connection, TEXT its arguments
 *     ) RESULT OWN OTHER TEXT         it returns: TEXT is the result in words,
 *                                     or nothing where that is plain
 *     return, exit                    where a thread and a process end
 *     stdio                           reads and writes that are not seen begin
 *     more                            what follows is not written down
 * Who started a program adds `runs NAME 0`, and `end exit STATUS` or `end
 * signal NUMBER`; after `over` nothing matters.
 */
#undef _POSIX_C_SOURCE /* it hides RTLD_NEXT on BSD */
#undef _FORTIFY_SOURCE /* its headers define some of these functions, too */
#define _GNU_SOURCE    /* RTLD_NEXT */
#include "preload.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/select.h>
#ifdef __linux__
#include <sys/epoll.h>
#endif

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    PREVIEW = 64, /* bytes of what is sent and received */
    QUOTED = 4 * PREVIEW + sizeof("\"\"..."),
    ARGUMENTS = QUOTED + 80,
    ADDRESSES = 2 * ADDRESS_SIZE,
    POLLED = 80,
    LINE = 1024,
    NOTES_MAX = 2000,
};

static atomic_int trace = -1;     /* the file */
static atomic_long notes;         /* in it */
static _Thread_local long thread; /* its number, 0 for the first */
static atomic_long created;       /* threads, but for the first */
static pthread_key_t key;         /* tells when a thread ends */

static bool is_tracing(void)
{
    return trace != -1 && notes <= NOTES_MAX;
}

static void note(const char *format, ...)
{
    char line[LINE];
    struct timespec t;
    int saved = errno;
    va_list arguments;

    if (!is_tracing())
        return;
    long before = atomic_fetch_add(&notes, 1);
    if (before == NOTES_MAX) /* nobody looks at more of them */
        format = "more";
    clock_gettime(CLOCK_MONOTONIC, &t);
    int n = snprintf(line, LINE, "%lld %ld %ld ",
                     (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000,
                     (long)getpid(), thread);
    va_start(arguments, format);
    n += vsnprintf(line + n, LINE - (size_t)n, format, arguments);
    va_end(arguments);
    if (n >= LINE)
        n = LINE - 1;
    line[n] = '\n';

    /* In one write, so that the lines of several programs do not mix. */
    NEXT(write);
    ssize_t written = next(trace, line, (size_t)n + 1);
    (void)written;
    errno = saved;
}

char *text_of(const struct sockaddr *address, char *text)
{
    char ip[INET6_ADDRSTRLEN];
    const union address {
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } *any = (const void *)address;
    bool in6 = address->sa_family == AF_INET6;

    snprintf(text, ADDRESS_SIZE, "-");
    if (!in6 && address->sa_family != AF_INET)
        return text;
    inet_ntop(address->sa_family,
              in6 ? (const void *)&any->in6.sin6_addr : &any->in.sin_addr, ip,
              sizeof(ip));
    bool is_mapped = in6 && IN6_IS_ADDR_V4MAPPED(&any->in6.sin6_addr);
    const char *mapped = is_mapped ? strrchr(ip, ':') + 1 : NULL;
    snprintf(text, ADDRESS_SIZE, in6 && !mapped ? "[%s]:%u" : "%s:%u",
             mapped ? mapped : ip, ntohs(any->in.sin_port));
    return text;
}

/* Writes both ends of a connection: "127.0.0.1:8080 127.0.0.1:40000". */
static const char *addresses_of(int fd, char *text)
{
    char own[ADDRESS_SIZE] = "-", other[ADDRESS_SIZE] = "-";
    struct sockaddr_storage storage;
    struct sockaddr *address = (struct sockaddr *)&storage;
    socklen_t size = sizeof(storage);
    int saved = errno;

    if (getsockname(fd, address, &size) == 0)
        text_of(address, own);
    size = sizeof(storage);
    if (getpeername(fd, address, &size) == 0)
        text_of(address, other);
    snprintf(text, ADDRESSES, "%s %s", own, other);
    errno = saved;
    return text;
}

/* Quotes the first of so many bytes, as C does. */
static const char *quote(const struct iovec *pieces, int count, size_t len,
                         char *text)
{
    static const char special[] = "\n\r\t\\\"", letters[] = "nrt\\\"0";
    size_t done = 0;
    int n = snprintf(text, QUOTED, "\"");

    for (; count > 0; count--, pieces++) {
        const unsigned char *bytes = pieces->iov_base;
        for (size_t i = 0;
             bytes && i < pieces->iov_len && done < len && done < PREVIEW;
             i++, done++) {
            const char *found = memchr(special, bytes[i], sizeof(special));
            bool shown = bytes[i] >= ' ' && bytes[i] <= '~';
            n += snprintf(text + n, 5,
                          found   ? "\\%c"
                          : shown ? "%c"
                                  : "\\x%02x",
                          found ? letters[found - special] : bytes[i]);
        }
    }
    snprintf(text + n, 5, len > PREVIEW ? "\"..." : "\"");
    return text;
}

/* A descriptor that no socket is matters only as stdin. */
static bool is_traced(int fd)
{
    int type, saved = errno;
    socklen_t size = sizeof(type);

    if (!is_tracing())
        return false;
    bool is_socket = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
    errno = saved;
    return is_socket || fd == STDIN_FILENO || fd == NO_SOCKET;
}

bool begins(const char *call, int fd, size_t len, const char *format, ...)
{
    char addresses[ADDRESSES], text[ARGUMENTS];
    va_list arguments;

    if (!is_traced(fd))
        return false;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    note("( %s %d %s %zu %s", call, fd, addresses_of(fd, addresses), len, text);
    return true;
}

static size_t length_of(const struct iovec *pieces, int count)
{
    size_t len = 0;

    for (int i = 0; i < count; i++)
        len += pieces[i].iov_len;
    return len;
}

void begins_sending(const char *call, int fd, const struct iovec *pieces,
                    int count)
{
    char text[QUOTED];
    size_t len = length_of(pieces, count);

    if (is_traced(fd))
        begins(call, fd, len, "%s, %zu", quote(pieces, count, len, text), len);
}

void begins_lookup(const char *host, const char *service)
{
    char name[QUOTED] = "NULL";

    if (host)
        quote(&(struct iovec){(char *)host, strlen(host)}, 1, strlen(host),
              name);
    begins("getaddrinfo", NO_SOCKET, 0, service ? "%s, \"%s\"" : "%s", name,
           service);
}

void begins_with(const char *call, int fd, const struct sockaddr *address)
{
    char text[ADDRESS_SIZE] = "NULL";

    if (is_traced(fd))
        begins(call, fd, 0, "%s", address ? text_of(address, text) : text);
}

/* It is no mistake of the program that the tests make a call fail. */
static const char *by_whom(void)
{
    return was_injected() ? " (by the test)" : "";
}

void ends(int fd, long result, const char *format, ...)
{
    char addresses[ADDRESSES], text[ARGUMENTS];
    va_list arguments;

    if (!is_traced(fd))
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (result == -1)
        snprintf(text, sizeof(text), "-1 %s%s", name_of(errno), by_whom());
    note(") %ld %s %s", result, addresses_of(fd, addresses), text);
}

void ends_with_error(int error, const char *text)
{
    note(") %d - - %s%s", error ? -1 : 0, error ? name_of(error) : text,
         error ? by_whom() : "");
}

void ends_lookup(int error, const struct addrinfo *list)
{
    char text[32];
    long count = 0;

    for (const struct addrinfo *a = error ? NULL : list; a; a = a->ai_next)
        count++;
    snprintf(text, sizeof(text), "0: %ld found", count);
    ends_with_error(error, text);
}

void ends_receiving(int fd, const struct iovec *pieces, int count, long result)
{
    char text[QUOTED];

    if (result > 0 && is_traced(fd))
        ends(fd, result, "%ld %s", result,
             quote(pieces, count, (size_t)result, text));
    else
        ends(fd, result,
             length_of(pieces, count) ? "0 end of file" : "0 of 0 bytes");
}

/* Who is accepted may be gone already, but for its address. */
void ends_accepting(int fd, int result, const struct sockaddr *from)
{
    char addresses[ADDRESSES];

    if (result == -1) {
        ends(fd, -1, "");
        return;
    }
    addresses_of(result, addresses);
    char *other = strchr(addresses, ' ') + 1;
    if (other[0] == '-' && from)
        text_of(from, other);
    note(") %d %s %d from %s", result, addresses, result, other);
}

static void ends_thread(void *unused)
{
    (void)unused;
    note("return");
}

long new_thread(void)
{
    return atomic_fetch_add(&created, 1) + 1;
}

void begins_thread(long number)
{
    thread = number;
    if (trace != -1)
        pthread_setspecific(key, &key);
}

/* Calls that are only written down. */

int pthread_join(pthread_t other, void **result)
{
    NEXT(pthread_join);
    begins("pthread_join", NO_SOCKET, 0, "");
    int error = next(other, result);
    ends_with_error(error, "");
    return error;
}

WRAP(int, bind, (int fd, const struct sockaddr *address, socklen_t size),
     (fd, address, size), begins_with("bind", fd, address), false,
     ends(fd, result, ""))

WRAP(int, shutdown, (int fd, int how), (fd, how),
     begins("shutdown", fd, 0,
            how == SHUT_RD   ? "SHUT_RD"
            : how == SHUT_WR ? "SHUT_WR"
                             : "SHUT_RDWR"),
     false, ends(fd, result, ""))

/* Lists the descriptors that are polled, or those of them that are ready. */
static const char *list(const struct pollfd *fds, nfds_t count, bool ready,
                        char *text)
{
    int n = 0;

    for (nfds_t i = 0; is_tracing() && i < count && n < POLLED - 16; i++)
        if (fds[i].fd >= 0 && (!ready || fds[i].revents))
            n += snprintf(text + n, 16, "%s%d", n ? ", " : "", fds[i].fd);
    return text;
}

WRAP(int, poll, (struct pollfd * fds, nfds_t count, int timeout),
     (fds, count, timeout),
     begins("poll", NO_SOCKET, 0, "[%s]",
            list(fds, count, false, (char[POLLED]){0})),
     false,
     ends(NO_SOCKET, result, result > 0 ? "%d: [%s]" : "%d", result,
          list(fds, count, true, (char[POLLED]){0})))

#ifdef __linux__
WRAP(int, epoll_wait,
     (int fd, struct epoll_event *events, int count, int timeout),
     (fd, events, count, timeout), begins("epoll_wait", NO_SOCKET, 0, "%d", fd),
     false, ends(NO_SOCKET, result, "%d", result))
#endif

WRAP(int, select,
     (int count, fd_set *restrict reading, fd_set *restrict writing,
      fd_set *restrict special, struct timeval *restrict timeout),
     (count, reading, writing, special, timeout),
     begins("select", NO_SOCKET, 0, ""), false,
     ends(NO_SOCKET, result, "%d", result))

/* What stdio does with it, it does inside. */
FILE *fdopen(int fd, const char *mode)
{
    NEXT(fdopen);
    if (is_traced(fd))
        note("stdio");
    return next(fd, mode);
}

pid_t fork(void)
{
    static atomic_int children;

    NEXT(fork);
    begins("fork", NO_SOCKET, 0, "");
    int number = atomic_fetch_add(&children, 1) + 1;
    pid_t pid = next();
    if (pid) {
        ends(NO_SOCKET, pid, "");
    } else {
        thread = 0;
        created = 0;
        children = 0;
        note("start child %d", number);
    }
    return pid;
}

void open_trace(const char *path)
{
    const char *name = getenv("TRACE_NAME");
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);

    if (fd == -1)
        refuse("cannot write TRACE", path);
    /* Far from the numbers that the program gets, few as these may be. */
    for (int least = 200; trace == -1 && least > 2; least /= 2)
        trace = fcntl(fd, F_DUPFD_CLOEXEC, least);
    close(fd);
#ifdef __linux__
    if (name == NULL)
        name = program_invocation_short_name;
#endif
    pthread_key_create(&key, ends_thread);
    note("start %s", name ? name : "program");
}

__attribute__((destructor)) static void finish(void)
{
    note("exit");
}

/* This does not call destructors. */
_Noreturn void _exit(int status)
{
    NEXT(_exit);
    note("exit");
    next(status);
    abort(); /* the compiler does not know that this is not reached */
}

_Noreturn void _Exit(int status)
{
    _exit(status);
}
