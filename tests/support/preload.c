/*
 * What no peer can do to a program: preloaded, it makes send(2) and write(2)
 * take at most 7 bytes for a socket, as they may, and listen(2) slow.
 *
 *     LD_PRELOAD=build/support/preload.so build/lab2/server
 *
 * It does not see what the C library does inside, as in fflush(3).
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <sys/socket.h>

#include <dlfcn.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 7, LISTEN_NS = 50000000 };

/* The function of that name which would have been called without this file.
   ISO C has no cast from an object pointer to a function pointer. */
#define NEXT(name, function) (*(void **)(&(function)) = dlsym(RTLD_NEXT, name))

static size_t piece(size_t len)
{
    return len < PIECE ? len : PIECE;
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    ssize_t (*next)(int, const void *, size_t, int);

    NEXT("send", next);
    return next(fd, bytes, piece(len), flags);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    ssize_t (*next)(int, const void *, size_t);
    int type;
    socklen_t size = sizeof(type);

    NEXT("write", next);
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == -1)
        return next(fd, bytes, len); /* a file, a pipe, a terminal */
    return next(fd, bytes, piece(len));
}

int listen(int fd, int backlog)
{
    const struct timespec pause = {.tv_nsec = LISTEN_NS};
    int (*next)(int, int);

    NEXT("listen", next);
    nanosleep(&pause, NULL);
    return next(fd, backlog);
}
