/*
 * What labs 1 and 2 taught, as tools: TCP. Used from lab 3 on.
 *
 * The functions that open something end the program when they fail, with a
 * message that says what failed and why. Those that move bytes leave that to
 * the caller.
 */
#ifndef NET_H
#define NET_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Room for an IPv6 address with its scope, and for the port. */
enum { ADDRESS_TEXT = INET6_ADDRSTRLEN + 32 };

/*
 * Writes an address of `len` bytes as people read it, "127.0.0.1 port 8080",
 * into `text`, which has room for ADDRESS_TEXT characters or more: `static`
 * says so to the compiler. Lab 1 did that with inet_ntop(3) for IPv4;
 * getnameinfo(3) does it for every family.
 */
void address_text(const struct sockaddr *address, socklen_t len,
                  char text[static ADDRESS_TEXT]);

/*
 * Returns a socket that listens on an IPv4 address in dotted form and a port
 * in host byte order, and puts the address that it got into `text`, as
 * address_text does: for port 0 the system picks one. A server can use the
 * port of one that has just ended (SO_REUSEADDR, socket(7)). Exits 2 when `ip`
 * is no address, 1 when a call fails. Taught by lab 1: socket(2), bind(2),
 * listen(2), getsockname(2).
 */
int tcp_listen(const char *ip, uint16_t port, char text[static ADDRESS_TEXT]);

/*
 * Waits for the next client. Returns the connection, and puts the client's
 * address into `text`, as address_text does. A client that gave up is passed
 * over; after any other error, such as no free descriptor, it warns and tries
 * again a second later. Taught by lab 2: accept(2).
 */
int tcp_accept(int listener, char text[static ADDRESS_TEXT]);

/*
 * Returns a socket that is connected to an IPv4 address in dotted form and a
 * port in host byte order. Exits 2 when `ip` is no address, 1 when a call
 * fails. Taught by lab 1: connect(2).
 */
int tcp_connect(const char *ip, uint16_t port);

/*
 * Sends all `len` bytes, however few send(2) takes at once. Returns 0, or -1
 * with errno of send(2). Taught by lab 2.
 */
int send_all(int conn, const char *bytes, size_t len);

#endif
