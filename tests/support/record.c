/*
 * TRACE: what is called, in the order in which it happens; calls.c reads it. A
 * line begins with microseconds, process and thread, and goes on with one of
 *     start NAME                      the program
 *     ( CALL FD OWN OTHER LEN TEXT    a call begins; OWN and OTHER are the ends
 *     ) RESULT ERROR OWN OTHER TEXT   of its connection; and it returns
 *     child, thread, return, exit     where processes and threads begin and end
 *     prints TEXT                     a line for stdout, if TRACE_PRINTS is set
 *     more                            what follows is not written down
 * Who started a program adds `runs NAME`, and `end exit STATUS` or `end signal
 * NUMBER`; after `over` nothing matters.
 */
#undef _POSIX_C_SOURCE /* it hides RTLD_NEXT on BSD */
#undef _FORTIFY_SOURCE /* its headers define some of these functions, too */
#define _GNU_SOURCE    /* RTLD_NEXT */
#include "preload.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    PREVIEW = 48, /* of what is sent and received */
    PRINTED = 96, /* of a line */
    TEXT = 4 * PRINTED + 8,
    ADDRESS = 64,
    NOTES_MAX = 2000,
};

static atomic_int trace = -1;     /* the file */
static _Thread_local long thread; /* its number, 0 for the first */
static atomic_long created;       /* threads, but for the first */
static pthread_key_t key;         /* tells when a thread ends */
static bool prints;               /* what goes to stdout is of interest */

static void note(const char *format, ...)
{
    static atomic_long count;
    char line[1024];
    struct timespec t;
    int saved = errno;
    va_list arguments;

    long before = atomic_fetch_add(&count, 1);
    if (trace == -1 || before > NOTES_MAX)
        return;
    if (before == NOTES_MAX) /* nobody looks at more of them */
        format = "more \n";
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
    char own[ADDRESS] = "-", other[ADDRESS] = "-";
    struct sockaddr_storage storage;
    struct sockaddr *address = (struct sockaddr *)&storage;
    socklen_t size = sizeof(storage);
    int saved = errno;

    if (getsockname(fd, address, &size) == 0)
        text_of(address, own);
    size = sizeof(storage);
    if (getpeername(fd, address, &size) == 0)
        text_of(address, other);
    snprintf(text, 2 * ADDRESS, "%s %s", own, other);
    errno = saved;
    return text;
}

/* How many bytes the UTF-8 letter here has, or 0 if it is none for a text. */
static size_t letter_size(const unsigned char *bytes, size_t left)
{
    static const unsigned first[] = {0, 0, 0xc0, 0xe0, 0xf0, 0xf8};
    static const unsigned long least[] = {0, 0x20, 0xa0, 0x800, 0x10000};
    size_t size = 1;

    while (size < 5 && bytes[0] >= first[size + 1])
        size++;
    if (size > 4 || size > left)
        return 0;
    unsigned long code = bytes[0] & (size == 1 ? 0xffU : 0x7fU >> size);
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (bytes[i] & 0x3f);
    }
    bool is_letter = code >= least[size] && code <= 0x10ffff &&
                     (size > 1 || code < 0x7f) && (code & ~0x7ffUL) != 0xd800 &&
                     (code & 0xfffe) != 0xfffe;
    return is_letter ? size : 0;
}

/* Writes the letters that begin in so many bytes at most, and in words what is
   no letter. Returns where they end. */
static char *put_letters(char *to, const unsigned char *bytes, size_t len,
                         size_t most)
{
    static const char special[] = "\n\r\t\\\"", letters[] = "nrt\\\"0";
    size_t size;

    for (size_t i = 0; i < len && i < most; i += size ? size : 1) {
        const char *found = memchr(special, bytes[i], sizeof(special));
        size = found ? 0 : letter_size(bytes + i, len - i);
        memcpy(to, bytes + i, size);
        to += size;
        if (found)
            to += snprintf(to, 3, "\\%c", letters[found - special]);
        else if (size == 0)
            to += snprintf(to, 5, "\\x%02x", bytes[i]);
    }
    *to = '\0';
    return to;
}

/* Quotes the first of so many bytes, and the whole of the last letter. */
static const char *quote(const struct iovec *pieces, int count, size_t len,
                         char *text)
{
    unsigned char bytes[PREVIEW + 3];
    size_t have = 0, want = len < sizeof(bytes) ? len : sizeof(bytes);

    for (; count > 0 && have < want; count--, pieces++) {
        size_t left = want - have;
        size_t n = pieces->iov_len < left ? pieces->iov_len : left;
        if (n > 0)
            memcpy(bytes + have, pieces->iov_base, n);
        have += n;
    }
    text[0] = '"';
    char *end = put_letters(text + 1, bytes, have, PREVIEW);
    snprintf(end, sizeof("..."), "%s", len > PREVIEW ? "..." : "\"");
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
    return is_socket || fd == STDIN_FILENO || fd == NO_SOCKET;
}

bool begins(const char *call, int fd, size_t len, const char *detail)
{
    char ends[2 * ADDRESS];
    bool traced = is_traced(fd);

    if (traced)
        note("( %s %d %s %zu %s\n", call, fd, ends_of(fd, ends), len, detail);
    return traced;
}

