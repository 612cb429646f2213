/*
 * What no peer can do to a program. Preloaded, this library makes its calls
 * fail, fall short or come late, answers its lookups from a file, and writes
 * down what it calls:
 *
 *     FAULTS='accept=EMFILE@2 send=7 thread=+100' NAMES=hosts TRACE=calls \
 *         LD_PRELOAD=build/support/preload.so build/lab5/server
 *
 * FAULTS has words of the form CALL=WHAT, CALL=WHAT@N or CALL=WHAT@N-. CALL is
 * socket, accept, connect, listen, close, getaddrinfo, pthread_create, thread
 * (which begins its function), or send or recv: any call that does so; with
 * buffers=4096 the system keeps no more for it in either direction, with
 * timeouts=50 a time-out for recv that was set ends after 50 ms. WHAT:
 *     EINTR, EAI_FAIL    it fails so, and nothing is done
 *     7                  it moves at most 7 bytes
 *     +50                it comes 50 milliseconds late
 * @N is the Nth such call of the process alone, @N- that and all after it;
 * threads that begin before the first accept, a pool, are left alone. The word
 * leaks=SIGTERM has that signal search a server for leaks of memory before it
 * ends, if it has the sanitizer for that.
 *
 * NAMES is a hosts file in the resolver's order, read at each lookup. A name
 * on several lines has several addresses, a name on none is unknown:
 *     127.0.0.1 www.test web.test    web.test is an alias of www.test
 *     EAI_AGAIN later.test           the lookup fails so
 *     +300 www.test                  the lookup takes 300 milliseconds more
 * The service lab-5300 is port 5300, and back, whatever /etc/services has.
 *
 * TRACE is a file, to which a line is added before and after each call; trace.c
 * reads it.
 *
 * Limits: what happens inside the C library is not seen, such as the reads of
 * an fdopen(3)ed socket. A datagram is never cut, for the rest of it would be
 * lost, nor what MSG_PEEK and MSG_WAITALL promise. For a name in the file
 * AI_ADDRCONFIG leaves out IPv6, and AI_V4MAPPED does nothing.
 */
#undef _POSIX_C_SOURCE /* it hides RTLD_NEXT on BSD */
#undef _FORTIFY_SOURCE /* its headers define some of these functions, too */
#define _GNU_SOURCE    /* RTLD_NEXT */
#include "preload.h"

#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* fails() for bytes in several pieces. When not all may be moved, the first
   piece with any is all that is left, and as much of it as may be. */
static bool fails_pieces(const char *call, int fd, int flags,
                         const struct iovec **pieces, int *count,
                         struct iovec *first)
{
    size_t len = SIZE_MAX;

    if (fails(call, fd, flags, &len))
        return true;
    if (len == SIZE_MAX || *count < 1)
        return false;
    for (; *count > 1 && (*pieces)->iov_len == 0; (*count)--)
        (*pieces)++;
    *first = **pieces;
    if (first->iov_len > len)
        first->iov_len = len;
    *pieces = first;
    *count = 1;
    return false;
}

static bool fails_message(const char *call, int fd, int flags,
                          struct msghdr *message, struct iovec *first)
{
    const struct iovec *pieces = message->msg_iov;
    int count = (int)message->msg_iovlen;

    if (fails_pieces(call, fd, flags, &pieces, &count, first))
        return true;
    message->msg_iov = (struct iovec *)pieces;
    message->msg_iovlen = (__typeof__(message->msg_iovlen))count;
    return false;
}

#define PIECE(bytes, len) ((struct iovec){(void *)(bytes), len})

static const char *name_of_flags(int flags)
{
    return flags & MSG_PEEK ? "MSG_PEEK" : "";
}

WRAP(int, listen, (int fd, int backlog), (fd, backlog),
     begins("listen", fd, 0, backlog == SOMAXCONN ? "SOMAXCONN" : "%d",
            backlog),
     fails("listen", fd, 0, NULL), ends(fd, result, ""))

WRAP(int, accept,
     (int fd, struct sockaddr *restrict from, socklen_t *restrict size),
     (fd, from, size), begins("accept", fd, 0, ""),
     fails("accept", fd, 0, NULL), ends_accepting(fd, result, from))

#ifdef SOCK_NONBLOCK /* not on macOS */
WRAP(int, accept4,
     (int fd, struct sockaddr *restrict from, socklen_t *restrict size,
      int flags),
     (fd, from, size, flags), begins("accept4", fd, 0, ""),
     fails("accept", fd, 0, NULL), ends_accepting(fd, result, from))
