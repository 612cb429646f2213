/*
 * What no peer can do to a program. Preloaded, this library makes its calls
 * fail, fall short or come late, and answers its lookups from a file:
 *
 *     FAULTS='accept=EMFILE@2 send=7 thread=+100' NAMES=hosts \
 *         LD_PRELOAD=build/support/preload.so build/lab5/server
 *
 * FAULTS has words of the form CALL=WHAT, CALL=WHAT@N or CALL=WHAT@N-. CALL is
 * accept, connect, listen, getaddrinfo, pthread_create, thread (which begins
 * its function), or send or recv: any call that does so with a socket. WHAT:
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
 * The service lab-5300 is port 5300, whatever /etc/services has.
 *
 * Limits: what happens inside the C library is not seen, such as the reads of
 * an fdopen(3)ed socket. A datagram is never cut, for the rest of it would be
 * lost, nor what MSG_PEEK and MSG_WAITALL promise. For a name in the file
 * AI_ADDRCONFIG and AI_V4MAPPED do nothing.
 */
#undef _POSIX_C_SOURCE /* it hides RTLD_NEXT on BSD */
#undef _FORTIFY_SOURCE /* its headers define some of these functions, too */
#define _GNU_SOURCE    /* RTLD_NEXT */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

/* With _GNU_SOURCE glibc declares `struct sockaddr *` as a union of pointers,
   which is the same to a caller. */
#pragma GCC diagnostic ignored "-Wpedantic"

/* Declares next, the function that would be called without this library. ISO C
   has no cast from an object pointer to a function pointer. */
