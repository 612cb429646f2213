/*
 * Lab 5, dns: what the server and the client do alike with names.
 */
#ifndef NAMES_H
#define NAMES_H

#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>

/* Room for an address in digits: an IPv6 one may have a scope, "%eth0". */
enum { IP_TEXT = INET6_ADDRSTRLEN + 20 };

/*
 * Finds the addresses of a name, for TCP, in the order in which they are to be
 * tried. `service` is a port in digits, or the name of a service, or NULL.
 * Returns 0 and a list, which the caller gives to freeaddrinfo(3); or an error
 * of getaddrinfo(3), which gai_strerror(3) puts into words.
 */
int look_up(const char *name, const char *service, struct addrinfo **list);

/* Writes an address in digits, without its port, into `text`. */
void ip_text(const struct addrinfo *address, char text[static IP_TEXT]);

/* The same address stands in the list before. */
bool is_repeated(const struct addrinfo *list, const struct addrinfo *address);

#endif