#endif

WRAP(ssize_t, send, (int fd, const void *bytes, size_t len, int flags),
     (fd, bytes, len, flags), begins_sending("send", fd, &PIECE(bytes, len), 1),
     fails("send", fd, flags, &len), ends(fd, result, ""))

WRAP(ssize_t, sendto,
     (int fd, const void *bytes, size_t len, int flags,
      const struct sockaddr *to, socklen_t size),
     (fd, bytes, len, flags, to, size),
     begins_sending("sendto", fd, &PIECE(bytes, len), 1),
     fails("send", fd, flags, &len), ends(fd, result, ""))

WRAP(ssize_t, recv, (int fd, void *bytes, size_t len, int flags),
     (fd, bytes, len, flags), begins("recv", fd, 0, name_of_flags(flags)),
     fails("recv", fd, flags, &len),
     ends_receiving(fd, &PIECE(bytes, len), 1, result))

WRAP(ssize_t, recvfrom,
     (int fd, void *restrict bytes, size_t len, int flags,
      struct sockaddr *restrict from, socklen_t *restrict size),
     (fd, bytes, len, flags, from, size),
     begins("recvfrom", fd, 0, name_of_flags(flags)),
     fails("recv", fd, flags, &len),
     ends_receiving(fd, &PIECE(bytes, len), 1, result))

WRAP(ssize_t, read, (int fd, void *bytes, size_t len), (fd, bytes, len),
     begins("read", fd, 0, ""), fails("recv", fd, 0, &len),
     ends_receiving(fd, &PIECE(bytes, len), 1, result))

WRAP(ssize_t, readv, (int fd, const struct iovec *pieces, int count),
     (fd, pieces, count), begins("readv", fd, 0, ""),
     fails_pieces("recv", fd, 0, &pieces, &count, &(struct iovec){0}),
     ends_receiving(fd, pieces, count, result))

WRAP(ssize_t, write, (int fd, const void *bytes, size_t len), (fd, bytes, len),
     begins_sending("write", fd, &PIECE(bytes, len), 1),
     fails("send", fd, 0, &len), ends(fd, result, ""))

WRAP(ssize_t, writev, (int fd, const struct iovec *pieces, int count),
     (fd, pieces, count), begins_sending("writev", fd, pieces, count),
     fails_pieces("send", fd, 0, &pieces, &count, &(struct iovec){0}),
     ends(fd, result, ""))

/* An interrupted connect goes on by itself, connect(2): so it is begun. */
static int interrupt_connect(int fd, const struct sockaddr *address,
                             socklen_t size)
{
    int flags = fcntl(fd, F_GETFL);

    NEXT(connect);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    next(fd, address, size);
    fcntl(fd, F_SETFL, flags);
    errno = EINTR;
    return -1;
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    int result = -1;

    NEXT(connect);
    begins_with("connect", fd, address);
    if (!fails("connect", fd, 0, NULL))
        result = next(fd, address, size);
    else if (errno == EINTR)
        result = interrupt_connect(fd, address, size);
    ends(fd, result, "");
    return result;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct msghdr all = *message;
    ssize_t result = -1;

    NEXT(sendmsg);
    begins_sending("sendmsg", fd, all.msg_iov, (int)all.msg_iovlen);
    if (!fails_message("send", fd, flags, &all, &(struct iovec){0}))
        result = next(fd, &all, flags);
    ends(fd, result, "");
    return result;
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    struct msghdr all = *message;
    ssize_t result = -1;

    NEXT(recvmsg);
    begins("recvmsg", fd, 0, name_of_flags(flags));
    if (!fails_message("recv", fd, flags, message, &(struct iovec){0}))
        result = next(fd, message, flags);
    message->msg_iov = all.msg_iov;
    message->msg_iovlen = all.msg_iovlen;
    ends_receiving(fd, all.msg_iov, (int)all.msg_iovlen, result);
    return result;
}

int socket(int family, int type, int protocol)
{
    NEXT(socket);
    begins("socket", NO_SOCKET, 0, "%s%s",
           family == AF_INET    ? "AF_INET"
           : family == AF_INET6 ? "AF_INET6"
                                : "AF_...",
           (type & 0xf) == SOCK_DGRAM ? ", SOCK_DGRAM" : "");
    int fd = fails("socket", -1, 0, NULL) ? -1 : next(family, type, protocol);
    ends(NO_SOCKET, fd, "%d", fd);

    size_t size = SIZE_MAX;
    meddle("buffers", fd, 0, &size);
    if (size != SIZE_MAX) {
        int bytes = (int)size;
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    }
    return fd;
}

