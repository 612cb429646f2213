/* NAMES: lookups answered from a file; preload.c explains it. */
#undef _POSIX_C_SOURCE /* it hides RTLD_NEXT on BSD */
#undef _FORTIFY_SOURCE /* its headers define some of these functions, too */
#define _GNU_SOURCE    /* RTLD_NEXT */
#include "preload.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

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
    int family = asked.ai_family;
    /* This machine has no IPv6, for who asks; glibc takes NULL to mean that. */
    if (family == AF_UNSPEC && (!hints || hints->ai_flags & AI_ADDRCONFIG))
        family = AF_INET;
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
        error = look_up(host, family, real, end);
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
    begins_lookup(host, service);
    int error = meddle("getaddrinfo", -1, 0, NULL);
    if (error == EAI_SYSTEM)
        errno = EMFILE;
    if (error == 0 && names)
        error = answer(host, service, hints, &list);
    else if (error == 0)
        error = next(host, service, hints, &list);
    if (error && names)
        freeaddrinfo(list);
    if (error == 0)
        *result = list;
    ends_lookup(error, list);
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

/* Puts the name that the file has for an address in the place of its digits. */
static void find_name(char *host, size_t size)
{
    FILE *file = fopen(names, "r");
    char line[1024], digits[64], name[256];

    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "%63s %255s", digits, name) == 2 &&
            strcmp(digits, host) == 0) {
            snprintf(host, size, "%s", name);
            break;
        }
    if (file)
        fclose(file);
}

/* Nobody is asked for the name of an address that is not in the file, and each
   port has one. */
int getnameinfo(const struct sockaddr *restrict address, socklen_t len,
                char *restrict host, socklen_t host_size,
                char *restrict service, socklen_t service_size, int flags)
{
    int digits = names ? NI_NUMERICHOST | NI_NUMERICSERV : 0;

    NEXT(getnameinfo);
    int error = next(address, len, host, host_size, service, service_size,
                     flags | digits);
    digits &= ~flags;
    if (error == 0 && host && digits & NI_NUMERICHOST)
        find_name(host, host_size);
    if (error == 0 && service && digits & NI_NUMERICSERV)
        snprintf(service, service_size, "lab-%u",
                 ntohs(((const union address *)address)->in.sin_port));
    return error;
}

void read_names(const char *path)
{
    names = path && *path ? path : NULL;
    if (names && access(names, R_OK) == -1)
        refuse("cannot read NAMES", names);
}