#define NEXT(call)                                                             \
    __typeof__(call) *next;                                                    \
    *(void **)(&next) = dlsym(RTLD_NEXT, #call)

static _Noreturn void refuse(const char *why, const char *text)
{
    warnx("%s: %s", why, text);
    _exit(2); /* what exit(3) does the program may not be ready for */
}

static void sleep_ms(long ms)
{
    struct timespec left = {.tv_sec = ms / 1000,
                            .tv_nsec = ms % 1000 * 1000000};

    while (nanosleep(&left, &left) == -1 && errno == EINTR)
        ;
}

/* Returns the number that a name stands for, 0 when there is no such name. */
static int code_of(const char *name)
{
#define CODE(name) #name, name
    static const struct {
        const char *name;
        int value;
    } codes[] = {
        {CODE(EACCES)},       {CODE(EADDRINUSE)},  {CODE(EADDRNOTAVAIL)},
        {CODE(EAFNOSUPPORT)}, {CODE(EAGAIN)},      {CODE(ECONNABORTED)},
        {CODE(ECONNREFUSED)}, {CODE(ECONNRESET)},  {CODE(EHOSTUNREACH)},
        {CODE(EINTR)},        {CODE(EINVAL)},      {CODE(EIO)},
        {CODE(EMFILE)},       {CODE(ENETUNREACH)}, {CODE(ENFILE)},
        {CODE(ENOBUFS)},      {CODE(ENOMEM)},      {CODE(EPERM)},
        {CODE(EPIPE)},        {CODE(EPROTO)},      {CODE(ETIMEDOUT)},
        {CODE(EAI_AGAIN)},    {CODE(EAI_FAIL)},    {CODE(EAI_FAMILY)},
        {CODE(EAI_MEMORY)},   {CODE(EAI_NONAME)},  {CODE(EAI_SERVICE)},
        {CODE(EAI_SYSTEM)},
    };

    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        if (strcmp(codes[i].name, name) == 0)
            return codes[i].value;
    return 0;
}

/* Faults: what is to happen to the calls of a name. */

static struct fault {
    char call[16];
    long first, last; /* of the calls, counted from 1 */
    long late_ms;
    long most;         /* bytes; 0: all */
    int error;         /* 0: none */
    atomic_long count; /* of the calls so far, in the first fault of a call */
} faults[16];
static size_t fault_count;
static atomic_bool accepting; /* accept has been called */
static bool searches;         /* for leaks, at SIGTERM */

static bool read_fault(struct fault *fault, const char *word)
{
    static const char *const calls[] = {
        "accept",         "connect", "listen", "getaddrinfo",
        "pthread_create", "thread",  "send",   "recv",
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
    bool moves =
        strcmp(fault->call, "send") == 0 || strcmp(fault->call, "recv") == 0;

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

static void read_faults(const char *text)
{
    char word[64];
    int len;

    for (; sscanf(text, " %63s%n", word, &len) == 1; text += len)
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

/*
 * Counts a call, and does to it what FAULTS says: waits, makes *len less, or
 * returns the error that it is to have. len is NULL for a call that moves no
 * bytes; those that do so matter on sockets only.
 */
static int meddle(const char *call, int fd, int flags, size_t *len)
{
    int error = 0, saved = errno, type = SOCK_STREAM;
    socklen_t size = sizeof(type);
    long count = 0;

    if (strcmp(call, "accept") == 0 && !atomic_exchange(&accepting, true))
        await_sigterm();
    if (fault_count == 0)
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
    return error;
}

/* The same for a call that has its error in errno. */
static bool fails(const char *call, int fd, int flags, size_t *len)
{
    int error = meddle(call, fd, flags, len);

    if (error)
        errno = error;
    return error != 0;
}

/* The same for bytes in several pieces. When not all may be moved, the first
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

/* Defines a call that returns -1 when it fails. */
#define WRAP(type, call, parameters, arguments, failing)                       \
    type call parameters                                                       \
    {                                                                          \
        NEXT(call);                                                            \
        return (failing) ? -1 : next arguments;                                \
    }

WRAP(int, accept,
     (int fd, struct sockaddr *restrict from, socklen_t *restrict size),
     (fd, from, size), fails("accept", fd, 0, NULL))

WRAP(int, accept4,
     (int fd, struct sockaddr *restrict from, socklen_t *restrict size,
      int flags),
     (fd, from, size, flags), fails("accept", fd, 0, NULL))

WRAP(int, listen, (int fd, int backlog), (fd, backlog),
     fails("listen", fd, 0, NULL))

WRAP(ssize_t, send, (int fd, const void *bytes, size_t len, int flags),
     (fd, bytes, len, flags), fails("send", fd, flags, &len))

WRAP(ssize_t, sendto,
     (int fd, const void *bytes, size_t len, int flags,
      const struct sockaddr *to, socklen_t size),
     (fd, bytes, len, flags, to, size), fails("send", fd, flags, &len))

WRAP(ssize_t, write, (int fd, const void *bytes, size_t len), (fd, bytes, len),
     fails("send", fd, 0, &len))

WRAP(ssize_t, recv, (int fd, void *bytes, size_t len, int flags),
     (fd, bytes, len, flags), fails("recv", fd, flags, &len))

WRAP(ssize_t, recvfrom,
     (int fd, void *restrict bytes, size_t len, int flags,
      struct sockaddr *restrict from, socklen_t *restrict size),
     (fd, bytes, len, flags, from, size), fails("recv", fd, flags, &len))

WRAP(ssize_t, read, (int fd, void *bytes, size_t len), (fd, bytes, len),
     fails("recv", fd, 0, &len))

WRAP(ssize_t, writev, (int fd, const struct iovec *pieces, int count),
     (fd, pieces, count),
     fails_pieces("send", fd, 0, &pieces, &count, &(struct iovec){0}))

WRAP(ssize_t, readv, (int fd, const struct iovec *pieces, int count),
     (fd, pieces, count),
     fails_pieces("recv", fd, 0, &pieces, &count, &(struct iovec){0}))

/* An interrupted connect goes on by itself, connect(2): so it is begun. */
int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    NEXT(connect);
    if (!fails("connect", fd, 0, NULL))
        return next(fd, address, size);
    if (errno == EINTR) {
        int flags = fcntl(fd, F_GETFL);
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
        next(fd, address, size);
        fcntl(fd, F_SETFL, flags);
        errno = EINTR;
    }
    return -1;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct msghdr all = *message;

    NEXT(sendmsg);
    return fails_message("send", fd, flags, &all, &(struct iovec){0})
               ? -1
               : next(fd, &all, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    struct msghdr all = *message;

    NEXT(recvmsg);
    if (fails_message("recv", fd, flags, message, &(struct iovec){0}))
        return -1;
    ssize_t n = next(fd, message, flags);
    message->msg_iov = all.msg_iov;
    message->msg_iovlen = all.msg_iovlen;
    return n;
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
#endif

/* Threads. */

struct start {
    void *(*function)(void *);
    void *argument;
};

static void *begin(void *argument)
{
    struct start start = *(struct start *)argument;

    free(argument);
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
    if (!accepting || is_sanitizers(attributes))
        return next(thread, attributes, function, argument);
    int error = meddle("pthread_create", -1, 0, NULL);
    struct start *start = error ? NULL : malloc(sizeof(*start));
    if (start == NULL)
        return error ? error : EAGAIN;
    *start = (struct start){function, argument}; /* begin frees it */
    error = next(thread, attributes, begin, start);
    if (error)
        free(start);
    return error;
}

/* Names. */

static const char *names; /* the file's path; NULL: there is none */

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* A result is one piece of the heap, and can be freed alone: POSIX lets
   freeaddrinfo have a part of a list. */
struct result {
    struct addrinfo info;
    union address address;
};

/* Adds a result to the end of a list. Returns where the next one goes, or NULL
   without memory. */
static struct addrinfo **append(struct addrinfo **end,
                                const struct addrinfo *kind,
                                const union address *address,
                                const char *canonical)
{
    bool in = address->any.sa_family == AF_INET;
    struct result *new = malloc(sizeof(*new));

    if (new == NULL)
        return NULL;
    *new = (struct result){.info = *kind};
    new->info.ai_addrlen = in ? sizeof(address->in) : sizeof(address->in6);
    memcpy(&new->address, address, new->info.ai_addrlen);
    new->info.ai_addr = &new->address.any;
    new->info.ai_family = address->any.sa_family;
    new->info.ai_canonname = canonical ? strdup(canonical) : NULL;
    new->info.ai_next = NULL;
    *end = &new->info;
    return &new->info.ai_next;
}

/* Reads the first word of a line when that is an address. */
static bool read_address(const char *word, union address *address)
{
    *address = (union address){.any.sa_family = AF_UNSPEC};
    if (inet_pton(AF_INET, word, &address->in.sin_addr) == 1)
        address->any.sa_family = AF_INET;
    else if (inet_pton(AF_INET6, word, &address->in6.sin6_addr) == 1)
        address->any.sa_family = AF_INET6;
    return address->any.sa_family != AF_UNSPEC;
}

/* Adds an address with each kind of socket, which also has the port. */
static struct addrinfo **append_all(struct addrinfo **end,
                                    const struct addrinfo *kinds,
                                    union address address,
                                    const char *canonical)
{
    for (; kinds && end; kinds = kinds->ai_next) {
        /* It is at the same place in both families. */
        address.in.sin_port = ((union address *)kinds->ai_addr)->in.sin_port;
        end = append(end, kinds, &address, canonical);
        canonical = NULL; /* only the first result has it */
    }
    return end;
}

/* Adds what the file has for a name. */
static int look_up(const char *host, int family, const struct addrinfo *kinds,
                   struct addrinfo **end)
{
    static const char blanks[] = " \t\r\n";
    struct addrinfo **const start = end;
    FILE *file = fopen(names, "r");
    char line[1024], *rest;
    int error = 0;

    if (file == NULL)
        return EAI_SYSTEM; /* as the real one when descriptors are short */
    while (end && fgets(line, sizeof(line), file)) {
        union address address;
        line[strcspn(line, "#")] = '\0';
        char *meaning = strtok_r(line, blanks, &rest);
        char *first = meaning ? strtok_r(NULL, blanks, &rest) : NULL;
        char *name = first;
        while (name && strcasecmp(name, host) != 0)
            name = strtok_r(NULL, blanks, &rest);
        if (name == NULL)
            continue;
        if (meaning[0] == '+')
            sleep_ms(strtol(meaning, NULL, 10));
        else if (code_of(meaning))
            error = code_of(meaning);
        else if (!read_address(meaning, &address))
            refuse("not understood in NAMES", meaning);
        else if (family == AF_UNSPEC || family == address.any.sa_family)
            end =
                append_all(end, kinds, address,
                           end == start && kinds->ai_canonname ? first : NULL);
    }
    fclose(file);
    if (end == NULL)
        return EAI_MEMORY;
    return error ? error : end == start ? EAI_NONAME : 0;
}

static void free_real(struct addrinfo *list)
{
    NEXT(freeaddrinfo);
    next(list);
}

/* The number in a service like lab-5300; any other as it is. */
static const char *port_of(const char *service)
{
    const char *dash = service ? strrchr(service, '-') : NULL;

    if (dash == NULL || dash == service || dash[1] == '\0' ||
        dash[1 + strspn(dash + 1, "0123456789")] != '\0')
        return service;
    return dash + 1;
}

/* A port in the file of services that no machine has. */
struct servent *getservbyname(const char *name, const char *protocol)
{
    static _Thread_local struct servent found;
    static char *no_alias;
    const char *port = port_of(name);

    NEXT(getservbyname);
    if (names == NULL || port == name)
        return next(name, protocol);
    found = (struct servent){
        .s_name = (char *)name,
        .s_aliases = &no_alias,
        .s_port = htons((uint16_t)strtol(port, NULL, 10)),
        .s_proto = (char *)(protocol ? protocol : "tcp"),
    };
    return &found;
}

/*
 * The real function judges hints and service, and answers what needs no lookup.
 * For a name it is asked about 127.0.0.1 instead: that shows the kinds of
 * sockets and the ports. With NAMES, all results are made here.
 */
static int answer(const char *host, const char *service,
                  const struct addrinfo *hints, struct addrinfo **end)
{
    struct addrinfo asked = {0}, *real;
    bool is_name = false;

    NEXT(getaddrinfo);
    if (hints)
        asked = *hints;
    bool numeric = host == NULL || asked.ai_flags & AI_NUMERICHOST;
    if (!(asked.ai_flags & AI_NUMERICSERV))
        service = port_of(service);
    asked.ai_flags |= AI_NUMERICHOST;
    int error = next(host, service, &asked, &real);
    if (error == EAI_NONAME && !numeric) {
        is_name = true;
        asked.ai_family = AF_INET;
        asked.ai_flags &= ~AI_ADDRCONFIG;
        error = next("127.0.0.1", service, &asked, &real);
    }
    if (error)
        return error;
    if (is_name)
        error = look_up(host, hints ? hints->ai_family : AF_UNSPEC, real, end);
    for (struct addrinfo *r = real; r && end && !is_name; r = r->ai_next)
        end = append(end, r, (union address *)r->ai_addr, r->ai_canonname);
    free_real(real);
    return end ? error : EAI_MEMORY;
}

int getaddrinfo(const char *restrict host, const char *restrict service,
                const struct addrinfo *restrict hints,
                struct addrinfo **restrict result)
{
    struct addrinfo *list = NULL;

    NEXT(getaddrinfo);
    int error = meddle("getaddrinfo", -1, 0, NULL);
    if (error == EAI_SYSTEM)
        errno = EMFILE;
    if (error || names == NULL)
        return error ? error : next(host, service, hints, result);
    error = answer(host, service, hints, &list);
    if (error)
        freeaddrinfo(list);
    else
        *result = list;
    return error;
}

void freeaddrinfo(struct addrinfo *list)
{
    if (names == NULL)
        free_real(list);
    while (names && list) {
        struct addrinfo *rest = list->ai_next;
        free(list->ai_canonname);
        free(list);
        list = rest;
    }
}

__attribute__((constructor)) static void read_environment(void)
{
    const char *text = getenv("FAULTS");

    if (text)
        read_faults(text);
    names = getenv("NAMES");
    if (names && *names == '\0')
        names = NULL;
    if (names && access(names, R_OK) == -1)
        refuse("cannot read NAMES", names);
}