/* What of all options is of interest. */
static const char *option_name(int level, int option)
{
    if (level != SOL_SOCKET)
        return NULL;
    return option == SO_REUSEADDR  ? "SO_REUSEADDR"
           : option == SO_RCVTIMEO ? "SO_RCVTIMEO"
           : option == SO_LINGER   ? "SO_LINGER"
#ifdef SO_REUSEPORT
           : option == SO_REUSEPORT ? "SO_REUSEPORT"
#endif
                                    : NULL;
}

/* Who waits only for so long waits less. */
int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
    const char *name = option_name(level, option);
    struct timeval soon = {0};
    size_t ms = SIZE_MAX;

    NEXT(setsockopt);
    if (name)
        begins("setsockopt", fd, 0, "%s", name);
    if (level == SOL_SOCKET && option == SO_RCVTIMEO)
        meddle("timeouts", fd, 0, &ms);
    soon.tv_usec = ms == SIZE_MAX ? 0 : (suseconds_t)ms * 1000;
    int result = ms == SIZE_MAX ? next(fd, level, option, value, size)
                                : next(fd, level, option, &soon, sizeof(soon));
    if (name)
        ends(fd, result, "");
    return result;
}

int close(int fd)
{
    NEXT(close);
    bool known = begins("close", fd, 0, "");
    int result = fails("close", fd, 0, NULL) ? -1 : next(fd);
    if (known)
        ends(NO_SOCKET, result, "");
    return result;
}

/* What fortified programs call instead with glibc. */

#ifdef __GLIBC__
_Noreturn void __chk_fail(void);

static size_t fitting(size_t len, size_t room)
{
    if (len > room)
        __chk_fail();
    return len;
}

ssize_t __recv_chk(int fd, void *bytes, size_t len, size_t room, int flags)
{
    return recv(fd, bytes, fitting(len, room), flags);
}

ssize_t __recvfrom_chk(int fd, void *restrict bytes, size_t len, size_t room,
                       int flags, struct sockaddr *restrict address,
                       socklen_t *restrict size)
{
    return recvfrom(fd, bytes, fitting(len, room), flags, address, size);
}

ssize_t __read_chk(int fd, void *bytes, size_t len, size_t room)
{
    return read(fd, bytes, fitting(len, room));
}

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room)
{
    return poll(fds, fitting(count, room / sizeof(*fds)), timeout);
}
#endif

/* Threads. */

struct start {
    void *(*function)(void *);
    void *argument;
    long number;
};

static void *begin(void *argument)
{
    struct start start = *(struct start *)argument;

    free(argument);
    begins_thread(start.number);
    meddle("thread", -1, 0, NULL);
    return start.function(start.argument);
}

/* clang's thread sanitizer is a part of the program and begins a thread of its
   own before the first. It gives attributes to every other. */
static bool is_sanitizers(const pthread_attr_t *attributes)
{
    return attributes == NULL && dlsym(RTLD_DEFAULT, "__tsan_init") &&
           !dlsym(RTLD_NEXT, "__tsan_init");
}

int pthread_create(pthread_t *restrict thread,
                   const pthread_attr_t *restrict attributes,
                   void *(*function)(void *), void *restrict argument)
{
    NEXT(pthread_create);
    if (is_sanitizers(attributes))
        return next(thread, attributes, function, argument);
    long number = new_thread();
    begins("pthread_create", NO_SOCKET, (size_t)number, "");
    int error = meddle("pthread_create", -1, 0, NULL);
    struct start *start = error ? NULL : malloc(sizeof(*start));
    if (start) {
        *start = (struct start){function, argument, number};
        error = next(thread, attributes, begin, start); /* which frees it */
    } else if (error == 0) {
        error = EAGAIN;
    }
    if (error)
        free(start);
    ends_with_error(error, "");
    return error;
}

__attribute__((constructor)) static void read_environment(void)
{
    const char *path = getenv("TRACE");

    read_faults(getenv("FAULTS"));
    read_names(getenv("NAMES"));
    if (path && *path)
        open_trace(path);
}
