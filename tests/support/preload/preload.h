/*
 * What the parts of the preload library have of each other. The program sees
 * nothing of it, nor does its own take its place.
 */
#ifndef PRELOAD_H
#define PRELOAD_H

#include <sys/socket.h>
#include <sys/uio.h>

#include <dlfcn.h>
#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

/* With _GNU_SOURCE glibc declares `struct sockaddr *` as a union of pointers,
   which is the same to a caller. */
#pragma GCC diagnostic ignored "-Wpedantic"

/* Declares next, the function that would be called without this library. ISO C
   has no cast from an object pointer to a function pointer. */
#define NEXT(call)                                                             \
    __typeof__(call) *next;                                                    \
    *(void **)(&next) = dlsym(RTLD_NEXT, #call)

/* Defines a call that returns -1 when it fails: what is noted before, whether
   it fails, and what is noted after. */
#define WRAP(type, call, parameters, arguments, before, failing, after)        \
    type call parameters                                                       \
    {                                                                          \
        NEXT(call);                                                            \
        before;                                                                \
        type result = (failing) ? -1 : next arguments;                         \
        after;                                                                 \
        return result;                                                         \
    }

/* faults.c */

/* Ends the program: a variable of the environment makes no sense. */
_Noreturn void refuse(const char *why, const char *text);

void read_faults(const char *text);

/*
 * Counts a call, and does to it what FAULTS says: waits, makes *len less, or
 * returns the error that it is to have. len is NULL for a call that moves no
 * bytes; those that do so matter on sockets only.
 */
int meddle(const char *call, int fd, int flags, size_t *len);

/* The same for a call that has its error in errno. */
bool fails(const char *call, int fd, int flags, size_t *len);

/* Whether the call of this thread that has just failed did so by FAULTS. */
bool was_injected(void);

void sleep_ms(long ms);

/* The number that a name like EINTR or EAI_FAIL stands for, or 0; and back. */
int code_of(const char *name);
const char *name_of(int code);

/* resolver.c */

void read_names(const char *path);

/* record.c: does nothing unless there is a trace to write. */

void open_trace(const char *path);

enum {
    NO_SOCKET = -2,   /* stands for one in calls that are on none */
    ADDRESS_SIZE = 64 /* of an address as text */
};

/* Writes "127.0.0.1:8080", or "-" for what is no Internet address. */
char *text_of(const struct sockaddr *address, char *text);

/* Before a call: what it is called on, how many bytes it sends, or which thread
   it creates, and its other arguments, as text. Returns whether it is one for
   the trace. */
bool begins(const char *call, int fd, size_t len, const char *format, ...);
void begins_sending(const char *call, int fd, const struct iovec *pieces,
                    int count);
void begins_with(const char *call, int fd, const struct sockaddr *address);
void begins_lookup(const char *host, const char *service);

/* After it: the result, and that as text unless it is plain. Of -1 errno tells
   the rest. */
void ends(int fd, long result, const char *format, ...);
void ends_accepting(int fd, int result, const struct sockaddr *from);
void ends_receiving(int fd, const struct iovec *pieces, int count, long result);

/* After a call that returns its error, or 0. */
void ends_with_error(int error, const char *text);
void ends_lookup(int error, const struct addrinfo *list);

long new_thread(void); /* its number */
void begins_thread(long number);

#pragma GCC visibility pop

#endif