static void note_print(const unsigned char *bytes, size_t len)
{
    char text[TEXT];

    while (prints && len > 0) {
        const unsigned char *newline = memchr(bytes, '\n', len);
        size_t line = newline ? (size_t)(newline - bytes) : len;
        put_letters(text, bytes, line, PRINTED);
        note("prints %s\n", text);
        line += newline ? 1 : 0;
        bytes += line;
        len -= line;
    }
}

#ifdef __GLIBC__
static ssize_t print(void *unused, const char *bytes, size_t len)
{
    size_t left = len;
    ssize_t n = 0;

    (void)unused;
    for (; left > 0 && (n = write(STDOUT_FILENO, bytes, left)) > 0; bytes += n)
        left -= (size_t)n;
    return n == -1 ? 0 : (ssize_t)len;
}

/* What stdio writes inside the library passes here only if stdout is another
   stream. */
static void watch_stdout(void)
{
    cookie_io_functions_t functions = {.write = print};
    FILE *file = fopencookie(NULL, "w", functions);

    if (file == NULL)
        return;
    setvbuf(file, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFSIZ);
    file->_fileno = STDOUT_FILENO; /* what fileno(3) returns */
    stdout = file;
}
#endif

size_t length_of(const struct iovec *pieces, int count)
{
    size_t len = 0;

    for (int i = 0; i < count; i++)
        len += pieces[i].iov_len;
    return len;
}

void begins_sending(const char *call, int fd, const struct iovec *pieces,
                    int count)
{
    char text[TEXT];
    size_t len = length_of(pieces, count);

    for (int i = 0; fd == STDOUT_FILENO && i < count; i++)
        note_print(pieces[i].iov_base, pieces[i].iov_len);
    if (is_traced(fd) && fd != STDIN_FILENO)
        begins(call, fd, len, quote(pieces, count, len, text));
}

void begins_with(const char *call, int fd, const struct sockaddr *address)
{
    char text[ADDRESS];

    if (trace != -1)
        begins(call, fd, 0, text_of(address, text));
}

static void ended(long result, int error, const char *ends, const char *text)
{
    note(") %ld %s %s %s\n", result, result == -1 ? name_of(error) : "-", ends,
         text);
}

void ends(int fd, long result)
{
    ends_receiving(fd, NULL, 0, result);
}

void ends_receiving(int fd, const struct iovec *pieces, int count, long result)
{
    char ends[2 * ADDRESS], text[TEXT] = "";

    if (!is_traced(fd))
        return;
    if (count > 0 && result > 0)
        quote(pieces, count, (size_t)result, text);
    ended(result, errno, ends_of(fd, ends), text);
}

/* Who is accepted may be gone already, but for its address. */
void ends_accepting(int fd, int result, const struct sockaddr *from)
{
    char ends[2 * ADDRESS], other[ADDRESS];

    if (!is_traced(fd))
        return;
    char *end = strstr(ends_of(result, ends), " -");
    if (end && result != -1 && from)
        snprintf(end, ADDRESS, " %s", text_of(from, other));
    ended(result, errno, ends, "");
}

void note_socket(int fd, int family, int type)
{
    int kind = type & 0xf; /* without Linux's flags */

    begins("socket", fd, 0,
           family == AF_INET    ? kind == SOCK_STREAM ? "IPv4 TCP" : "IPv4 UDP"
           : family == AF_INET6 ? kind == SOCK_STREAM ? "IPv6 TCP" : "IPv6 UDP"
                                : "other");
    ends(fd, fd);
}

void begins_lookup(const char *host, const char *service)
{
    char text[TEXT] = "NULL";

    if (host && *host == '\0')
        snprintf(text, sizeof(text), "''");
    else if (host)
        put_letters(text, (const unsigned char *)host, strlen(host), PREVIEW);
    note("( getaddrinfo -1 - - 0 %s %s\n", text, service ? service : "NULL");
}

void ends_lookup(int error, const struct addrinfo *list)
{
    long count = 0;

    for (const struct addrinfo *a = error ? NULL : list; a; a = a->ai_next)
        count++;
    ended(error ? -1 : count, error, "- -", "");
}

static void ends_thread(void *unused)
{
    (void)unused;
    note("return \n");
}

long new_thread(void)
{
    long number = atomic_fetch_add(&created, 1) + 1;

    if (number == 1)
        pthread_key_create(&key, ends_thread);
    return number;
}

void begins_thread(long number)
{
    thread = number;
    pthread_setspecific(key, &key);
    note("thread \n");
}

pid_t fork(void)
{
    long parent = (long)getpid();

    NEXT(fork);
    begins("fork", NO_SOCKET, 0, "");
    pid_t pid = next();
    if (pid) {
        ends(NO_SOCKET, pid);
    } else {
        thread = 0;
        created = 0;
        note("child %ld\n", parent);
    }
    return pid;
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
    prints = getenv("TRACE_PRINTS") != NULL;
#ifdef __GLIBC__
    if (prints)
        watch_stdout();
#endif
}

__attribute__((destructor)) static void finish(void)
{
    if (prints && ftrylockfile(stdout) == 0) { /* else a thread is printing */
        fflush(stdout);
        funlockfile(stdout);
    }
    note("exit \n");
}

/* This does not call destructors. */
_Noreturn void _exit(int status)
{
    NEXT(_exit);
    note("exit \n");
    next(status);
    abort(); /* the compiler does not know that this is not reached */
}

_Noreturn void _Exit(int status)
{
    _exit(status);
}
