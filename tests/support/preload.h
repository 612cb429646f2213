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

/* Declares next, the function that would be called without this library. ISO C
   has no cast from an object pointer to a function pointer. */
#define NEXT(call)                                                             \
    __typeof__(call) *next;                                                    \
    *(void **)(&next) = dlsym(RTLD_NEXT, #call)

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

void sleep_ms(long ms);

/* The number that a name like EINTR or EAI_FAIL stands for, or 0; and back. */
int code_of(const char *name);
const char *name_of(int code);

/* resolver.c */

void read_names(const char *path);

/* record.c: does nothing unless there is a trace to write. */

void open_trace(const char *path);

/* Before a call: what it is called on, how many bytes it is about, and what
   else matters, as text. Returns whether it is one for the trace. */
bool begins(const char *call, int fd, size_t len, const char *detail);
void begins_sending(const char *call, int fd, const struct iovec *pieces,
                    int count);
void begins_with(const char *call, int fd, const struct sockaddr *address);
void begins_lookup(const char *host, const char *service);

/* After it. */
void ends(int fd, long result);
void ends_accepting(int fd, int result, const struct sockaddr *from);
void ends_receiving(int fd, const struct iovec *pieces, int count, long result);
void ends_lookup(int error, const struct addrinfo *list);

enum { NO_SOCKET = -2 }; /* stands for one in calls that are on none */

size_t length_of(const struct iovec *pieces, int count);

void note_socket(int fd, int family, int type);
long new_thread(void); /* its number */
void begins_thread(long number);

#pragma GCC visibility pop

#endif
