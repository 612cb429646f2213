/*
 * The command line and stdout: everything in a lab that is no networking.
 * No lab teaches it; every lab uses it, from lab 1 on.
 */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stdint.h>

/* An option without argument, such as -i. A table has 8 of them at most, and
   ends with {0}. */
struct cli_option {
    char letter;
    bool *given;      /* set to true when the option is there */
    bool alone;       /* the option takes no operands beside it */
    const char *help; /* what it does, for the usage */
};

/* What the operands said, or the defaults where there were none. */
struct cli {
    const char *host;    /* as typed: the program finds out what it means */
    uint16_t port;       /* in host byte order */
    const char *service; /* a client's: the same as text, or a name */
};

/*
 * Read `server [PORT [ADDRESS]]` and `client [HOST [PORT]]`, with options
 * before the operands, and make stdout line-buffered: each line is seen when
 * it is printed, through a pipe too. Without operands the host is 127.0.0.1
 * and the port is `port`. `options` may be NULL.
 *
 * -h prints the usage and exits 0. Wrong usage exits 2, and so does a port
 * that is anything but ASCII digits, from 0 for a server (the system picks
 * one) or 1 for a client, to 65535. A program whose output could not be
 * written says why at its end, and exits 1.
 */
struct cli cli_server(int argc, char **argv, uint16_t port,
                      const struct cli_option *options);
struct cli cli_client(int argc, char **argv, uint16_t port,
                      const struct cli_option *options);

/* As cli_client, for a client that looks names up, from lab 5 on: in place of
   the port there may be the name of a service, which begins with a letter or
   digit. `service` is that name then, and `port` is the default. */
struct cli cli_client_by_name(int argc, char **argv, uint16_t port,
                              const struct cli_option *options);

/*
 * Asks for a server's address and port on stdout and reads them from stdin,
 * in place of operands. Leaves `service` alone. At end of input, exits 1.
 */
void cli_ask(struct cli *cli);

/*
 * Stands where a step is still to be written: says which step, and in which
 * file its TODO is, on stderr, and exits 3. Behind the number stands what the
 * step will use, so that the compiler does not complain that nobody does.
 */
#define todo(...) cli_todo(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn void cli_todo(const char *file, int line, int step, ...);

#endif
