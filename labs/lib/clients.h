/*
 * What lab 4 taught, as a tool: many clients at once, each in a thread of its
 * own. Used from lab 5 on.
 */
#ifndef CLIENTS_H
#define CLIENTS_H

/*
 * Accepts clients for ever, and has each served by a detached thread, which
 * calls `serve` with the connection and the client's number, 1 for the first.
 * `serve` returns when this client is done: 0, or -1 with errno, which is
 * printed. It must not close the connection, nor end the program.
 *
 * Prints "Client 1 connected from 127.0.0.1 port 40000" before, and "Client 1
 * disconnected (0 still connected)" afterwards. Where no thread can be had,
 * that client is sent away. Taught by lab 4: pthread_create(3),
 * pthread_detach(3), pthread_mutex_lock(3).
 */
_Noreturn void serve_clients(int listener, int (*serve)(int, unsigned));

#endif
